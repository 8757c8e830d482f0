/** The runner over stores that fail, lose answers and outlive it: every row once, and always the same numbers. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import type { RunnerLimits } from '../../processors/runner-options.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { decodeOwnRecord } from '../../processors/runtime/decode-record.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { CRASH_POINTS, crashingAt, type Stores } from './crashing-stores.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

/** Small enough that a few hundred records make many commits and several snapshots. */
const LIMITS: Partial<RunnerLimits> = { readRecords: 7, commitRows: 20, commitIntervalMs: 0, liveIntervalMs: 0, snapshotRecords: 60 }

let folder: string
const running: Runner[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-runner-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** Appends a few records at a time and waits, so that commits are many. */
async function appendSlowly(log: Log, records: readonly LogRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += 23) {
    await append(log, records.slice(start, start + 23))
    await new Promise((done) => setImmediate(done))
  }
}

function newStores(partitions = 1) {
  return {
    log: createMemoryLog({ partitions }),
    sink: new RecordingSink(),
    commits: new MemoryCommitStore(),
    snapshots: new FileSnapshotStore<TopologySnapshot>(folder),
  }
}

async function start(stores: Stores, errors: string[] = [], limits = LIMITS): Promise<Runner> {
  const runner = new Runner({
    ...stores,
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: (message, error) => errors.push(`${message}: ${String(error)}`),
    limits,
  })
  await runner.start()
  return runner
}

async function started(stores: Stores, errors?: string[], limits?: Partial<RunnerLimits>): Promise<Runner> {
  const runner = await start(stores, errors, limits)
  running.push(runner)
  return runner
}

const endOffsets = (log: Log) => Promise.all(Array.from({ length: log.partitions }, (_, partition) => log.endOffset(partition)))

/** What a run in which nothing happens gives: all records at once, in one commit and a snapshot at its end. */
async function undisturbed(records: readonly LogRecord[]): Promise<RecordingSink> {
  const ownFolder = await mkdtemp(join(tmpdir(), 'kappa-runner-calm-'))
  const stores = { ...newStores(), snapshots: new FileSnapshotStore<TopologySnapshot>(ownFolder) }
  await append(stores.log, records)
  const runner = await start(stores, [], { commitIntervalMs: 0 })
  await runner.waitFor(await endOffsets(stores.log))
  await runner.stop()
  await rm(ownFolder, { recursive: true, force: true })
  return stores.sink
}

let calm: Promise<RecordingSink> | undefined
function calmHistory(): Promise<RecordingSink> {
  calm ??= undisturbed(history())
  return calm
}

function expectSame(sink: RecordingSink, expected: RecordingSink): void {
  expect(placesOf(sink)).toEqual(placesOf(expected)) // each record once: none lost, none under two tokens
  expect(sink.growth()).toEqual(expected.growth())
  expect(sink.people()).toEqual(expected.people())
}

function placesOf(sink: RecordingSink): string[] {
  return sink
    .events()
    .map(({ partition, offset, record, late }) => `${partition}/${String(offset).padStart(6, '0')} ${record.event_id} ${late}`)
    .sort()
}

describe('a warehouse that is away', () => {
  it.each([
    ['refuses every third write', (write: number) => (write % 3 === 0 ? 'refused' : 'taken')],
    ['takes rows and loses every second answer', (write: number) => (write % 2 === 0 ? 'answer lost' : 'taken')],
    ['is away for ten tries in the middle', (write: number) => (write >= 3 && write < 13 ? 'refused' : 'taken')],
    ['does all of it', (write: number) => (['refused', 'answer lost', 'refused', 'taken'] as const)[write % 4] ?? 'taken'],
  ] as const)('%s: each row once, and the same numbers', async (_, fateOf) => {
    const records = history()
    const stores = newStores()
    stores.sink.fateOf = fateOf
    const errors: string[] = []
    const runner = await started(stores, errors)
    await appendSlowly(stores.log, records)
    await runner.waitFor(await endOffsets(stores.log))
    expect(new Set(stores.sink.tries).size).toBeGreaterThan(5)
    expect(stores.sink.tries.length).toBeGreaterThan(new Set(stores.sink.tries).size)
    expect(runner.status).toMatchObject({ failed: false, sinkError: null })
    expectSame(stores.sink, await calmHistory())
    expect(errors.every((error) => error.startsWith('the warehouse did not take a commit'))).toBe(true)
  })

  it('says so, and takes events on while it waits', async () => {
    const stores = newStores()
    let away = true
    stores.sink.fateOf = () => (away ? 'refused' : 'taken')
    const runner = await started(stores, [], { ...LIMITS, commitRows: 1_000, snapshotRecords: 1_000 })
    await appendSlowly(stores.log, history())
    const all = await endOffsets(stores.log)
    await expect.poll(() => runner.status.processed).toEqual(all)
    await expect.poll(() => runner.status.sinkError).not.toBeNull()
    expect(runner.status).toMatchObject({ sinkError: expect.stringContaining('away'), committed: [0], failed: false })
    away = false
    await runner.waitFor(all)
    expect(runner.status).toMatchObject({ sinkError: null, committed: all })
  })

  it('stops at an error that trying again does not help', async () => {
    const stores = newStores()
    const errors: string[] = []
    const runner = await started(
      {
        ...stores,
        sink: {
          ...stores.sink,
          history: () => stores.sink.history('', { below: [] }, 1),
          write: () => Promise.reject(new TypeError('a bug')),
        },
      },
      errors,
    )
    await append(stores.log, history())
    await expect(runner.waitFor(await endOffsets(stores.log))).rejects.toThrow('a bug')
    await expect(runner.waitFor([1])).rejects.toThrow('a bug')
    expect(runner.status.failed).toBe(true)
    expect(errors).toEqual(['processing stopped: TypeError: a bug'])
    expect(stores.commits.after(0).every(({ done }) => !done)).toBe(true)
  })
})

describe('a crash', () => {
  const places = CRASH_POINTS.flatMap((point) => [1, point.endsWith('snapshot') ? 2 : 4].map((times) => ({ point, times })))

  it.each(places)('$point, at time $times that it comes there: the next process gives the same rows', async ({ point, times }) => {
    const records = history()
    const stores = newStores()
    const crashing = crashingAt(stores, point, times)
    await start(crashing)
    await appendSlowly(stores.log, records)
    await crashing.crashed
    const runner = await started(stores)
    await runner.waitFor(await endOffsets(stores.log))
    expectSame(stores.sink, await calmHistory())
  })

  it('after crash after crash: the same rows', async () => {
    const records = history()
    const stores = newStores()
    for (const [index, point] of CRASH_POINTS.entries()) {
      const crashing = crashingAt(stores, point, 1)
      void start(crashing) // some die while they bring the state back
      await append(stores.log, records.slice(index * 20, (index + 1) * 20))
      await Promise.race([crashing.crashed, new Promise((done) => setTimeout(done, 100))])
      // One that did not come to its point in time dies where it stands.
      crashing.kill()
    }
    await append(stores.log, records.slice(CRASH_POINTS.length * 20))
    const runner = await started(stores)
    await runner.waitFor(await endOffsets(stores.log))
    expectSame(stores.sink, await calmHistory())
  })
})

describe('snapshots', () => {
  async function afterCleanStop(damage: (newest: string, all: string[]) => Promise<void>) {
    const records = history()
    const stores = newStores()
    const runner = await start(stores)
    await appendSlowly(stores.log, records.slice(0, 160))
    await runner.waitFor(await endOffsets(stores.log))
    await runner.stop()
    const files = (await readdir(folder)).sort()
    expect(files).toHaveLength(2)
    await damage(
      join(folder, files[1] as string),
      files.map((name) => join(folder, name)),
    )
    await append(stores.log, records.slice(160))
    const next = await started(stores)
    await next.waitFor(await endOffsets(stores.log))
    expectSame(stores.sink, await calmHistory())
  }

  async function flipBit(path: string): Promise<void> {
    const bytes = await readFile(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(path, bytes)
  }

  it('whole: goes on from the newest', () => afterCleanStop(async () => {}))
  it('the newest with a flipped bit: falls back to the one before', () => afterCleanStop(flipBit))
  it('the newest cut short: falls back to the one before', () =>
    afterCleanStop(async (newest) => writeFile(newest, (await readFile(newest)).subarray(0, 100))))
  it('the newest never finished (.part): falls back to the one before', () =>
    afterCleanStop(async (newest) => {
      await writeFile(`${newest}.part`, await readFile(newest))
      await rm(newest)
    }))

  it('all of them damaged: the log is read again, without holding its rows', async () => {
    const records = history()
    const stores = newStores()
    const runner = await start(stores)
    await appendSlowly(stores.log, records)
    await runner.waitFor(await endOffsets(stores.log))
    await runner.stop()
    const tries = stores.sink.tries.length
    for (const file of await readdir(folder)) await flipBit(join(folder, file))
    let mostRows = 0
    let decoded = 0
    const next: Runner = new Runner({
      ...stores,
      live: { publish: () => {}, subscribe: () => () => {} },
      clock: { nowMs: () => performance.now() },
      sleep: () => new Promise((done) => setImmediate(done)),
      onError: (message, error) => expect.unreachable(`${message}: ${String(error)}`),
      limits: LIMITS,
      decode: (message) => {
        mostRows = Math.max(mostRows, next.topology.pendingRows)
        decoded += 1
        return decodeOwnRecord(message)
      },
    })
    await next.start()
    running.push(next)
    expect(decoded).toBe(records.length)
    expect(mostRows).toBeLessThan(LIMITS.readRecords ?? 0)
    expect(stores.sink.tries).toHaveLength(tries)
    expectSame(stores.sink, await calmHistory())
  })

  it('newer than the log, of which an older copy was put back: refused, since its new records would count nowhere', async () => {
    const records = history()
    const stores = newStores()
    const runner = await start(stores)
    await appendSlowly(stores.log, records.slice(0, 60))
    await runner.waitFor(await endOffsets(stores.log))
    await runner.stop()
    const older = createMemoryLog({ partitions: 1 })
    await append(older, records.slice(0, 40))
    await expect(start({ ...stores, log: older })).rejects.toThrow('ends at offset 40 of partition 0, before what the state holds: 60')
  })
})

describe('waitFor', () => {
  it('resolves with the write of the commit that holds the records, not before', async () => {
    const stores = newStores()
    let away = true
    stores.sink.fateOf = () => (away ? 'refused' : 'taken')
    const runner = await started(stores)
    await runner.waitFor([0]) // nothing to wait for
    await append(stores.log, history().slice(0, 30))
    let isIn = false
    const wait = runner.waitFor(await endOffsets(stores.log)).then(() => {
      isIn = true
    })
    await expect.poll(() => stores.sink.tries.length).toBeGreaterThan(3)
    expect(isIn).toBe(false)
    away = false
    await wait
    expect(placesOf(stores.sink)).toHaveLength(30)
    await runner.waitFor(await endOffsets(stores.log))
  })

  it('waits for records that are not in the log yet', async () => {
    const stores = newStores()
    const runner = await started(stores)
    await append(stores.log, history().slice(0, 30))
    const ends = await endOffsets(stores.log)
    const wait = runner.waitFor(ends.map((end) => end + 1))
    await runner.waitFor(ends)
    await append(stores.log, [{ v: 1, workspace: 'shop', type: 'tick', received_at: START_MS + DAY_MS }])
    await wait
  })

  it('rejects when processing is stopped before', async () => {
    const stores = newStores()
    const runner = await start(stores)
    const wait = runner.waitFor([1])
    await Promise.all([expect(wait).rejects.toThrow('processing was stopped'), runner.stop()])
  })
})

describe('an import of what lies 60 days back', () => {
  const imported = history()
    .filter(({ workspace }) => workspace === 'shop')
    .map(
      (record) =>
        ({
          ...record,
          event_id: `old-${'event_id' in record ? record.event_id : ''}`,
          occurred_at: 'occurred_at' in record ? record.occurred_at - 60 * DAY_MS : 0,
          import_id: 'm1',
          received_at: START_MS + 5 * DAY_MS,
        }) as LogRecord,
    )
  const end = { v: 1, workspace: 'shop', type: 'import_end', import_id: 'm1', received_at: START_MS + 5 * DAY_MS + 1_000 } as const
  /** Moves the watermark alike in both. */
  const tick = (workspace: string) => ({ v: 1, workspace, type: 'tick', received_at: START_MS + 5 * DAY_MS + 120_000 }) as const
  it.each([
    ['undisturbed', undefined],
    ['with a crash before its commit is done', 'before done'],
    ['with a crash after a write', 'after write'],
  ] as const)('rebuilds, %s: the numbers of the same events in order', async (_, point) => {
    const live = history()
    const stores = newStores()
    if (point !== undefined) {
      const first = await start(stores)
      await appendSlowly(stores.log, live)
      await first.waitFor(await endOffsets(stores.log))
      await first.stop()
      const crashing = crashingAt(stores, point, 2)
      await start(crashing)
      await append(stores.log, [...imported, end])
      await crashing.crashed
    } else await append(stores.log, [...live, ...imported, end])
    const runner = await started(stores)
    await append(stores.log, [tick('shop'), tick('club')])
    await runner.waitFor(await endOffsets(stores.log))

    const inOrder = [...imported, ...live].map((record) =>
      record.workspace === 'shop' ? ({ ...record, import_id: 'm1' } as LogRecord) : record,
    )
    const calm = await undisturbed([...inOrder, end, tick('shop'), tick('club')])
    expect(stores.sink.growth()).toEqual(calm.growth())
    const named = (people: readonly object[]) =>
      new Map(
        people.map((person) => [
          `${(person as { workspace: string }).workspace} ${(person as { actor_id: string }).actor_id}`,
          { ...person, actor: 0 },
        ]),
      )
    expect(named(stores.sink.people())).toEqual(named(calm.people()))
    expect(stores.sink.events()).toHaveLength(live.length + imported.length)
  })
})
