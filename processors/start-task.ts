/**
 * Takes up the task of one partition, wherever it was before: its newest snapshot, which may be another instance's; then
 * the commits after it, which claims them; then the records of those commits.
 */
import type { Log } from '../schemas/ports/log.ts'
import { Runner } from './runner.ts'
import type { RunnerOptions } from './runner-options.ts'
import { LogCommitStore } from './runtime/log-commit-store.ts'
import { SharedSnapshotStore } from './runtime/shared-snapshot-store.ts'
import { FileSnapshotStore } from './runtime/snapshot-store.ts'
import { type SnapshotLog, SnapshotTopic } from './runtime/snapshot-topic.ts'
import type { TopologySnapshot } from './topology.ts'

export interface TaskOptions extends Omit<RunnerOptions, 'local' | 'commits' | 'snapshots'> {
  readonly partition: number
  readonly exchange: Log
  /** What the tasks of all partitions commit, and their snapshots. */
  readonly commits: Log
  readonly snapshots: SnapshotLog
  /** Of this task alone: holds its snapshots. */
  readonly folder: string
  /** Another one at each call. */
  readonly newId: () => string
}

export interface StartedTask {
  readonly runner: Runner
  /** After the runner was stopped: resolves when others find its last snapshot. */
  close(): Promise<void>
}

/**
 * Resolves when the state is that of the last commit. Rejects when it can't be brought there now (LogUnavailableError,
 * FencedError), when records that it needs were deleted, and soon after `signal` is aborted.
 */
export async function startTask(options: TaskOptions, signal: AbortSignal): Promise<StartedTask> {
  const { partition, folder, newId, onError } = options
  const files = new FileSnapshotStore<TopologySnapshot>(folder)
  const topic = new SnapshotTopic({ log: options.snapshots, partition, newId, onError })
  const snapshots = new SharedSnapshotStore({ files, topic, onError })
  const restored = await snapshots.restore()
  signal.throwIfAborted()
  const from = restored?.place && { commit: restored.commit, place: restored.place }
  const commits = await LogCommitStore.open({ log: options.commits, partition, owner: newId(), from })
  const runner = new Runner({ ...options, local: [partition], commits, snapshots })
  const stop = () => void runner.stop()
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    await runner.start()
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return {
    runner,
    async close() {
      await snapshots.close()
      await commits.close()
    },
  }
}
