/** Stores that outlive a process which stops for good at a chosen point, as after a kill -9: its call never comes back. */
import type { CommitStore } from '../../processors/runtime/commit-store.ts'
import type { SnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { LogReader } from '../../schemas/ports/log.ts'

export const CRASH_POINTS = [
  'before intend',
  'after intend',
  'before write',
  'after write',
  'before done',
  'after done',
  'before snapshot',
  'after snapshot',
] as const
export type CrashPoint = (typeof CRASH_POINTS)[number]

export interface Stores {
  readonly log: LogReader
  readonly sink: Sink
  readonly commits: CommitStore
  readonly snapshots: SnapshotStore<TopologySnapshot>
}

export interface CrashingStores extends Stores {
  readonly crashed: Promise<void>
  /** Dies now, wherever it stands. */
  kill(): void
}

/** `stores` as a process sees them that dies when it comes to `point` for the `times`-th time; `crashed` resolves then. */
export function crashingAt(stores: Stores, point: CrashPoint, times: number): CrashingStores {
  const { log, sink, commits, snapshots } = stores
  let left = times
  let isDead = false
  let died = () => {}
  const crashed = new Promise<void>((resolve) => {
    died = resolve
  })
  const never = new Promise<never>(() => {})
  const reach = async (reached: CrashPoint) => {
    if (isDead) return never
    if (reached !== point) return
    left -= 1
    if (left > 0) return
    kill()
    await never
  }
  const kill = () => {
    isDead = true
    died()
  }
  const around = async <Result>(name: 'intend' | 'write' | 'done' | 'snapshot', act: () => Promise<Result>): Promise<Result> => {
    await reach(`before ${name}`)
    const result = await act()
    await reach(`after ${name}`)
    return result
  }
  return {
    crashed,
    kill,
    log: {
      partitions: log.partitions,
      read: (partition, offset, limit) => (isDead ? never : log.read(partition, offset, limit)),
      endOffset: (partition) => log.endOffset(partition),
      startOffset: (partition) => log.startOffset(partition),
      onAppend: (listener) => log.onAppend(listener),
    },
    sink: {
      write: (batch) => around('write', () => sink.write(batch)),
      history: (workspace, range, chunkSize) => sink.history(workspace, range, chunkSize),
    },
    commits: {
      after: (sequence) => commits.after(sequence),
      intend: (sequence, positions, skipped) => around('intend', () => commits.intend(sequence, positions, skipped)),
      done: (sequence, note) => around('done', () => commits.done(sequence, note)),
      dropThrough: (sequence) => (isDead ? never : commits.dropThrough(sequence)),
      close: () => commits.close(),
    },
    snapshots: {
      async write(snapshot) {
        const written = await snapshots.write(snapshot)
        return { keep: () => around('snapshot', () => written.keep()) }
      },
      readNewest: () => snapshots.readNewest(),
      oldestCommit: () => snapshots.oldestCommit(),
    },
  }
}
