/**
 * A real history taken in every way there is, through the built product: in order, shuffled and repeated, over HTTP, and
 * through imports that are killed. What is published must be the same, bit for bit.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALLOWED_LATENESS_MS, DAY_MS } from '../../schemas/windows.ts'
import { createRandom } from '../../simulate/random.ts'
import { feed, runKappa, startKappa } from '../support/kappa-command.ts'
import { startProduct } from '../support/running-product.ts'
import { sendOverHttp } from './http-sender.ts'
import { differingDays, type PublishedDigest, publishedDigest, selectLines } from './published-digest.ts'
import { cutBatches, furthestBehindMs, oddChunks, parseEvents, shuffleWithin, type SourceEvent } from './shuffled-events.ts'

const SCRIPT = resolve(import.meta.dirname, '../../../shared/data/to-events.mjs')
const hasData = existsSync(SCRIPT)
if (!hasData) console.warn(`skipped: the reference data is not at ${SCRIPT}`)
const SERVER_KEY = 'a-server-key-for-the-same-numbers'
const REACH_MS = 6 * DAY_MS
const REPEATED = 0.1
const MINUTES = 60_000

interface ImportReport {
  readonly read: number
  readonly accepted: number
  readonly duplicates: number
  readonly quarantined: number
}

const folders: string[] = []

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kappa-same-numbers-'))
  folders.push(folder)
  return folder
}

async function eventsOf(set: 'collegemsg' | 'higgs', limit = Number.POSITIVE_INFINITY): Promise<SourceEvent[]> {
  const args = [SCRIPT, set, ...(Number.isFinite(limit) ? ['--limit', String(limit)] : [])]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 30 })
  return parseEvents(stdout)
}

async function importAll(data: string, chunks: Iterable<Uint8Array>): Promise<ImportReport> {
  const { status, stdout, stderr } = await runKappa(['import', '--json', '--data', data, '-'], { stdin: chunks })
  if (status !== 0) throw new Error(`kappa import ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as ImportReport
}

/** Feeds the import and kills it (SIGKILL) when it was given this part of the bytes, and a while has passed. */
async function importKilled(data: string, chunks: readonly Uint8Array[], part: number, pauseMs: number): Promise<string> {
  const { child, ended } = startKappa(['import', '--json', '--data', data, '-'])
  await feed(child, chunks.slice(0, Math.ceil(chunks.length * part)))
  if (part === 1) child.stdin?.end()
  await sleep(pauseMs)
  child.kill('SIGKILL')
  const { status } = await ended
  return status === null ? 'killed' : `ended with ${status} before it could be killed`
}

async function expectVerified(data: string): Promise<void> {
  const { status, stdout } = await runKappa(['verify', '--data', data])
  expect(stdout.split('\n').findLast((line) => line !== '')).toMatch(/no difference/)
  expect(status).toBe(0)
}

async function expectPublished(data: string, expected: PublishedDigest): Promise<void> {
  const found = await publishedDigest(data)
  const differences = differingDays(expected, found)
  expect({ rows: found.rows, count: differences.length, first: differences.slice(0, 6) }).toEqual({
    rows: expected.rows,
    count: 0,
    first: [],
  })
}

async function expectNothingLate(data: string): Promise<void> {
  expect(await selectLines(data, "SELECT countIf(late = 1) AS late FROM events FINAL WHERE workspace = 'default'")).toEqual(['{"late":0}'])
}

/** Three rounds of import and kill -9 at random places, and a last one to the end. */
async function importThroughKills(events: readonly SourceEvent[], seed: number): Promise<{ data: string; report: ImportReport }> {
  const random = createRandom(seed)
  const data = await newFolder()
  const chunks = [...oddChunks(events, random)]
  for (const [round, part] of [0.1 + 0.4 * random.uniform(), 0.5 + 0.5 * random.uniform(), 1].entries()) {
    // Given everything, it is nearly done: the last one dies while it processes the rest or ends.
    const pauseMs = Math.floor(random.uniform() * (part === 1 ? 500 : 2_000))
    const how = await importKilled(data, chunks, part, pauseMs)
    console.info(`round ${round + 1}: given ${Math.round(part * 100)} % of the bytes, ${pauseMs} ms later ${how}`)
  }
  return { data, report: await importAll(data, chunks) }
}

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

describe.skipIf(!hasData)('collegemsg gives the same published numbers', () => {
  let events: SourceEvent[]
  let shuffled: SourceEvent[]
  let inOrder: string
  let expected: PublishedDigest

  beforeAll(async () => {
    events = await eventsOf('collegemsg')
    shuffled = shuffleWithin(events, { reachMs: REACH_MS, repeated: REPEATED, random: createRandom(20261121) })
    expect(furthestBehindMs(shuffled)).toBeGreaterThan(5 * DAY_MS)
    expect(furthestBehindMs(shuffled)).toBeLessThan(ALLOWED_LATENESS_MS)
    inOrder = await newFolder()
    const report = await importAll(inOrder, oddChunks(events, createRandom(1)))
    expect(report).toMatchObject({ read: events.length, accepted: events.length, duplicates: 0, quarantined: 0 })
    expected = await publishedDigest(inOrder)
    console.info(`${events.length} events, ${shuffled.length} lines shuffled, ${expected.rows} published rows`)
  }, 5 * MINUTES)

  /** The same rows; all of them duplicates when imported again, which moves none. */
  async function expectSame(data: string): Promise<void> {
    await expectVerified(data) // which waits until everything sent is readable
    await expectNothingLate(data)
    await expectPublished(data, expected)
    const again = await importAll(data, oddChunks(events, createRandom(2)))
    expect(again).toMatchObject({ read: events.length, accepted: 0, duplicates: events.length, quarantined: 0 })
    await expectPublished(data, expected)
  }

  it('imported in order', () => expectSame(inOrder), 10 * MINUTES)

  it(
    'imported shuffled within the lateness, with 10 % of the lines twice',
    async () => {
      const data = await newFolder()
      const report = await importAll(data, oddChunks(shuffled, createRandom(3)))
      expect(report).toMatchObject({ read: shuffled.length, accepted: events.length, duplicates: shuffled.length - events.length })
      await expectSame(data)
    },
    10 * MINUTES,
  )

  it(
    'sent over HTTP shuffled, in batches of 1 to 1000, several at once, some as gzipped NDJSON',
    async () => {
      const data = await newFolder()
      const random = createRandom(4)
      const product = await startProduct({ data, env: { KAPPA_SERVER_KEY: SERVER_KEY } })
      try {
        const batches = cutBatches(shuffled, 1_000, random)
        const tally = await sendOverHttp({
          url: product.url,
          key: SERVER_KEY,
          batches,
          concurrency: 4,
          reachMs: ALLOWED_LATENESS_MS - DAY_MS / 4,
          random,
        })
        console.info(`${batches.length} requests: ${JSON.stringify(tally)}`)
        expect(tally).toMatchObject({ accepted: events.length, duplicates: shuffled.length - events.length, quarantined: 0 })
        await expectSame(data) // beside the running product
      } finally {
        await product.stop()
      }
    },
    15 * MINUTES,
  )

  it(
    'imported through three kill -9',
    async () => {
      const { data, report } = await importThroughKills(shuffled, 5)
      expect(report.accepted + report.duplicates).toBe(shuffled.length)
      expect(report.quarantined).toBe(0)
      await expectSame(data)
    },
    15 * MINUTES,
  )
})

describe.skipIf(!hasData)('a part of higgs', () => {
  it(
    'gives the same numbers imported at once and through three kill -9',
    async () => {
      const events = await eventsOf('higgs', 100_000)
      const inOrder = await newFolder()
      expect(await importAll(inOrder, oddChunks(events, createRandom(6)))).toMatchObject({ accepted: events.length, duplicates: 0 })
      const { data, report } = await importThroughKills(events, 7)
      expect(report.accepted + report.duplicates).toBe(events.length)
      expect(await publishedDigest(data)).toEqual(await publishedDigest(inOrder))
      await expectVerified(data)
    },
    15 * MINUTES,
  )
})
