/** Servers of the scaled form that stop, hang and come back, and processors that go and come. */
import { type Fault, eventually, mustHold } from './fault.ts'
import { EVENTS_PER_SECOND, type ScaledSite } from './scaled-site.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const SEEN_MS_MAX = 30_000
const AWAY_MS = 4_000
const LONG_AWAY_MS = 60_000
const CAUGHT_UP_MS_MAX = 60_000
/** What was promised: a backlog is worked off at three times the rate at which events come in, new ones included. */
const CATCH_UP_TIMES = 3
/** The processors miss one that hangs after a session of 30 s. */
const TAKEOVER_MS_MAX = 90_000

/** What `/readyz` must name. */
async function seesTrouble(site: ScaledSite, of: 'api' | 'ingest', reason: RegExp): Promise<void> {
  await eventually(`/readyz of ${of} with ${reason}`, SEEN_MS_MAX, async () => {
    const { status, notReady } = await (of === 'api' ? site.readiness() : site.ingestReadiness())
    mustHold(status === 503 && notReady.some((text) => reason.test(text)), `/readyz says ${status} ${notReady.join('; ')}`)
    return true as const
  })
}

/** Events are taken, whatever is away but the log. */
async function ingestGoesOn(site: ScaledSite): Promise<void> {
  const { status, body } = await site.sender.send([site.sender.share()])
  mustHold(status === 202, `ingest answers ${status} ${body}`)
}

const kafkaKilled: Fault<ScaledSite> = {
  name: 'Kafka is killed and started again',
  rounds: { short: 1, full: 20 },
  async round(site) {
    const { kafka } = site.servers
    await kafka.kill()
    await seesTrouble(site, 'ingest', /^log: /)
    const { status, retryAfter } = await site.sender.send([site.sender.share()])
    mustHold(status === undefined || (status === 503 && Number(retryAfter) > 0), `without Kafka, ingest answers ${status}`)
    await kafka.restart()
    return performance.now()
  },
}

const redisKilled: Fault<ScaledSite> = {
  name: 'Redis is killed, and comes back empty',
  rounds: { short: 1, full: 20 },
  async round(site) {
    const { redis } = site.servers
    await redis.kill()
    await sleep(AWAY_MS / 2)
    await ingestGoesOn(site)
    await redis.restart()
    return performance.now()
  },
}

const redisFull: Fault<ScaledSite> = {
  name: 'Redis is out of memory',
  rounds: { short: 0, full: 20 },
  async round(site) {
    const { redis } = site.servers
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    await sleep(AWAY_MS / 2)
    await ingestGoesOn(site)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    return performance.now()
  },
}

const redisHangs: Fault<ScaledSite> = {
  name: 'Redis hangs',
  rounds: { short: 0, full: 20 },
  async round(site) {
    const { redis } = site.servers
    redis.freeze()
    try {
      await sleep(AWAY_MS)
      await ingestGoesOn(site)
    } finally {
      redis.thaw()
    }
    return performance.now()
  },
}

/** Reads the backlog down while new events come in at the rate of the load; gives how many times that rate it is. */
async function catchUp(site: ScaledSite): Promise<{ readonly backlog: number; readonly times: number }> {
  const backlog = await site.lagRecords()
  const from = performance.now()
  const left = await eventually('the end of the backlog', CAUGHT_UP_MS_MAX, async () => {
    const records = await site.lagRecords()
    return records < 2 * EVENTS_PER_SECOND ? records : undefined
  })
  const seconds = (performance.now() - from) / 1_000
  return { backlog, times: (backlog - left) / seconds / EVENTS_PER_SECOND + 1 }
}

const warehouseAway: Fault<ScaledSite> = {
  name: 'the warehouse is away: events are taken, and caught up with',
  rounds: { short: 1, full: 5 },
  async round(site, round) {
    const { front } = site.servers
    front.freeze()
    try {
      await seesTrouble(site, 'api', /^warehouse: /)
      await sleep(round === 0 ? 2 * AWAY_MS : LONG_AWAY_MS)
      await ingestGoesOn(site)
      mustHold((await site.ingestReadiness()).status === 200, 'ingest is not ready without the warehouse')
    } finally {
      front.thaw()
    }
    const since = performance.now()
    const { backlog, times } = await catchUp(site)
    const measured = `caught up with ${backlog} records at ${times.toFixed(1)} times the live rate`
    mustHold(times >= CATCH_UP_TIMES, measured)
    return { since, measured }
  },
}

const processorKilled: Fault<ScaledSite> = {
  name: 'a processor is killed and started again',
  rounds: { short: 0, full: 20 },
  async round(site) {
    await site.takeProcessor('one').kill()
    const killedAt = performance.now()
    await site.startProcessor('one')
    return killedAt
  },
}

/** What was held up finds the newer claim when it writes its next commit, and writes nothing. */
const processorHeldUp: Fault<ScaledSite> = {
  name: 'a processor hangs, another takes over, and it goes on',
  rounds: { short: 0, full: 10 },
  async round(site) {
    const heldUp = site.takeProcessor('two')
    heldUp.freeze()
    try {
      await sleep(AWAY_MS)
      await eventually('another takes over', TAKEOVER_MS_MAX, async () => ((await site.recovered()) as undefined) ?? true)
    } finally {
      heldUp.thaw()
      site.putProcessor('two', heldUp)
    }
    return performance.now()
  },
}

const rebalance: Fault<ScaledSite> = {
  name: 'a processor joins under load, and leaves',
  rounds: { short: 1, full: 20 },
  async round(site) {
    await site.startProcessor('three')
    await sleep(AWAY_MS)
    await site.takeProcessor('three').stop()
    return performance.now()
  },
}

/** Faults of servers and processors; they may follow one another on one site. */
export const SERVER_FAULTS: readonly Fault<ScaledSite>[] = [
  warehouseAway,
  kafkaKilled,
  redisKilled,
  redisFull,
  redisHangs,
  rebalance,
  processorKilled,
  processorHeldUp,
]
