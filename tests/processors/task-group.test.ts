/** Instances that share partitions, over stores in memory: the numbers of one runner, whoever comes, goes or is fenced. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { CommitProgress } from '../../processors/runtime/commit-progress.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { SnapshotLog } from '../../processors/runtime/snapshot-topic.ts'
import { startTask } from '../../processors/start-task.ts'
import { TaskGroup } from '../../processors/task-group.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import type { OwnershipListener, PartitionOwnership } from '../../schemas/ports/partition-ownership.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { forgettingLog } from './forgetting-log.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

const PARTITIONS = 4
const LIMITS = { readRecords: 7, commitRows: 20, commitIntervalMs: 5, liveIntervalMs: 1_000, snapshotRecords: 60 }
const NOW_MS = START_MS + 2 * DAY_MS

/** Hands partitions out as the test says. */
class HandedOut implements PartitionOwnership {
  readonly partitions = PARTITIONS
  generation = 0
  #owned: readonly number[] = []
  #listener: OwnershipListener | undefined

  owned(): readonly number[] {
    return this.#owned
  }

  onChange(listener: OwnershipListener): () => void {
    this.#listener = listener
    return () => {}
  }

  async join(): Promise<readonly number[]> {
    return this.#owned
  }

  async isCurrent(): Promise<boolean> {
    return true
  }

  async note(): Promise<boolean> {
    return true
  }

  async close(): Promise<void> {
    await this.release()
  }

  async release(): Promise<void> {
    const owned = this.#owned
    this.#owned = []
    await this.#listener?.release(owned)
  }

  /** These go, the others stay. */
  async releaseSome(partitions: readonly number[]): Promise<void> {
    this.#owned = this.#owned.filter((partition) => !partitions.includes(partition))
    await this.#listener?.release(partitions)
  }

  assign(partitions: readonly number[]): void {
    this.generation += 1
    this.#owned = partitions
    this.#listener?.assigned(partitions, this.generation)
  }
}

let folder: string
let instances: TaskGroup[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-tasks-'))
  instances = []
})
afterEach(async () => {
  await Promise.all(instances.map((group) => group.stop()))
  await rm(folder, { recursive: true, force: true })
})

function newCluster() {
  return {
    log: createMemoryLog({ partitions: PARTITIONS }) as Log,
    exchange: createMemoryLog({ partitions: PARTITIONS }) as Log,
    commits: createMemoryLog({ partitions: PARTITIONS }) as Log,
    snapshots: forgettingLog(createMemoryLog({ partitions: PARTITIONS })),
    sink: new RecordingSink(),
    errors: [] as string[],
  }
}
type Cluster = ReturnType<typeof newCluster>

let instanceCount = 0
async function startInstance(
  { log, exchange, commits, snapshots, sink, errors }: Cluster,
  progress = new CommitProgress(commits),
): Promise<{ group: TaskGroup; ownership: HandedOut }> {
  instanceCount += 1
  const instance = `instance-${instanceCount}`
  const ownership = new HandedOut()
  const clock = { nowMs: () => NOW_MS }
  const onError = (message: string, error: unknown) => void errors.push(`${message}: ${String(error)}`)
  const group = new TaskGroup({
    log,
    exchange,
    ownership,
    progress,
    clock,
    sleep: (ms) => sleep(Math.min(ms, 5)),
    onError,
    startRunner: (partition, signal) =>
      startTask(
        {
          partition,
          log,
          exchange,
          commits,
          snapshots,
          folder: join(folder, instance, `${partition}`),
          sink,
          live: { publish: () => {}, subscribe: () => () => {} },
          clock: { nowMs: () => performance.now() },
          sleep: () => sleep(1),
          newId: randomUUID,
          onError,
          limits: LIMITS,
        },
        signal,
      ),
  })
  instances.push(group)
  await group.start()
  return { group, ownership }
}

/** Resolves when every record and message is committed, and nothing waits to be settled. */
async function quiet({ log, exchange, commits }: Cluster): Promise<void> {
  const progress = new CommitProgress(commits)
  for (;;) {
    await progress.refresh()
    const isQuiet = await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        const done = progress.of(partition)
        const ends = [await log.endOffset(partition), await exchange.endOffset(partition)]
        return done !== undefined && !done.note.hasUnsettled && ends.every((end, index) => done.positions[index] === end)
      }),
    )
    if (isQuiet.every(Boolean)) return
    await sleep(10)
  }
}

const ticks: LogRecord[] = ['*', 'shop', 'club'].map((workspace) => ({ v: 1, type: 'tick', workspace, received_at: NOW_MS }))

/** One runner over all partitions. */
async function together(records: readonly LogRecord[]): Promise<RecordingSink> {
  const log = createMemoryLog({ partitions: PARTITIONS })
  const sink = new RecordingSink()
  await append(log, records)
  const runner = new Runner({
    log,
    sink,
    live: { publish: () => {}, subscribe: () => () => {} },
    commits: new MemoryCommitStore(),
    snapshots: new FileSnapshotStore<TopologySnapshot>(join(folder, 'together')),
    clock: { nowMs: () => performance.now() },
    sleep: () => sleep(1),
    onError: () => {},
  })
  await runner.start()
  await runner.waitFor(await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => log.endOffset(partition))))
  await runner.stop()
  return sink
}

const finals = (sink: RecordingSink) => sink.growth().filter((row) => (row as { final: boolean }).final)
/** Offsets differ by the ticks between. */
const eventIds = (sink: RecordingSink) =>
  sink
    .events()
    .map(({ partition, record, late }) => `${partition} ${record.event_id} ${late}`)
    .sort()

async function expectSame(cluster: Cluster): Promise<void> {
  const expected = await together([...history(), ...ticks])
  expect(eventIds(cluster.sink)).toEqual(eventIds(expected))
  expect(cluster.sink.people()).toEqual(expected.people())
  expect(finals(cluster.sink)).toEqual(finals(expected))
}

async function appendSlowly(log: Log, records: readonly LogRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += 23) {
    await append(log, records.slice(start, start + 23))
    await sleep(10)
  }
}

describe('instances that share partitions', () => {
  it('publish what one runner publishes', async () => {
    const cluster = newCluster()
    const [one, two] = [await startInstance(cluster), await startInstance(cluster)]
    one.ownership.assign([0, 2])
    two.ownership.assign([1, 3])
    await appendSlowly(cluster.log, [...history(), ...ticks])
    await quiet(cluster)
    expect(cluster.errors).toEqual([])
    await expectSame(cluster)
  }, 30_000)

  it('hand partitions over in the middle of it', async () => {
    const cluster = newCluster()
    const one = await startInstance(cluster)
    one.ownership.assign([0, 1, 2, 3])
    const records = history()
    await appendSlowly(cluster.log, records.slice(0, 90))
    const two = await startInstance(cluster)
    await one.ownership.release()
    one.ownership.assign([0, 1])
    two.ownership.assign([2, 3])
    await appendSlowly(cluster.log, records.slice(90, 140))
    await two.group.stop()
    await one.ownership.release()
    one.ownership.assign([0, 1, 2, 3])
    await appendSlowly(cluster.log, [...records.slice(140), ...ticks])
    await quiet(cluster)
    expect(cluster.errors).toEqual([])
    await expectSame(cluster)
  }, 30_000)

  it('that believe both to own a partition: the one that took it up last goes on, and nothing is twice', async () => {
    const cluster = newCluster()
    const [one, two] = [await startInstance(cluster), await startInstance(cluster)]
    one.ownership.assign([0, 1, 2, 3])
    const records = history()
    await appendSlowly(cluster.log, records.slice(0, 60))
    two.ownership.assign([1, 2]) // the other was not told
    await appendSlowly(cluster.log, records.slice(60, 120))
    await one.ownership.release()
    one.ownership.assign([0, 3])
    await appendSlowly(cluster.log, [...records.slice(120), ...ticks])
    await quiet(cluster)
    await expectSame(cluster)
  }, 30_000)

  it('go on where others stopped, with nothing on their disk: neither events nor commits are read from the start', async () => {
    const cluster = newCluster()
    const one = await startInstance(cluster)
    one.ownership.assign([0, 1, 2, 3])
    const records = history()
    await appendSlowly(cluster.log, records.slice(0, 130))
    await quiet(cluster)
    await one.group.stop()
    const before = await Promise.all([0, 1, 2, 3].map((partition) => cluster.log.endOffset(partition)))
    const commitsBefore = await Promise.all([0, 1, 2, 3].map((partition) => cluster.commits.endOffset(partition)))

    const read = { log: [...before], commits: [...commitsBefore] }
    const watched = (name: 'log' | 'commits'): Log => ({
      ...cluster[name],
      read(partition, offset, limit) {
        read[name][partition] = Math.min(read[name][partition] as number, offset)
        return cluster[name].read(partition, offset, limit)
      },
    })
    const two = await startInstance({ ...cluster, log: watched('log'), commits: watched('commits') }, new CommitProgress(cluster.commits))
    two.ownership.assign([0, 1, 2, 3])
    await appendSlowly(cluster.log, [...records.slice(130), ...ticks])
    await quiet(cluster)
    expect(read.log).toEqual(before)
    expect(read.commits).toEqual(commitsBefore)
    expect(cluster.errors).toEqual([])
    await expectSame(cluster)
  }, 30_000)

  it.each([
    ['a message of another task can not be read', 'exchange'],
    ['rows can not be written', 'sink'],
  ] as const)(
    'go on, after a pause, when %s by a bug that passes',
    async (_, broken) => {
      const cluster = newCluster()
      let left = 3
      const breakSometimes = () => {
        if (left-- > 0) throw new TypeError('a bug')
      }
      const exchange: Log = {
        ...cluster.exchange,
        async read(partition, offset, limit) {
          const messages = await cluster.exchange.read(partition, offset, limit)
          if (messages.length > 0) breakSometimes()
          return messages
        },
      }
      const sink = Object.assign(new RecordingSink(), { history: cluster.sink.history.bind(cluster.sink) })
      sink.write = async (batch) => {
        breakSometimes()
        await cluster.sink.write(batch)
      }
      const one = await startInstance(broken === 'exchange' ? { ...cluster, exchange } : { ...cluster, sink })
      one.ownership.assign([0, 1, 2, 3])
      await appendSlowly(cluster.log, [...history(), ...ticks])
      await quiet(cluster)
      expect(cluster.errors.length).toBeGreaterThanOrEqual(3)
      expect(cluster.errors.every((error) => error.endsWith('TypeError: a bug'))).toBe(true)
      expect(one.group.waiting).toEqual([])
      await expectSame(cluster)
    },
    30_000,
  )

  it('put a partition down while another is being brought back, and end the bringing back of one that has gone', async () => {
    const cluster = newCluster()
    let isHeldUp = false
    const heldUp: SnapshotLog = {
      ...cluster.snapshots,
      async endOffset(partition) {
        while (isHeldUp && partition > 0) await sleep(5)
        return cluster.snapshots.endOffset(partition)
      },
    }
    const one = await startInstance({ ...cluster, snapshots: heldUp })
    one.ownership.assign([0])
    await expect.poll(() => one.group.tasks.length).toBe(1)
    isHeldUp = true
    one.ownership.assign([0, 1, 2, 3])
    await sleep(20)
    expect(one.group.waiting).toEqual([1, 2, 3])
    await one.ownership.releaseSome([0, 3]) // one is processed, one waits for its turn
    expect(one.group.tasks).toEqual([])
    const released = one.ownership.releaseSome([1, 2])
    isHeldUp = false
    await released
    expect(one.group.tasks).toEqual([])
    expect(await cluster.commits.endOffset(1)).toBe(0) // not even claimed
    one.ownership.assign([0, 1, 2, 3])
    await appendSlowly(cluster.log, [...history(), ...ticks])
    await quiet(cluster)
    expect(cluster.errors).toEqual([])
    await expectSame(cluster)
  }, 30_000)
})
