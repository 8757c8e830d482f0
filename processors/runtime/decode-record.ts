/** Bytes of the log -> record. What can't be read goes to the quarantine with its reason; it never stops the stream. */
import { LOG_RECORD_VERSION, type LogRecord, logRecord, type QuarantinedRecord } from '../../schemas/log-records.ts'
import type { StoredMessage } from '../../schemas/ports/log.ts'
import { DEFAULT_WORKSPACE } from '../../schemas/config.ts'

const BODY_CHARACTERS_MAX = 65_536
const decoder = new TextDecoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true })

/** Reads a message of the log. */
export type DecodeRecord = (message: StoredMessage) => LogRecord

/** A record was written by a newer build. It is not to blame, and must not be passed over: the processing stops. */
export class NewerRecordError extends Error {
  override readonly name = 'NewerRecordError'
}

/**
 * The record of a message in a log that only this process writes: ingest has validated it and the log's checksum says
 * that it is unchanged, so only its version is looked at.
 */
export const decodeOwnRecord: DecodeRecord = (message) => {
  const record = JSON.parse(decoder.decode(message.value)) as LogRecord
  if (record.v !== LOG_RECORD_VERSION)
    throw new NewerRecordError(
      `record ${message.offset} of partition ${message.partition} has form ${record.v}, this build reads ${LOG_RECORD_VERSION}: start the newer build`,
    )
  return record
}

/**
 * The record of a message that anybody may have written. A message that is no record of ours (something else wrote to the topic) comes back as a
 * quarantined record of its workspace, or of the default one when it names none.
 */
export const decodeAnyRecord: DecodeRecord = ({ partition, offset, value }) => {
  const text = decoder.decode(value)
  let json: unknown
  try {
    json = JSON.parse(strictDecoder.decode(value))
  } catch {
    return unreadable(text, partition, offset, 'event_malformed', '', 'the record is not JSON in UTF-8')
  }
  const parsed = logRecord.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return unreadable(text, partition, offset, 'field_invalid', issue?.path.join('.') ?? '', issue?.message ?? 'not a record', json)
}

function unreadable(
  text: string,
  partition: number,
  offset: number,
  code: string,
  path: string,
  message: string,
  json?: unknown,
): QuarantinedRecord {
  const named = typeof json === 'object' && json !== null && 'workspace' in json ? json.workspace : undefined
  return {
    v: 1,
    type: 'quarantined',
    workspace: typeof named === 'string' && named !== '' ? named : DEFAULT_WORKSPACE,
    received_at: 0,
    quarantine_id: `log-${partition}-${offset}`,
    code,
    path,
    message,
    body: text.slice(0, BODY_CHARACTERS_MAX),
  }
}
