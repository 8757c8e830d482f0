/** A replay in the log: the workspace is built anew from its raw events, and whoever waits gets the numbers of that. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import type { CommitBatch } from '../../schemas/records.ts'
import { parseReplayName, replayName } from '../../schemas/replay-name.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { SpreadDriver } from '../support/spread-driver.ts'
import { CRASH_POINTS, crashingAt, type Stores } from './crashing-stores.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

const LIMITS = { readRecords: 7, commitRows: 20, commitIntervalMs: 0, liveIntervalMs: 0, snapshotRecords: 60 }
const AFTER_MS = START_MS + DAY_MS
const replay = (id: string, from?: number): LogRecord => {
  const asked = { v: 1, type: 'replay', workspace: 'shop', received_at: AFTER_MS, replay_id: id } as const
  return from === undefined ? asked : { ...asked, from }
}

/** Ends of rebuilds beside the rows. */
class RebuildSink extends RecordingSink {
  readonly rebuilt: NonNullable<CommitBatch['rebuilt']>[] = []
  /** Parts of rebuilds that came out of their order. */
  disorder = 0
  #part = 0

  override async write(batch: CommitBatch): Promise<void> {
    await super.write(batch)
    const { staged, rebuilt } = batch
    if (staged === undefined) return
    if (staged.part !== 1 && staged.part !== this.#part + 1) this.disorder += 1
    this.#part = staged.part
    if (rebuilt !== undefined) this.rebuilt.push(rebuilt)
  }
}

let folder: string
const running: Runner[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-replays-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()))
  await rm(folder, { recursive: true, force: true })
})

function newStores(partitions: number) {
  return {
    log: createMemoryLog({ partitions }),
    sink: new RebuildSink(),
    commits: new MemoryCommitStore(),
    snapshots: new FileSnapshotStore<TopologySnapshot>(folder),
  }
}

async function start(stores: Stores): Promise<Runner> {
  const runner = new Runner({
    ...stores,
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: () => {},
    limits: LIMITS,
  })
  await runner.start()
  return runner
}

async function started(stores: Stores): Promise<Runner> {
  const runner = await start(stores)
  running.push(runner)
  return runner
}

const ends = (log: Log) => Promise.all(Array.from({ length: log.partitions }, (_, partition) => log.endOffset(partition)))

describe('a replay', () => {
  it.each([1, 3])('over %d partitions changes no number that was right, and is over when who waits is told', async (partitions) => {
    const stores = newStores(partitions)
    const runner = await started(stores)
    const clock = { v: 1, type: 'import_end', workspace: 'shop', received_at: AFTER_MS, import_id: 'nothing' } as const
    await append(stores.log, [...history(), clock])
    await runner.waitFor(await ends(stores.log))
    const [growth, people] = [stores.sink.growth(), stores.sink.people()]
    await append(stores.log, [replay('r1', 5)])
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.rebuilt).toMatchObject([{ workspace: 'shop', isHome: true, cause: 'replay:r1@5' }])
    expect(stores.sink.growth()).toEqual(growth)
    expect(stores.sink.people()).toEqual(people)
    expect(stores.sink.disorder).toBe(0)
    expect(runner.status.rebuilding).toBeNull()
  })

  it('goes on from there: events behind it count as without it', async () => {
    const stores = newStores(2)
    const runner = await started(stores)
    const records = history()
    await append(stores.log, [...records.slice(0, 90), replay('r1'), ...records.slice(90), replay('r2')])
    await runner.waitFor(await ends(stores.log))
    await runner.stop()
    const calm = { ...newStores(2), snapshots: new FileSnapshotStore<TopologySnapshot>(join(folder, 'calm')) }
    const other = await started(calm)
    const end = { v: 1, type: 'import_end', workspace: 'shop', received_at: AFTER_MS, import_id: 'nothing' } as const
    await append(calm.log, [...records.slice(0, 90), end, ...records.slice(90), end]) // it moves the clock alike
    await other.waitFor(await ends(calm.log))
    expect(stores.sink.growth()).toEqual(calm.sink.growth())
    expect(stores.sink.people()).toEqual(calm.sink.people())
    expect(stores.sink.rebuilt.map(({ cause }) => cause)).toEqual(['replay:r1', 'replay:r2'])
  })

  it.each(CRASH_POINTS)('a crash %s: done again from its start, with the same numbers', async (point) => {
    const stores = newStores(1)
    const first = await start(stores)
    await append(stores.log, history())
    await first.waitFor(await ends(stores.log))
    await first.stop()
    const [growth, people] = [stores.sink.growth(), stores.sink.people()]
    const crashing = crashingAt(stores, point, 2)
    await start(crashing)
    await append(stores.log, [replay('r1'), { ...replay('r2'), workspace: 'club' } as LogRecord])
    await Promise.race([crashing.crashed, new Promise((done) => setTimeout(done, 200))])
    crashing.kill()
    const runner = await started(stores)
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.growth()).toEqual(growth)
    expect(stores.sink.people()).toEqual(people)
    expect(new Set(stores.sink.rebuilt.map(({ workspace }) => workspace))).toEqual(new Set(['shop', 'club']))
  })

  it('of a workspace without events says that there is nothing', async () => {
    const stores = newStores(1)
    const runner = await started(stores)
    await append(stores.log, [replay('r1')])
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.rebuilt).toHaveLength(1)
    expect(stores.sink.growth()).toEqual([])
  })

  it('while an import is under way waits for its end, and keeps its own name', async () => {
    const stores = newStores(1)
    const runner = await started(stores)
    const imported = history().map((record) => ({ ...record, import_id: 'm1' }) as LogRecord)
    await append(stores.log, [...imported, replay('r1')])
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.rebuilt).toEqual([])
    const end = { v: 1, type: 'import_end', workspace: 'shop', received_at: AFTER_MS, import_id: 'm1' } as const
    await append(stores.log, [end, { ...end, workspace: 'club' }])
    await runner.waitFor(await ends(stores.log))
    expect(stores.sink.rebuilt.map(({ cause }) => cause)).toEqual(['replay:r1'])
  })
})

describe('a replay where partitions are processed apart', () => {
  it('is rebuilt in every partition, with the numbers that stood; and events behind it count', async () => {
    const clock = { v: 1, type: 'import_end', workspace: 'shop', received_at: AFTER_MS, import_id: 'nothing' } as const
    const records = history()
    const [replayed, calm] = [new SpreadDriver(3), new SpreadDriver(3)]
    for (const driver of [replayed, calm]) {
      driver.put([...records.slice(0, 90), clock])
      await driver.commit()
    }
    const versionsOf = (driver: SpreadDriver) => driver.rows('shop').map(({ version }) => version)
    const newest = Math.max(...versionsOf(replayed))
    replayed.put([replay('r1')])
    await replayed.commit()
    expect(versionsOf(replayed).every((version) => version > newest)).toBe(true) // all of it was written anew
    for (const driver of [replayed, calm]) {
      driver.put([...records.slice(90), clock])
      await driver.commit()
    }
    const numbers = (driver: SpreadDriver) =>
      new Map(
        driver
          .rows('shop')
          .filter(({ counts }) => counts.active_users > 0)
          .map(({ window, dimension, value, end_ms, counts, k }) => [`${window} ${dimension} ${value} ${end_ms}`, { counts, k }]),
      )
    const [found, expected] = [numbers(replayed), numbers(calm)]
    const others = [...found.keys(), ...expected.keys()].filter((key) => !isDeepStrictEqual(found.get(key), expected.get(key)))
    expect(others).toEqual([])
  })
})

describe('the name of a replay', () => {
  it.each([
    { id: 'r1', fromMs: undefined },
    { id: 'r1', fromMs: 0 },
    { id: '01a1-f', fromMs: 1_700_000_000_000 },
  ])('%j comes back', (one) => {
    expect(parseReplayName(replayName(one))).toEqual(one)
  })
  it.each(['m1', 'import:m1', 'retry:replay:1', 'replay:', 'late_event'])('%s is none', (name) => {
    expect(parseReplayName(name)).toBeUndefined()
  })
})
