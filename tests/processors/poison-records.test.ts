/** Records that an operator can not process: set aside after a few tries, and nothing else feels it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { FileCommitStore, MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { type DecodeRecord, decodeAnyRecord, decodeOwnRecord } from '../../processors/runtime/decode-record.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { ConversionRecord, LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { CRASH_POINTS, crashingAt, type Stores } from './crashing-stores.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

const LIMITS = { readRecords: 7, commitRows: 20, commitIntervalMs: 0, liveIntervalMs: 0, snapshotRecords: 60, setAsideMax: 4 }
const POISON = 'poison'

let folder: string
const running: Runner[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-poison-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** An event upon which time has moved a year on and its actor has a number when the operator throws. */
function poison(index: number): ConversionRecord {
  const atMs = START_MS + 300 * DAY_MS + index
  const ids = { event_id: `${POISON}-${index}`, actor_id: `ghost-${index}` }
  return { v: 1, type: 'conversion', workspace: 'shop', kind: 'signup', occurred_at: atMs, received_at: atMs, ...ids }
}

/** A history with bad records at some places of it. */
function withPoison(...places: number[]): LogRecord[] {
  const records = history()
  for (const [index, place] of places.entries()) records.splice(place, 0, poison(index))
  return records
}

/** Records whose channel throws when an operator reads it, as often as `times` says. */
function decodeWithPoison(times = Number.POSITIVE_INFINITY): DecodeRecord {
  let left = times
  return (message) => {
    const record = decodeAnyRecord(message)
    if (!('event_id' in record) || !record.event_id?.startsWith(POISON)) return record
    return Object.defineProperty({ ...record }, 'channel', {
      get() {
        if (left-- > 0) throw new TypeError('a bug')
        return 'mail'
      },
    })
  }
}

function newStores() {
  return {
    log: createMemoryLog({ partitions: 1 }),
    sink: new RecordingSink(),
    commits: new MemoryCommitStore(),
    snapshots: new FileSnapshotStore<TopologySnapshot>(folder),
  }
}

async function start(stores: Stores, decode: DecodeRecord = decodeWithPoison()): Promise<Runner> {
  const runner = new Runner({
    ...stores,
    decode,
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: () => {},
    limits: LIMITS,
  })
  await runner.start()
  return runner
}

async function started(stores: Stores, decode?: DecodeRecord): Promise<Runner> {
  const runner = await start(stores, decode)
  running.push(runner)
  return runner
}

async function appendSlowly(log: Log, records: readonly LogRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += 23) {
    await append(log, records.slice(at, at + 23))
    await new Promise((done) => setImmediate(done))
  }
}

const ends = async (log: Log) => [await log.endOffset(0)]

async function sinkOf(records: readonly LogRecord[]): Promise<RecordingSink> {
  const own = await mkdtemp(join(tmpdir(), 'kappa-calm-'))
  const stores = { ...newStores(), snapshots: new FileSnapshotStore<TopologySnapshot>(own) }
  await append(stores.log, records)
  const runner = await start(stores)
  await runner.waitFor(await ends(stores.log))
  await runner.stop()
  await rm(own, { recursive: true, force: true })
  return stores.sink
}

const idsOf = (sink: RecordingSink) => sink.events().map(({ record }) => record.event_id)

let calmSink: Promise<RecordingSink> | undefined

async function expectAsWithout(sink: RecordingSink, poisoned: number): Promise<void> {
  calmSink ??= sinkOf(history())
  const calm = await calmSink
  expect(sink.growth()).toEqual(calm.growth())
  expect(sink.people()).toEqual(calm.people())
  expect(idsOf(sink)).toEqual(idsOf(calm)) // each once
  expect(sink.quarantined().map(({ record }) => record.event_id)).toEqual(
    Array.from({ length: poisoned }, (_, index) => `${POISON}-${index}`),
  )
}

describe('records that can not be processed', () => {
  it.each([
    ['one in the middle', [90]],
    ['the first', [0]],
    ['the last', [180]],
    ['several beside one another and apart', [40, 41, 42, 150]],
  ])('%s: set aside, and the numbers are those without', async (_, places) => {
    const stores = newStores()
    const runner = await started(stores)
    await appendSlowly(stores.log, withPoison(...places))
    await runner.waitFor(await ends(stores.log))
    await expectAsWithout(stores.sink, places.length)
    expect(runner.status).toMatchObject({ failed: false, ready: true })
  })

  it('say where they stand, why, and what they were', async () => {
    const stores = newStores()
    const runner = await started(stores)
    await append(stores.log, withPoison(17))
    await runner.waitFor(await ends(stores.log))
    const [{ record, partition, offset }] = stores.sink.quarantined() as [ReturnType<RecordingSink['quarantined']>[number]]
    expect({ partition, offset }).toEqual({ partition: 0, offset: 17 })
    expect(record).toMatchObject({
      workspace: 'shop',
      quarantine_id: 'log-0-17',
      code: 'processing_failed',
      path: 'log/0/17',
      message: 'TypeError: a bug',
      received_at: poison(0).received_at,
    })
    expect(JSON.parse(record.body)).toEqual(poison(0))
  })

  it.each([1, 2])('that throw %d times and then no more are processed', async (times) => {
    const stores = newStores()
    const runner = await started(stores, decodeWithPoison(times))
    await append(stores.log, withPoison(90))
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.quarantined()).toEqual([])
    expect(idsOf(stores.sink)).toHaveLength(181)
    expect(new Set(idsOf(stores.sink))).toContain(`${POISON}-0`)
  })

  it.each(CRASH_POINTS.map((point, index) => ({ point, times: 1 + (index % 3) })))(
    'a crash $point, time $times: left out again, with the same rows',
    async ({ point, times }) => {
      const stores = newStores()
      const crashing = crashingAt(stores, point, times)
      await start(crashing)
      await appendSlowly(stores.log, withPoison(5, 60, 120))
      await Promise.race([crashing.crashed, new Promise((done) => setTimeout(done, 300))])
      crashing.kill()
      const runner = await started(stores)
      await runner.waitFor(await ends(stores.log))
      await expectAsWithout(stores.sink, 3)
    },
  )

  it('stay left out when a build that could process them brings the state back: their commit is out', async () => {
    const stores = { ...newStores(), commits: await FileCommitStore.open(join(folder, 'commits.log')) }
    const records = withPoison(30)
    const first = await start(crashingAt(stores, 'before snapshot', 1_000))
    await append(stores.log, records.slice(0, 50))
    await first.waitFor(await ends(stores.log))
    await stores.commits.close()
    const again = { ...stores, commits: await FileCommitStore.open(join(folder, 'commits.log')) }
    const runner = await started(again, decodeAnyRecord)
    await append(stores.log, records.slice(50))
    await runner.waitFor(await ends(stores.log))
    await expectAsWithout(stores.sink, 1)
    await runner.stop()
    await again.commits.close()
  })

  it('that are more than any log has stop the processing: the code is bad, not the records', async () => {
    const stores = newStores()
    const runner = await started(stores)
    await append(stores.log, [...history().slice(0, 30), ...Array.from({ length: 6 }, (_, index) => poison(index))])
    await expect(runner.waitFor(await ends(stores.log))).rejects.toThrow('a bug')
    expect(runner.status.failed).toBe(true)
    expect(stores.sink.quarantined().length).toBeLessThan(5)
  })

  it('of a newer build stop the processing: they are not to blame', async () => {
    const stores = newStores()
    const runner = await started(stores, decodeOwnRecord)
    await stores.log.append([{ partition: 0, value: Buffer.from(JSON.stringify({ ...poison(0), v: 2 })) }])
    await expect(runner.waitFor([1])).rejects.toThrow('start the newer build')
    expect(stores.sink.quarantined()).toEqual([])
  })
})
