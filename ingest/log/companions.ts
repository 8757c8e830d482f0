/**
 * Small blobs that are committed together with an append, in the same transaction. Embedded drivers only: Kafka has no
 * such thing, so it stays out of the log port.
 */
import type { Log, LogMessage } from '../../schemas/ports/log.ts'

export interface CompanionWrite {
  readonly key: Uint8Array
  /** Undefined removes the key. */
  readonly value: Uint8Array | undefined
}

export interface CompanionLog extends Log {
  /** As in the port; what `companions` says becomes durable with the messages or not at all. */
  append(messages: readonly LogMessage[], companions?: readonly CompanionWrite[]): Promise<number[]>
  /** Companions whose key starts with `prefix`, in the order of their keys. */
  companions(prefix: Uint8Array): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>
}
