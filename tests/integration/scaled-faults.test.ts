/**
 * The roles under a load while Redis and the warehouse stop and start, and processors are killed, replaced and held up:
 * nothing that was acknowledged is lost, nothing counts twice, ingest answers all along, and `/readyz` says what is wrong.
 * The phases follow one another on one product; what they left is looked at in the end.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest'
import { createRandom } from '../../simulate/random.ts'
import { type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import { type LiveWatcher, watchLive } from '../support/live-watcher.ts'
import { type RunningRedis, startRedis } from '../support/redis-server.ts'
import type { RunningProduct } from '../support/running-product.ts'
import { migrateScaled, SCALED_KEYS, type ScaledProduct } from '../support/scaled-product.ts'
import { startSteadyLoad, type SteadyLoad } from './steady-load.ts'

const EVENTS_PER_SECOND = 150
const PROBE_MS_MAX = 5_000
/** A process that is gone or held up is missed after its session of 30 s. */
const TAKEOVER_MS_MAX = 90_000
const FROZEN_MS = 10_000
/** What is readable is at most so many events behind: 10 s of the load, since all servers share the cores of the test. */
const LAG_MAX = 10 * EVENTS_PER_SECOND

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const within = (timeout: number, check: () => void | Promise<void>) => vi.waitFor(check, { timeout, interval: 100 })

let folder: string
let kafka: RunningKafka
let redis: RunningRedis
let front: ClickHouseFront
let product: ScaledProduct
let ingest: RunningProduct
let api: RunningProduct
let one: RunningProduct
let two: RunningProduct
let three: RunningProduct
let watcher: LiveWatcher
let load: SteadyLoad

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-faults-'))
  ;[kafka, redis, front] = await Promise.all([startKafka({ version: '3.9' }), startRedis(), startClickHouseFront()])
  product = await migrateScaled({
    brokers: kafka.brokers,
    clickhouseUrl: front.url(),
    redisUrl: redis.url,
    partitions: 3,
    prefix: 'faults',
  })
  ;[ingest, api, one, two] = await Promise.all([
    product.start('ingest', join(folder, 'ingest')),
    product.start('api', join(folder, 'api')),
    product.start('process', join(folder, 'one')),
    product.start('process', join(folder, 'two')),
  ])
  watcher = await watchLive(api.url, SCALED_KEYS.KAPPA_READ_KEY)
  load = startSteadyLoad({
    url: ingest.url,
    key: SCALED_KEYS.KAPPA_SERVER_KEY,
    eventsPerSecond: EVENTS_PER_SECOND,
    prefix: 'load',
    random: createRandom(20261121),
  })
})

afterAll(async () => {
  await load?.stop()
  watcher?.close()
  front?.thaw()
  two?.thaw()
  await product?.stop()
  await Promise.all([front?.close(), redis?.stop(), kafka?.stop()])
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  onTestFailed(() => {
    for (const role of [ingest, api, one, two, three]) console.info(role?.printed().slice(-2_000))
  })
})

/** What `/readyz` says: its status, what is not ready and why, and how many events are not readable. */
async function readiness({ url }: RunningProduct): Promise<{ status: number; notReady: string[]; lag: number }> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS_MAX) })
  const { not_ready, sink_lag } = (await response.json()) as {
    not_ready: { name: string; reason: string }[]
    sink_lag: { events: number } | null
  }
  return {
    status: response.status,
    notReady: not_ready.map(({ name, reason }) => `${name}: ${reason}`),
    lag: sink_lag?.events ?? Number.NaN,
  }
}

/** Everything works, and what is readable is hardly behind. */
async function expectRecovered(roles: readonly RunningProduct[], timeout: number): Promise<void> {
  await within(timeout, async () => {
    for (const role of roles) {
      const { status, notReady } = await readiness(role)
      expect([status, ...notReady]).toEqual([200])
    }
    expect((await readiness(api)).lag).toBeLessThan(LAG_MAX)
  })
}

/** The watcher hears of growth again, more than what was said before. */
async function expectLive(): Promise<void> {
  const before = watcher.heard.length
  await within(60_000, () => expect(watcher.heard.length).toBeGreaterThan(before + 3))
  expect(watcher.isOpen).toBe(true)
}

async function rows<Row>(sql: string): Promise<Row[]> {
  const { status, stdout, stderr } = await product.run(['sql', '--json', sql])
  expect(status, stderr).toBe(0)
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Row]))
}

/** Of the running day. */
async function growth(): Promise<Record<string, { value: number | null }>> {
  const response = await fetch(`${api.url}/v1/growth?window=24h`, { headers: { authorization: `Bearer ${SCALED_KEYS.KAPPA_READ_KEY}` } })
  expect(response.status).toBe(200)
  return ((await response.json()) as { metrics: Record<string, { value: number | null }> }).metrics
}

describe('roles under load', { timeout: 240_000 }, () => {
  it('go on without Redis, which costs live updates between processes only', async () => {
    await expectRecovered([ingest, api, one, two], 60_000)
    await expectLive()
    await redis.kill()
    await sleep(500)
    const before = watcher.heard.length
    await sleep(2_000)
    expect(watcher.heard.length).toBe(before)
    await expectRecovered([ingest, api, one, two], 60_000)
    await redis.restart()
    await expectLive()
  })

  it('send a commit again that the warehouse refused, or took without an answer', async () => {
    await front.fail({ kind: 'lost-answer' }, { times: 4, matching: 'INSERT INTO events' })
    await front.fail({ kind: 'refused', form: '503' }, { times: 3, matching: 'INSERT INTO events' })
    await front.fail({ kind: 'lost-answer' }, { times: 2, matching: 'INSERT INTO people' })
    await front.fail({ kind: 'refused', form: 'reset' }, { times: 3, matching: 'INSERT INTO growth_windows' })
    await load.repeatOld(20)
    await within(15_000, () => expect(`${one.printed()}${two.printed()}`).toMatch(/the warehouse did not take a commit.*503/))
    await expectRecovered([ingest, api, one, two], 60_000)
  })

  it('name the warehouse while it hangs; ingest is ready', async () => {
    const frozenAt = performance.now()
    front.freeze()
    try {
      await load.repeatOld(20)
      for (const role of [api, one, two]) {
        const { status, notReady } = await readiness(role)
        expect([status, notReady]).toEqual([503, expect.arrayContaining([expect.stringMatching(/^warehouse: /)])])
      }
      expect((await readiness(ingest)).status).toBe(200)
      await sleep(FROZEN_MS - (performance.now() - frozenAt))
    } finally {
      front.thaw()
    }
    await expectRecovered([ingest, api, one, two], 60_000)
  })

  it('go on after one was killed and started again over its data', async () => {
    await one.kill()
    await load.repeatOld(20)
    one = await product.start('process', join(folder, 'one'))
    await expectRecovered([ingest, api, one, two], TAKEOVER_MS_MAX)
    await load.repeatOld(20)
    await expectLive()
  })

  it('replace one that is held up by one that has nothing; what was held up writes nothing more', async () => {
    three = await product.start('process', join(folder, 'three'))
    await expectRecovered([one, two, three], TAKEOVER_MS_MAX)
    two.freeze()
    await load.repeatOld(20)
    await within(TAKEOVER_MS_MAX, async () => expect((await readiness(api)).lag).toBeGreaterThan(LAG_MAX))
    await expectRecovered([ingest, api, one, three], TAKEOVER_MS_MAX)
    two.thaw()
    await load.repeatOld(20)
    await sleep(2_000)
    await expectRecovered([ingest, api, one, two, three], TAKEOVER_MS_MAX)
    await expectLive()
  })

  it('have lost nothing, and counted nothing twice', async () => {
    await load.stop()
    const { acknowledged, made, outcomes, quarantined, slowestMs } = load.tally
    console.info(`${acknowledged.size} events, slowest batch ${Math.round(slowestMs)} ms, ${JSON.stringify(outcomes)}`)
    expect(Object.keys(outcomes).sort()).toEqual(['202', 'went away'])
    expect(quarantined).toBe(0)

    const verified = await product.run(['verify', '--ends', '2'])
    expect(verified.status, verified.stdout + verified.stderr).toBe(0)
    expect(verified.stdout).toContain('no difference')

    const stored = new Set((await rows<{ event_id: string }>('SELECT event_id FROM events FINAL')).map(({ event_id }) => event_id))
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([])
    expect(stored.size).toBe(acknowledged.size)
    expect(
      await rows(
        'SELECT count() - uniqExact(event_id) AS twice, countIf(late) AS late, (SELECT count() FROM quarantine) AS bad FROM events FINAL',
      ),
    ).toEqual([{ twice: 0, late: 0, bad: 0 }])

    const { shares, invites_sent, new_users, k_factor } = await growth()
    expect([shares?.value, invites_sent?.value, new_users?.value]).toEqual([made.share, made.invite, made.signup])
    expect(k_factor?.value).toBeGreaterThan(0)
  }, 300_000)

  it('name the log when it is gone, and are ready when it is back', async () => {
    await kafka.kill()
    for (const role of [ingest, api, one]) {
      const { status, notReady } = await readiness(role)
      expect([status, notReady]).toEqual([503, expect.arrayContaining([expect.stringMatching(/^log: /)])])
    }
    await kafka.restart()
    await expectRecovered([ingest, api, one, two, three], TAKEOVER_MS_MAX)
  })
})
