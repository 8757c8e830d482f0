/**
 * The log port. A topic is a fixed number of partitions; a partition is an append-only sequence of records with
 * dense offsets from 0. Drivers: `ingest/log/lmdb.ts` (embedded), `ingest/log/kafka.ts`. One contract suite runs over
 * every driver. What Kafka can't give is said where it is promised here.
 */

export interface LogMessage {
  readonly partition: number
  readonly value: Uint8Array
}

export interface StoredMessage {
  readonly partition: number
  readonly offset: number
  readonly value: Uint8Array
}

export interface LogWriter {
  readonly partitions: number
  /**
   * Appends all messages, in order within each partition, and resolves with the offset of each message once they
   * are on disk (a kill -9 or power loss after that loses none). All or nothing. Rejects with `LogUnavailableError`
   * when the log can't take them now; nothing of the batch is then visible to readers.
   * On Kafka: durable once on all replicas in sync; whole by partition, not over all; and what was rejected may be or
   * become visible all the same, so that who appends again relies on event ids.
   */
  append(messages: readonly LogMessage[]): Promise<number[]>
}

export interface LogReader {
  readonly partitions: number
  /** Messages of one partition from `offset` on, oldest first: at most `limit`, none at the end of the log. */
  read(partition: number, offset: number, limit: number): StoredMessage[] | Promise<StoredMessage[]>
  /** Offset that the next message of the partition will get. */
  endOffset(partition: number): number | Promise<number>
  /** Offset of the oldest message still kept. */
  startOffset(partition: number): number | Promise<number>
  /** Calls back after messages were appended (by this process), so that readers need not poll. Returns the unsubscriber. */
  onAppend(listener: () => void): () => void
}

export interface Log extends LogWriter, LogReader {
  close(): Promise<void>
}

/** The log can't take or give records now (disk full, broker away, sync failed): try again later, nothing is lost. */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError'
}

/** A record of the log is damaged: `message` names partition and offset. Never skipped silently. */
export class LogCorruptError extends Error {
  override readonly name = 'LogCorruptError'
}
