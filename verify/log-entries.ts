/** The log, decoded and in one order: what the naive pass reads. */
import { type LogRecord, logRecord } from '../schemas/log-records.ts'
import type { LogReader, StoredMessage } from '../schemas/ports/log.ts'

/** One record with its place in the log. */
export interface LogEntry {
  readonly partition: number
  readonly offset: number
  readonly record: LogRecord
}

const READ_LIMIT = 5_000
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Decodes one stored message. Throws when it is not a log record of a known version: the log must not hold such. */
export function decodeLogEntry(message: StoredMessage): LogEntry {
  const parsed = logRecord.safeParse(JSON.parse(decoder.decode(message.value)))
  if (!parsed.success) {
    throw new Error(`record at partition ${message.partition}, offset ${message.offset} is not a log record: ${parsed.error.message}`)
  }
  return { partition: message.partition, offset: message.offset, record: parsed.data }
}

/**
 * Every record from the start of the log up to `endOffsets` (by partition; the end at the time of the call without
 * it): in the order of the log within a partition, partitions merged by `received_at`.
 */
export async function* readLogEntries(log: LogReader, endOffsets?: readonly number[]): AsyncGenerator<LogEntry> {
  const partitions = Array.from({ length: log.partitions }, (_, partition) => partition)
  const ends = endOffsets ?? (await Promise.all(partitions.map((partition) => log.endOffset(partition))))
  const readers = partitions.map((partition) => readPartition(log, partition, ends[partition] ?? 0))
  const heads = await Promise.all(readers.map((reader) => reader.next()))
  for (;;) {
    let oldest = -1
    let oldestReceivedAtMs = Number.POSITIVE_INFINITY
    for (const [index, head] of heads.entries()) {
      if (head.done || head.value.record.received_at >= oldestReceivedAtMs) continue
      oldest = index
      oldestReceivedAtMs = head.value.record.received_at
    }
    const head = heads[oldest]
    const reader = readers[oldest]
    if (head === undefined || head.done || reader === undefined) return
    yield head.value
    heads[oldest] = await reader.next()
  }
}

async function* readPartition(log: LogReader, partition: number, endOffset: number): AsyncGenerator<LogEntry, undefined> {
  let offset = await log.startOffset(partition)
  while (offset < endOffset) {
    const messages = await log.read(partition, offset, READ_LIMIT)
    if (messages.length === 0) return
    for (const message of messages) {
      if (message.offset >= endOffset) return
      yield decodeLogEntry(message)
      offset = message.offset + 1
    }
  }
}
