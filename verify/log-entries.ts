/** The log, decoded and in one order: what the naive pass reads. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LOG_RECORD_VERSION, type LogRecord, logRecord } from '../schemas/log-records.ts'
import type { LogReader, StoredMessage } from '../schemas/ports/log.ts'

/** One record with its place in the log. */
export interface LogEntry {
  readonly partition: number
  readonly offset: number
  readonly record: LogRecord
}

const READ_LIMIT = 5_000
/** A reader may say "nothing" although something comes: it is asked so often before the rest is taken for a gap. */
const LOOKS_MAX = 10
const LOOK_MS = 30
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Decodes one stored message; undefined for what is no record of ours, since anybody may write to the topic. Throws for
 * a record of a newer version: this build can't tell what counts in it.
 */
function decodeLogEntry({ partition, offset, value }: StoredMessage): LogEntry | undefined {
  const json = parsedJson(value)
  const version = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined
  if (typeof version === 'number' && version > LOG_RECORD_VERSION) {
    throw new Error(
      `record at partition ${partition}, offset ${offset} has form ${version}, this build reads ${LOG_RECORD_VERSION}: use the newer build`,
    )
  }
  const parsed = logRecord.safeParse(json)
  return parsed.success ? { partition, offset, record: parsed.data } : undefined
}

function parsedJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(value))
  } catch {
    return undefined
  }
}

/**
 * Every record of ours from the start of the log up to `endOffsets` (by partition; the end at the time of the call
 * without it): in the order of the log within a partition, partitions merged by `received_at`. Offsets may have gaps.
 * Rejects with what the log rejects with, and for a record of a newer version.
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
  let looks = 0
  while (offset < endOffset) {
    const messages = await log.read(partition, offset, READ_LIMIT)
    if (messages.length === 0) {
      // The last offsets may hold no record (Kafka's markers of transactions), but the end may also not be known yet.
      looks += 1
      if (looks === LOOKS_MAX) return
      await sleep(LOOK_MS)
      continue
    }
    looks = 0
    for (const message of messages) {
      if (message.offset >= endOffset) return
      offset = message.offset + 1
      const entry = decodeLogEntry(message)
      if (entry !== undefined) yield entry
    }
  }
}
