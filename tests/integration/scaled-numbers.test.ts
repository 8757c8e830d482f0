/**
 * The scaled form gives the numbers of the embedded one: real histories on Kafka and a ClickHouse server, processed by
 * two instances that share the partitions, sent over HTTP to `kappa ingest` and written into the topic by kcat. What is
 * published must be what one `kappa up` publishes of the same events, bit for bit.
 *
 * KAPPA_WHOLE_HIGGS=1 takes all of higgs instead, in each way on each version of Kafka.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { GrowthResponse } from '../../schemas/growth-api.ts'
import { partitionOf } from '../../schemas/partitioner.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { createRandom } from '../../simulate/random.ts'
import { type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import type { KafkaVersion } from '../support/brokers/kafka-jars.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import { type CommandResult, runKappa } from '../support/kappa-command.ts'
import { startProduct } from '../support/running-product.ts'
import { migrateScaled, SCALED_KEYS, type ScaledProduct } from '../support/scaled-product.ts'
import { sendOverHttp } from './http-sender.ts'
import { sendByKcat } from './kcat-sender.ts'
import { type AskSql, askBy, differingDays, type PublishedDigest, publishedDigest, storedDigest } from './published-digest.ts'
import { parseEvents, type SourceEvent } from './shuffled-events.ts'

const SCRIPT = resolve(import.meta.dirname, '../../../shared/data/to-events.mjs')
const hasData = existsSync(SCRIPT)
if (!hasData) console.warn(`skipped: the reference data is not at ${SCRIPT}`)
const isWhole = process.env['KAPPA_WHOLE_HIGGS'] === '1'
const HIGGS_LINES = 60_000
const PARTITIONS = 4
const BATCH = 1_000
const PREFIX = 'numbers'
const MINUTES = 60_000 * (isWhole ? 10 : 1)
/** After the last event: every window of the history ends before it. */
const CLOSING_MS = 31 * DAY_MS

type Set = 'collegemsg' | 'higgs'
type Way = 'HTTP' | 'kcat'
/** What is sent to one scaled product; the workspace of a set has its name. */
interface Run {
  readonly version: KafkaVersion
  readonly sent: readonly (readonly [set: Set, way: Way])[]
}

const PARTS: readonly Run[] = [
  {
    version: '3.9',
    sent: [
      ['collegemsg', 'HTTP'],
      ['higgs', 'kcat'],
    ],
  },
  {
    version: '4',
    sent: [
      ['collegemsg', 'kcat'],
      ['higgs', 'HTTP'],
    ],
  },
]
const WHOLE: readonly Run[] = (['3.9', '4'] as const).flatMap((version) =>
  (['HTTP', 'kcat'] as const).map((way) => ({ version, sent: [['higgs', way]] as const })),
)
const RUNS = (isWhole ? WHOLE : PARTS).map((run) => ({ ...run, title: run.sent.map(([set, way]) => `${set} by ${way}`).join(', ') }))
const SETS = [...new Set(RUNS.flatMap(({ sent }) => sent.map(([set]) => set)))]

interface Published {
  readonly growth: PublishedDigest
  readonly people: PublishedDigest
  readonly events: PublishedDigest
}

/** The events of the set, and one more of each partition long after them, so that time passes the end of every window. */
async function eventsOf(set: Set): Promise<SourceEvent[]> {
  const args = [SCRIPT, set, ...(set === 'higgs' && !isWhole ? ['--limit', String(HIGGS_LINES)] : [])]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 30 })
  const events = parseEvents(stdout)
  const occurredAtMs = Math.max(...[events[0], events.at(-1)].map((event) => event?.occurredAtMs ?? 0)) + CLOSING_MS
  const closing = Array.from({ length: PARTITIONS }, (_, partition) => {
    const actor = actorIn(set, partition)
    const event = { type: 'share', event_id: `closing-${partition}`, actor_id: actor, content_id: 'closing' }
    return { line: JSON.stringify({ ...event, occurred_at: new Date(occurredAtMs).toISOString() }), occurredAtMs }
  })
  return [...events, ...closing]
}

function actorIn(workspace: string, partition: number): string {
  for (let number = 0; ; number += 1) {
    const actor = `closing-${number}`
    if (partitionOf(workspace, actor, PARTITIONS) === partition) return actor
  }
}

async function serverKeyOf(workspace: string, run: (args: readonly string[]) => Promise<CommandResult>): Promise<string> {
  const { status, stdout, stderr } = await run(['keys', 'create', '--workspace', workspace, '--kind', 'server', '--json'])
  if (status !== 0) throw new Error(`kappa keys ended with ${status}: ${stderr}`)
  return (JSON.parse(stdout) as { secret: string }).secret
}

/** One request after the other, in order: then every actor gets the number that it has elsewhere. */
async function sendInOrder(url: string, key: string, events: readonly SourceEvent[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(events.length / BATCH) }, (_, index) => events.slice(index * BATCH, (index + 1) * BATCH))
  const tally = await sendOverHttp({ url, key, batches, concurrency: 1, reachMs: Number.POSITIVE_INFINITY, random: createRandom(11) })
  expect(tally).toMatchObject({ accepted: events.length, duplicates: 0, quarantined: 0 })
}

async function publishedIn(ask: AskSql, workspace: string): Promise<Published> {
  return {
    growth: await publishedDigest(ask, workspace),
    people: await storedDigest(ask, 'people', workspace),
    events: await storedDigest(ask, 'events', workspace),
  }
}

/** Waits until all that was sent is readable, and recomputes some ends of each window. */
async function expectVerified(workspace: string, run: (args: readonly string[]) => Promise<CommandResult>, ends = 3): Promise<void> {
  const { status, stdout, stderr } = await run(['verify', '--workspace', workspace, '--ends', String(ends)])
  expect(stdout.split('\n').findLast((line) => line !== '') ?? stderr).toMatch(/no difference/)
  expect(status).toBe(0)
}

async function timed<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  const result = await work()
  console.info(`${what}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`)
  return result
}

describe.skipIf(!hasData)('the scaled form gives the numbers of the embedded one', () => {
  const events = new Map<Set, SourceEvent[]>()
  const embedded = new Map<Set, Published>()

  beforeAll(async () => {
    const data = await mkdtemp(join(tmpdir(), 'kappa-scaled-numbers-'))
    const env = { KAPPA_PARTITIONS: String(PARTITIONS) }
    const run = (args: readonly string[]) => runKappa([...args, '--data', data], { env })
    const product = await startProduct({ data, env })
    try {
      for (const set of SETS) {
        events.set(set, await eventsOf(set))
        const key = await serverKeyOf(set, run)
        await timed(`embedded: ${set} sent`, () => sendInOrder(product.url, key, events.get(set) ?? []))
        await timed(`embedded: ${set} verified`, () => expectVerified(set, run, 1))
        embedded.set(set, await publishedIn(askBy(run), set))
      }
    } finally {
      await product.stop()
      await rm(data, { recursive: true, force: true })
    }
  }, 5 * MINUTES)

  describe.each(RUNS)('on Kafka $version: $title', ({ version, sent }) => {
    let kafka: RunningKafka
    let front: ClickHouseFront
    let product: ScaledProduct
    let apiUrl: string

    beforeAll(async () => {
      kafka = await startKafka({ version })
      front = await startClickHouseFront()
      const place = { brokers: kafka.brokers, clickhouseUrl: front.url(), partitions: PARTITIONS, prefix: PREFIX }
      product = await migrateScaled(place)
      const keys = new Map<Set, string>()
      for (const [set] of sent) keys.set(set, await serverKeyOf(set, product.run))
      const roles = await Promise.all((['ingest', 'process', 'process', 'api'] as const).map((role) => product.start(role)))
      apiUrl = roles[3]?.url ?? ''
      for (const [set, way] of sent) {
        const all = events.get(set) ?? []
        await timed(`Kafka ${version}: ${set} sent by ${way}`, () =>
          way === 'HTTP'
            ? sendInOrder(roles[0]?.url ?? '', keys.get(set) ?? '', all)
            : sendByKcat({ brokers: kafka.brokers, topic: `${PREFIX}-events`, workspace: set }, all),
        )
      }
    }, 5 * MINUTES)

    afterAll(async () => {
      await product?.stop()
      await front?.close()
      await kafka?.stop()
    }, MINUTES)

    it.each(sent)(
      '%s by %s',
      async (set, way) => {
        await timed(`Kafka ${version}: ${set} by ${way} verified`, () => expectVerified(set, product.run))
        const expected = embedded.get(set) as Published
        const ask = askBy(product.run)
        // What closes the last windows follows what is read.
        await vi.waitFor(
          async () => {
            const found = await publishedIn(ask, set)
            const differing = (of: keyof Published) => differingDays(expected[of], found[of])
            const differences = { growth: differing('growth'), people: differing('people'), events: differing('events') }
            expect(differences).toEqual({ growth: [], people: [], events: [] })
          },
          { timeout: 60_000, interval: 1_000 },
        )
        const [counts] = await ask(`SELECT count() AS events, uniqExact(event_id) AS ids FROM events WHERE workspace = '${set}'`)
        const { length } = events.get(set) ?? []
        expect(JSON.parse(counts ?? '')).toEqual({ events: length, ids: length })
      },
      5 * MINUTES,
    )

    it.runIf(sent.some(([set]) => set === 'collegemsg'))('answers the numbers of collegemsg over the API', async () => {
      const query = 'workspace=collegemsg&window=7d&at=2004-05-01T00:00:00Z'
      const answer = await fetch(`${apiUrl}/v1/growth?${query}`, { headers: { authorization: `Bearer ${SCALED_KEYS.KAPPA_ADMIN_KEY}` } })
      expect(answer.status).toBe(200)
      const { metrics, final } = (await answer.json()) as GrowthResponse
      expect(final).toBe(true)
      expect(metrics).toMatchObject({
        active_users: { value: 290 },
        inviters: { value: 151 },
        invites_sent: { value: 748 },
        shares: { value: 3742 },
        referred_signups: { value: 102 },
        k_factor: { value: 0.6900798263776456, lower: 0.5632655205485602, upper: 0.829576720440427 },
      })
    })
  })
})
