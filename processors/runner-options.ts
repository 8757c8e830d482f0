/** What a runner is given, and what it tells of itself. */
import type { Sink } from '../schemas/ports/commit-sink.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { EventIds } from '../schemas/ports/event-ids.ts'
import type { LiveBus } from '../schemas/ports/live.ts'
import type { Log, LogReader } from '../schemas/ports/log.ts'
import type { CommitStore } from './runtime/commit-store.ts'
import type { DecodeRecord } from './runtime/decode-record.ts'
import type { SnapshotStore } from './runtime/snapshot-store.ts'
import type { TopologySnapshot } from './topology.ts'

export interface RunnerOptions {
  readonly log: LogReader
  /** Partitions of the log that are processed, ascending; without it all. */
  readonly local?: readonly number[]
  /** Where tasks of other partitions send to and receive from: given when `local` is one partition of several. */
  readonly exchange?: Log | undefined
  /** Which ids were seen, where anybody may write to the log. */
  readonly eventIds?: EventIds | undefined
  readonly sink: Sink
  readonly live: LiveBus
  readonly commits: CommitStore
  readonly snapshots: SnapshotStore<TopologySnapshot>
  readonly clock: Clock
  /** How records are read; without it, as if anybody may have written them. */
  readonly decode?: DecodeRecord
  readonly sleep: (ms: number) => Promise<void>
  readonly onError: (message: string, error: unknown) => void
  readonly limits?: Partial<RunnerLimits>
}

export interface RunnerLimits {
  /** Records read at once. */
  readonly readRecords: number
  /** Rows that make a commit due. */
  readonly commitRows: number
  /** A commit is due when this much time has passed since its first record, or up to four times that where commits take long (`commit-pace.ts`). */
  readonly commitIntervalMs: number
  /** Live watchers hear at most this often. */
  readonly liveIntervalMs: number
  /** Records between snapshots, which a restart has to process again; more where a snapshot takes long (`snapshot-schedule.ts`). */
  readonly snapshotRecords: number
  /** Records that may be set aside as `processing_failed` before processing stops. */
  readonly setAsideMax: number
}

export const RUNNER_LIMITS: RunnerLimits = {
  readRecords: 2_000,
  commitRows: 100_000,
  commitIntervalMs: 250,
  liveIntervalMs: 50,
  snapshotRecords: 200_000,
  setAsideMax: 100,
}

export interface RunnerStatus {
  /** Offset of the next record to process, and of the next to be readable in the warehouse, by input: partitions, then messages. */
  readonly processed: readonly number[]
  readonly committed: readonly number[]
  /** Version of the newest rows that are readable. */
  readonly committedVersion: number
  /** Why the warehouse does not take rows now; null when it does. */
  readonly sinkError: string | null
  /** When the oldest record that is processed but not committed was processed; null when all are. */
  readonly pendingSinceMs: number | null
  readonly ready: boolean
  /** Number of the newest commit that is done. */
  readonly committedSequence: number
  /** A bug of ours stopped the processing. */
  readonly failed: boolean
  /** What stopped it: a bug, or FencedError. */
  readonly error: Error | undefined
  /** The workspace that is being rebuilt from its raw events, and how many of them were taken so far. */
  readonly rebuilding: { readonly workspace: string; readonly events: number } | null
}
