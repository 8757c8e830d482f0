/**
 * What tasks tell one another over the repartition topic: in one record a commit and target everything that the commit
 * of one partition has for another. A receiver takes each sequence of a sender once, so that a record that comes twice
 * changes nothing.
 */
import type { TotalsDelta } from './growth/totals-delta.ts'
import type { Hop } from './hops.ts'
import type { PartitionTimeReport } from './runtime/partition-time.ts'
import type { PartitionReport } from './workspace-windows.ts'

/** Grows when the form changes; a reader refuses one that it does not know. */
export const TASK_RECORD_VERSION = 1

/** Asks every partition to build a workspace anew from its events below these offsets, by partition. */
export interface RebuildOrder {
  /** Number of the workspace's state from then on. */
  readonly epoch: number
  readonly below: readonly number[]
  /** Why; see `RebuiltWorkspace`. */
  readonly cause: string
}

/** For one workspace. */
export interface WorkspaceEntry {
  readonly workspace: string
  /** Number of the state that the hops and the delta come from: each rebuild begins another. */
  readonly epoch: number
  readonly hops: readonly Hop[]
  readonly delta?: TotalsDelta | undefined
  readonly imports: readonly { readonly id: string; readonly receivedMs: number }[]
  readonly report?: PartitionReport | undefined
  /** No state before this instant is needed any more. */
  readonly horizonMs?: number | undefined
  readonly rebuild?: RebuildOrder | undefined
}

export interface TaskMessage {
  /** Partition of the sender, and number of its commit. */
  readonly from: number
  readonly sequence: number
  /** Newest tick of the sender's partition; minus infinity when this commit had none. */
  readonly tickMs: number
  readonly entries: readonly WorkspaceEntry[]
}

/** All that followed from the tasks' commits up to these sequences, by partition, stands before this record in every partition. */
export interface Settling {
  readonly settled: readonly number[]
}

/** What is gathered for one workspace until a commit. */
export class OutgoingEntries {
  readonly #workspace: string
  #entries = new Map<number, Draft>()

  constructor(workspace: string) {
    this.#workspace = workspace
  }

  hop(partition: number, hop: Hop): void {
    this.#of(partition).hops.push(hop)
  }

  delta(partition: number, delta: TotalsDelta): void {
    this.#of(partition).delta = delta
  }

  importSeen(partition: number, importId: string, receivedMs: number): void {
    const { imports } = this.#of(partition)
    imports.set(importId, Math.max(receivedMs, imports.get(importId) ?? receivedMs))
  }

  report(partition: number, report: PartitionReport): void {
    this.#of(partition).report = report
  }

  horizon(partition: number, horizonMs: number): void {
    this.#of(partition).horizonMs = horizonMs
  }

  rebuild(partition: number, order: RebuildOrder): void {
    this.#of(partition).rebuild = order
  }

  /** Everything since the last call, by target partition. */
  take(epoch: number): Map<number, WorkspaceEntry> {
    const taken = new Map(
      [...this.#entries].map(([partition, { imports, ...draft }]) => [
        partition,
        { ...draft, workspace: this.#workspace, epoch, imports: [...imports].map(([id, receivedMs]) => ({ id, receivedMs })) },
      ]),
    )
    this.#entries = new Map()
    return taken
  }

  #of(partition: number): Draft {
    let draft = this.#entries.get(partition)
    if (draft === undefined) {
      draft = { hops: [], imports: new Map() }
      this.#entries.set(partition, draft)
    }
    return draft
  }
}

interface Draft {
  readonly hops: Hop[]
  readonly imports: Map<string, number>
  delta?: TotalsDelta
  report?: PartitionReport
  horizonMs?: number
  rebuild?: RebuildOrder
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** UTF-8 of JSON; what JSON can't say (minus infinity: never) is null. */
export function encodeTaskRecord(record: TaskMessage | Settling): Uint8Array {
  return encoder.encode(JSON.stringify({ v: TASK_RECORD_VERSION, ...record }))
}

/** Throws for a form that this build does not know: what it holds must not be left out. */
export function decodeTaskRecord(value: Uint8Array): TaskMessage | Settling {
  const { v, ...record } = JSON.parse(decoder.decode(value)) as { v: unknown } & (TaskMessage | Settling)
  if (v !== TASK_RECORD_VERSION) throw new Error(`a message between tasks has form ${String(v)}, this build reads ${TASK_RECORD_VERSION}`)
  if ('settled' in record) return record
  return { ...record, tickMs: orNever(record.tickMs), entries: record.entries.map(withTimes) }
}

function withTimes(entry: WorkspaceEntry): WorkspaceEntry {
  if (entry.report === undefined) return entry
  const { newestMs, receivedMs, clockMs, isLive }: PartitionTimeReport = entry.report.time
  const time = { newestMs: orNever(newestMs), receivedMs: orNever(receivedMs), clockMs: orNever(clockMs), isLive }
  return { ...entry, report: { ...entry.report, time } }
}

function orNever(atMs: number | null): number {
  return atMs ?? Number.NEGATIVE_INFINITY
}
