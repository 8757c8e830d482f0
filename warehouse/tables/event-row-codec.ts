/** Rows of `events` back to records, exactly as they were written. */
import { LOG_RECORD_VERSION, type EventRecord } from '../../schemas/log-records.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'
import { EVENTS_COLUMNS } from './events-table.ts'

type Cell = string | number | null
/** A row as a JSON array, in the order of `EVENT_ROW_COLUMNS`. */
export type EventRowCells = readonly Cell[]

/** Place and admission; the other columns go back into the record. */
const SYSTEM_COLUMNS = new Set(['_topic', '_partition', '_offset', 'version', 'is_deleted', 'actor', 'late'])
const FOLDED_COLUMNS = new Set(
  EVENTS_COLUMNS.map((column) => column.name).filter(
    (name) => name.startsWith('supersedes_') || name.startsWith('recipient_') || name === 'has_recipient',
  ),
)
/** Columns whose '' or 0 is a value of the record kinds that require them. */
const REQUIRED_OF: Readonly<Record<EventRecord['type'], readonly string[]>> = {
  share: ['actor_id', 'content_id'],
  invite: ['actor_id', 'invite_id'],
  conversion: ['actor_id', 'kind'],
  rum: ['name', 'value', 'page'],
  tracked: ['kind', 'name'],
}

/** Names of the columns to select, in order. Instants are to be read as epoch ms. */
export const EVENT_ROW_COLUMNS: readonly { readonly name: string; readonly isInstant: boolean }[] = EVENTS_COLUMNS.map((column) => ({
  name: column.name,
  isInstant: column.type.includes('DateTime64'),
}))
const INDEX = new Map(EVENT_ROW_COLUMNS.map((column, index) => [column.name, index]))

function cell(cells: EventRowCells, name: string): Cell {
  return cells[INDEX.get(name) as number] ?? null
}

const PLAIN_COLUMNS = EVENT_ROW_COLUMNS.map((column, index) => ({ name: column.name, index })).filter(
  ({ name }) =>
    !SYSTEM_COLUMNS.has(name) && !FOLDED_COLUMNS.has(name) && name !== 'properties' && name !== 'email_malformed' && name !== 'type',
)

function recipientOf(cells: EventRowCells): Record<string, unknown> | undefined {
  if (cell(cells, 'has_recipient') !== 1) return undefined
  const recipient: Record<string, unknown> = {}
  for (const field of ['actor_id', 'email_hash', 'email_domain', 'phone_hash']) {
    const text = cell(cells, `recipient_${field}`)
    if (text !== '') recipient[field] = text
  }
  if (cell(cells, 'recipient_email_malformed') === 1) recipient['email_malformed'] = true
  return recipient
}

/** The event of a row. Throws when the row is not one that the sink wrote. */
export function decodeEventRow(cells: EventRowCells): AdmittedEvent {
  const type = cell(cells, 'type') as EventRecord['type']
  const required = REQUIRED_OF[type]
  if (required === undefined) throw new TypeError(`not the type of an event: ${String(type)}`)
  const record: Record<string, unknown> = { v: LOG_RECORD_VERSION, type }
  for (const { name, index } of PLAIN_COLUMNS) {
    const value = cells[index]
    if (value === null || value === undefined || value === '') {
      if (required.includes(name)) record[name] = ''
    } else if (name !== 'value' || type === 'rum') {
      record[name] = value
    }
  }
  const supersededOffset = cell(cells, 'supersedes_offset')
  if (supersededOffset !== null) {
    record['supersedes'] = {
      partition: cell(cells, 'supersedes_partition'),
      offset: supersededOffset,
      occurred_at: cell(cells, 'supersedes_occurred_at'),
    }
  }
  if (cell(cells, 'email_malformed') === 1) record['email_malformed'] = true
  const recipient = recipientOf(cells)
  if (recipient) record['recipient'] = recipient
  const properties = cell(cells, 'properties')
  if (typeof properties === 'string' && properties !== '') record['properties'] = JSON.parse(properties)
  return {
    // Written by the sink from a validated record: to validate each again would double the time of a rebuild.
    record: record as unknown as EventRecord,
    partition: cell(cells, '_partition') as number,
    offset: cell(cells, '_offset') as number,
    actor: cell(cells, 'actor') as number,
    late: cell(cells, 'late') === 1,
  }
}
