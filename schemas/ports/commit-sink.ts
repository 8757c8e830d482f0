/** Where processors write to and read history from. Driver: `warehouse/sink`. */
import type { AdmittedEvent, CommitBatch } from '../records.ts'

export interface Sink {
  /**
   * Writes everything of the batch; idempotent by `token` (raw rows) and by version (derived rows). Resolves when
   * readable. Rejects with `WarehouseUnavailableError` when trying again may help.
   */
  write(batch: CommitBatch): Promise<void>
  /**
   * Events of a workspace that stand in the warehouse in a range of offsets, not late and not deleted, ordered by
   * (occurred_at, event_id), in chunks of at most `chunkSize`.
   */
  history(workspace: string, range: OffsetRange, chunkSize: number): AsyncIterable<readonly AdmittedEvent[]>
}

/** Offsets by partition: at or behind `from` (without it from the start), and below `below`. */
export interface OffsetRange {
  readonly below: readonly number[]
  readonly from?: readonly number[] | undefined
}
