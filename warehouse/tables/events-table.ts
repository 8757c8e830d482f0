/** Columns of `events`: an EventRecord laid flat. Absent text is '', absent numbers are NULL where 0 means something. */
import type { AdmittedEvent } from '../../schemas/records.ts'
import type { EventRecord } from '../../schemas/log-records.ts'
import type { WarehouseColumn } from '../../schemas/ports/warehouse.ts'

export const EVENTS_TOPIC = 'events'
/** A tombstone replaces the row of the same sorting key, whichever is written or replayed first. */
const LIVE_VERSION = 1
const TOMBSTONE_VERSION = 2

/** A row of `events`: an admitted event, or the end of one that an import has superseded. */
export interface EventsRow {
  readonly event: AdmittedEvent
  readonly isTombstone: boolean
}

/** Optional text fields of any kind of event record: each is a column of the same name. */
const TEXT_FIELDS = [
  'actor_id',
  'import_id',
  'session_id',
  'device_hash',
  'ip_hash',
  'user_agent',
  'country',
  'channel',
  'campaign',
  'variant',
  'content_id',
  'share_id',
  'url',
  'referral_code',
  'action',
  'invite_id',
  'kind',
  'referrer_id',
  'currency',
  'order_id',
  'email_hash',
  'email_domain',
  'payment_hash',
  'name',
  'page',
  'release',
  'device',
] as const
export type TextField = (typeof TEXT_FIELDS)[number]
type FlatRecord = EventRecord & { readonly [Field in TextField]?: string } & {
  readonly email_malformed?: true
  readonly amount_minor?: number
  readonly value?: number
  readonly status?: number
  readonly sample_rate?: number
  readonly recipient?: {
    readonly actor_id?: string
    readonly email_hash?: string
    readonly email_domain?: string
    readonly email_malformed?: true
    readonly phone_hash?: string
  }
}
const flat = (row: EventsRow): FlatRecord => row.event.record as FlatRecord

function textColumn(field: TextField): WarehouseColumn<EventsRow> {
  return { name: field, type: 'String', value: (row) => (row.isTombstone ? '' : flat(row)[field]) }
}

/** The sorting key of a tombstone is that of the row it ends. */
const place = {
  occurredAt: (row: EventsRow) =>
    row.isTombstone && row.event.record.supersedes ? row.event.record.supersedes.occurred_at : row.event.record.occurred_at,
  partition: (row: EventsRow) =>
    row.isTombstone && row.event.record.supersedes ? row.event.record.supersedes.partition : row.event.partition,
  offset: (row: EventsRow) => (row.isTombstone && row.event.record.supersedes ? row.event.record.supersedes.offset : row.event.offset),
}

/** A column of plain events; tombstones hold its default. */
const onlyLive =
  <Value>(value: (row: EventsRow) => Value, absent: Value) =>
  (row: EventsRow) =>
    row.isTombstone ? absent : value(row)

export const EVENTS_COLUMNS: readonly WarehouseColumn<EventsRow>[] = [
  { name: 'workspace', type: 'String', value: (row) => row.event.record.workspace },
  { name: 'occurred_at', type: 'DateTime64(3)', value: place.occurredAt },
  { name: '_topic', type: 'String', value: () => EVENTS_TOPIC },
  { name: '_partition', type: 'UInt32', value: place.partition },
  { name: '_offset', type: 'UInt64', value: place.offset },
  { name: 'version', type: 'UInt64', value: (row) => (row.isTombstone ? TOMBSTONE_VERSION : LIVE_VERSION) },
  { name: 'is_deleted', type: 'UInt8', value: (row) => (row.isTombstone ? 1 : 0) },
  { name: 'received_at', type: 'DateTime64(3)', value: (row) => row.event.record.received_at },
  { name: 'type', type: 'String', value: (row) => row.event.record.type },
  { name: 'event_id', type: 'String', value: (row) => row.event.record.event_id },
  { name: 'actor', type: 'UInt32', value: onlyLive((row) => row.event.actor, 0) },
  { name: 'late', type: 'UInt8', value: onlyLive((row) => (row.event.late ? 1 : 0), 0) },
  { name: 'supersedes_partition', type: 'UInt32', value: onlyLive((row) => row.event.record.supersedes?.partition ?? 0, 0) },
  { name: 'supersedes_offset', type: 'Nullable(UInt64)', value: onlyLive((row) => row.event.record.supersedes?.offset, undefined) },
  {
    name: 'supersedes_occurred_at',
    type: 'Nullable(DateTime64(3))',
    value: onlyLive((row) => row.event.record.supersedes?.occurred_at, undefined),
  },
  ...TEXT_FIELDS.map(textColumn),
  { name: 'has_recipient', type: 'UInt8', value: onlyLive((row) => (flat(row).recipient ? 1 : 0), 0) },
  { name: 'recipient_actor_id', type: 'String', value: onlyLive((row) => flat(row).recipient?.actor_id, undefined) },
  { name: 'recipient_email_hash', type: 'String', value: onlyLive((row) => flat(row).recipient?.email_hash, undefined) },
  { name: 'recipient_email_domain', type: 'String', value: onlyLive((row) => flat(row).recipient?.email_domain, undefined) },
  { name: 'recipient_email_malformed', type: 'UInt8', value: onlyLive((row) => (flat(row).recipient?.email_malformed ? 1 : 0), 0) },
  { name: 'recipient_phone_hash', type: 'String', value: onlyLive((row) => flat(row).recipient?.phone_hash, undefined) },
  { name: 'email_malformed', type: 'UInt8', value: onlyLive((row) => (flat(row).email_malformed ? 1 : 0), 0) },
  { name: 'amount_minor', type: 'Nullable(Int64)', value: onlyLive((row) => flat(row).amount_minor, undefined) },
  { name: 'value', type: 'Float64', value: onlyLive((row) => flat(row).value ?? 0, 0) },
  { name: 'status', type: 'Nullable(UInt16)', value: onlyLive((row) => flat(row).status, undefined) },
  { name: 'sample_rate', type: 'Nullable(Float64)', value: onlyLive((row) => flat(row).sample_rate, undefined) },
  {
    name: 'properties',
    type: 'String',
    value: onlyLive((row) => (row.event.record.properties ? JSON.stringify(row.event.record.properties) : undefined), undefined),
  },
]

/** Fields of a record that several columns hold; other columns have the name of their field. */
const COLUMNS_OF_FIELD: ReadonlyMap<string, readonly string[]> = new Map([
  ['supersedes', EVENTS_COLUMNS.map((column) => column.name).filter((name) => name.startsWith('supersedes_'))],
  ['recipient', EVENTS_COLUMNS.map((column) => column.name).filter((name) => name.startsWith('recipient_') || name === 'has_recipient')],
])
const PLACE_COLUMNS = ['_topic', '_partition', '_offset', 'version', 'is_deleted', 'actor', 'late'] as const

/**
 * The columns that some of the rows has a value for. An event uses few of its many optional fields, and to ask every row
 * for every column costs more than all the rest of an insert.
 */
export function usedEventsColumns(rows: readonly EventsRow[]): WarehouseColumn<EventsRow>[] {
  const used = new Set<string>(PLACE_COLUMNS)
  const fields = new Set<string>()
  for (const row of rows) for (const field in row.event.record) fields.add(field)
  for (const field of fields) for (const name of COLUMNS_OF_FIELD.get(field) ?? [field]) used.add(name)
  return EVENTS_COLUMNS.filter((column) => used.has(column.name))
}

/** Rows of `events` that the events of a commit make: one each, and a tombstone for each one that is superseded. */
export function eventsRows(events: readonly AdmittedEvent[]): EventsRow[] {
  const rows: EventsRow[] = []
  for (const event of events) {
    rows.push({ event, isTombstone: false })
    if (event.record.supersedes) rows.push({ event, isTombstone: true })
  }
  return rows
}
