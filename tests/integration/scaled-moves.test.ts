/**
 * Partitions that move to an instance which has nothing on its disk: it goes on from the snapshots that the one before it has
 * left in the topic. The events before those are deleted here, so that reading from the start would fail; what is counted
 * then is what was sent, before and after.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFailed, vi } from 'vitest'
import { createRandom } from '../../simulate/random.ts'
import { type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import { KAFKA_VERSIONS } from '../support/brokers/kafka-jars.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import type { RunningProduct } from '../support/running-product.ts'
import { migrateScaled, SCALED_KEYS, type ScaledProduct } from '../support/scaled-product.ts'
import { startSteadyLoad, type SteadyLoad } from './steady-load.ts'

const PARTITIONS = 2
const PREFIX = 'moves'
const EVENTS_PER_SECOND = 40
/** What is readable is at most so many events behind: 10 s of the load, since all servers share the cores of the test. */
const LAG_MAX = 10 * EVENTS_PER_SECOND
const CAUGHT_UP_MS_MAX = 120_000

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe.each(KAFKA_VERSIONS)('partitions that move, on Kafka %s', { timeout: 300_000 }, (version) => {
  let folder: string
  let kafka: RunningKafka
  let front: ClickHouseFront
  let product: ScaledProduct
  let ingest: RunningProduct
  const loads: SteadyLoad[] = []
  const roles: RunningProduct[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kappa-moves-'))
    ;[kafka, front] = await Promise.all([startKafka({ version }), startClickHouseFront()])
    product = await migrateScaled({ brokers: kafka.brokers, clickhouseUrl: front.url(), partitions: PARTITIONS, prefix: PREFIX })
    ingest = await product.start('ingest', join(folder, 'ingest'))
  }, 240_000)

  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop()))
    await product?.stop()
    await Promise.all([front?.close(), kafka?.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  function startLoad(prefix: string): SteadyLoad {
    const random = createRandom(20261121 + loads.length)
    const load = startSteadyLoad({ url: ingest.url, key: SCALED_KEYS.KAPPA_SERVER_KEY, eventsPerSecond: EVENTS_PER_SECOND, prefix, random })
    loads.push(load)
    return load
  }

  async function startProcess(name: string): Promise<RunningProduct> {
    const role = await product.start('process', join(folder, name))
    roles.push(role)
    return role
  }

  async function caughtUp(role: RunningProduct): Promise<void> {
    await vi.waitFor(
      async () => {
        const response = await fetch(`${role.url}/readyz`, { signal: AbortSignal.timeout(10_000) })
        const { not_ready, sink_lag } = (await response.json()) as { not_ready: { reason: string }[]; sink_lag: { events: number } | null }
        expect([...not_ready.map(({ reason }) => reason), response.status]).toEqual([200])
        expect(sink_lag?.events).toBeLessThan(LAG_MAX)
      },
      { timeout: CAUGHT_UP_MS_MAX, interval: 200 },
    )
  }

  /** Deletes all events that stand in the log now; returns how many there were. */
  async function forgetEvents(): Promise<number> {
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    const topic = `${PREFIX}-events`
    await admin.connect()
    try {
      await admin.fetchTopicMetadata({ topics: [topic] })
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: high }))
      await admin.deleteTopicRecords({ topic, partitions })
      return partitions.reduce((sum, { offset }) => sum + Number(offset), 0)
    } finally {
      await admin.disconnect()
    }
  }

  it('goes on where the one before has stopped, and after it was killed', async () => {
    onTestFailed(() => {
      for (const role of [ingest, ...roles]) console.info(role.printed().slice(-3_000))
    })
    const early = startLoad('early')
    const one = await startProcess('one')
    await sleep(5_000)
    await early.stop()
    await caughtUp(one)
    await one.stop()
    expect(await forgetEvents()).toBeGreaterThan(100)

    const late = startLoad('late')
    const two = await startProcess('two')
    await sleep(3_000)
    await caughtUp(two)
    await two.kill()
    const startedAt = performance.now()
    const again = await startProcess('two')
    await caughtUp(again)
    console.info(`a process that was killed had caught up ${Math.round(performance.now() - startedAt)} ms after its start`)

    // Two at once: each has one partition.
    const three = await startProcess('three')
    await sleep(5_000)
    await caughtUp(three)
    await late.stop()
    await caughtUp(again)
    const made = (kind: 'share' | 'invite' | 'signup') => early.tally.made[kind] + late.tally.made[kind]
    const acknowledged = early.tally.acknowledged.size + late.tally.acknowledged.size
    const api = await product.start('api', join(folder, 'api'))
    await vi.waitFor(
      async () => {
        const headers = { authorization: `Bearer ${SCALED_KEYS.KAPPA_READ_KEY}` }
        const response = await fetch(`${api.url}/v1/growth?window=24h`, { headers })
        const { metrics } = (await response.json()) as { metrics: Record<string, { value: number | null }> }
        const { shares, invites_sent, new_users } = metrics
        expect([shares?.value, invites_sent?.value, new_users?.value]).toEqual([made('share'), made('invite'), made('signup')])
      },
      { timeout: CAUGHT_UP_MS_MAX, interval: 500 },
    )
    const { stdout } = await product.run(['sql', '--json', 'SELECT count() AS stored, uniqExact(event_id) AS ids FROM events FINAL'])
    expect(JSON.parse(stdout)).toEqual({ stored: acknowledged, ids: acknowledged })
    for (const role of roles) expect(role.printed()).not.toMatch(/could not be taken up|were deleted|could not be shared/)
  })
})
