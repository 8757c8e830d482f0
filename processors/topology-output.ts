/** What goes out of the topology: rows and messages of a commit, and the wish to build a workspace anew. */
import type { AdmittedEvent, GrowthRow, PersonRow, QuarantinedRow, RestatementRow, SettledRow } from '../schemas/records.ts'
import type { RebuildOrder } from './task-message.ts'

/** What processing produced since it was last taken. */
export interface TopologyOutput {
  readonly events: readonly AdmittedEvent[]
  readonly quarantined: readonly QuarantinedRow[]
  readonly settled: readonly SettledRow[]
  readonly people: readonly PersonRow[]
  readonly growth: readonly GrowthRow[]
  readonly restatements: readonly RestatementRow[]
  /** For the tasks of other partitions. */
  readonly messages: readonly OutgoingMessage[]
}

export interface OutgoingMessage {
  readonly partition: number
  readonly value: Uint8Array
}

/** Something reached behind the state: commit what was processed, then `rebuild` the workspace before going on. */
export interface RebuildRequest {
  readonly workspace: string
  /** Why; see `RebuiltWorkspace`. */
  readonly cause: string
  /** Given where partitions are processed apart. */
  readonly order?: RebuildOrder
}

/** Reads events that count of one workspace in the order of occurrence, at or behind `from` and below `below`, by partition. */
export type ReadHistory = (below: readonly number[], from?: readonly number[]) => AsyncIterable<readonly AdmittedEvent[]>

/** A commit in which nothing happened. */
export const NO_OUTPUT: TopologyOutput = {
  events: [],
  quarantined: [],
  settled: [],
  people: [],
  growth: [],
  restatements: [],
  messages: [],
}
