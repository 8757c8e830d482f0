/** Columns of `events`: an EventRecord laid flat. Absent text is '', absent numbers are NULL where 0 means something. */
import type { WarehouseColumn } from '../../schemas/ports/warehouse.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'

export const EVENTS_TOPIC = 'events'
/** A tombstone replaces the row of the same sorting key, whichever is written or replayed first. */
const LIVE_VERSION = 1
const TOMBSTONE_VERSION = 2

type OptionalText = string | undefined

/** Every field that some kind of event record has. */
interface FlatRecord {
  readonly workspace: string
  readonly type: string
  readonly event_id: string
  readonly received_at: number
  readonly occurred_at: number
  readonly supersedes?: { readonly partition: number; readonly offset: number; readonly occurred_at: number } | undefined
  readonly actor_id?: OptionalText
  readonly import_id?: OptionalText
  readonly session_id?: OptionalText
  readonly device_hash?: OptionalText
  readonly ip_hash?: OptionalText
  readonly user_agent?: OptionalText
  readonly country?: OptionalText
  readonly channel?: OptionalText
  readonly campaign?: OptionalText
  readonly variant?: OptionalText
  readonly content_id?: OptionalText
  readonly share_id?: OptionalText
  readonly url?: OptionalText
  readonly referral_code?: OptionalText
  readonly action?: OptionalText
  readonly invite_id?: OptionalText
  readonly kind?: OptionalText
  readonly referrer_id?: OptionalText
  readonly currency?: OptionalText
  readonly order_id?: OptionalText
  readonly email_hash?: OptionalText
  readonly email_domain?: OptionalText
  readonly payment_hash?: OptionalText
  readonly name?: OptionalText
  readonly page?: OptionalText
  readonly release?: OptionalText
  readonly device?: OptionalText
  readonly anonymous_id?: OptionalText
  readonly previous_id?: OptionalText
  readonly group_id?: OptionalText
  readonly email_malformed?: true | undefined
  readonly amount_minor?: number | undefined
  readonly value?: number | undefined
  readonly status?: number | undefined
  readonly sample_rate?: number | undefined
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  readonly recipient?:
    | {
        readonly actor_id?: OptionalText
        readonly email_hash?: OptionalText
        readonly email_domain?: OptionalText
        readonly email_malformed?: true | undefined
        readonly phone_hash?: OptionalText
      }
    | undefined
}

/** A row of `events`: an admitted event as it is, or the end of one that an import has superseded. */
export interface EventsRow {
  readonly record: FlatRecord
  readonly partition: number
  readonly offset: number
  readonly actor: number
  readonly late: boolean
  readonly isTombstone?: true
}

// Each column has a function of its own, not one made by field name: a property access that always asks for the same name is
// several times faster, and an import makes fifty million of them.
export const EVENTS_COLUMNS: readonly WarehouseColumn<EventsRow>[] = [
  { name: 'workspace', type: 'String', value: ({ record }) => record.workspace },
  { name: 'occurred_at', type: 'DateTime64(3)', value: ({ record }) => record.occurred_at },
  { name: '_topic', type: 'String', value: () => EVENTS_TOPIC },
  { name: '_partition', type: 'UInt32', value: (row) => row.partition },
  { name: '_offset', type: 'UInt64', value: (row) => row.offset },
  { name: 'version', type: 'UInt64', value: (row) => (row.isTombstone ? TOMBSTONE_VERSION : LIVE_VERSION) },
  { name: 'is_deleted', type: 'UInt8', value: (row) => (row.isTombstone ? 1 : 0) },
  { name: 'received_at', type: 'DateTime64(3)', value: ({ record }) => record.received_at },
  { name: 'type', type: 'String', value: ({ record }) => record.type },
  { name: 'event_id', type: 'String', value: ({ record }) => record.event_id },
  { name: 'actor', type: 'UInt32', value: (row) => row.actor },
  { name: 'late', type: 'UInt8', value: (row) => (row.late ? 1 : 0) },
  { name: 'supersedes_partition', type: 'UInt32', value: ({ record }) => record.supersedes?.partition ?? 0 },
  { name: 'supersedes_offset', type: 'Nullable(UInt64)', value: ({ record }) => record.supersedes?.offset },
  { name: 'supersedes_occurred_at', type: 'Nullable(DateTime64(3))', value: ({ record }) => record.supersedes?.occurred_at },
  { name: 'actor_id', type: 'String', value: ({ record }) => record.actor_id },
  { name: 'import_id', type: 'String', value: ({ record }) => record.import_id },
  { name: 'session_id', type: 'String', value: ({ record }) => record.session_id },
  { name: 'device_hash', type: 'String', value: ({ record }) => record.device_hash },
  { name: 'ip_hash', type: 'String', value: ({ record }) => record.ip_hash },
  { name: 'user_agent', type: 'String', value: ({ record }) => record.user_agent },
  { name: 'country', type: 'String', value: ({ record }) => record.country },
  { name: 'channel', type: 'String', value: ({ record }) => record.channel },
  { name: 'campaign', type: 'String', value: ({ record }) => record.campaign },
  { name: 'variant', type: 'String', value: ({ record }) => record.variant },
  { name: 'content_id', type: 'String', value: ({ record }) => record.content_id },
  { name: 'share_id', type: 'String', value: ({ record }) => record.share_id },
  { name: 'url', type: 'String', value: ({ record }) => record.url },
  { name: 'referral_code', type: 'String', value: ({ record }) => record.referral_code },
  { name: 'action', type: 'String', value: ({ record }) => record.action },
  { name: 'invite_id', type: 'String', value: ({ record }) => record.invite_id },
  { name: 'kind', type: 'String', value: ({ record }) => record.kind },
  { name: 'referrer_id', type: 'String', value: ({ record }) => record.referrer_id },
  { name: 'currency', type: 'String', value: ({ record }) => record.currency },
  { name: 'order_id', type: 'String', value: ({ record }) => record.order_id },
  { name: 'email_hash', type: 'String', value: ({ record }) => record.email_hash },
  { name: 'email_domain', type: 'String', value: ({ record }) => record.email_domain },
  { name: 'payment_hash', type: 'String', value: ({ record }) => record.payment_hash },
  { name: 'name', type: 'String', value: ({ record }) => record.name },
  { name: 'page', type: 'String', value: ({ record }) => record.page },
  { name: 'release', type: 'String', value: ({ record }) => record.release },
  { name: 'device', type: 'String', value: ({ record }) => record.device },
  { name: 'anonymous_id', type: 'String', value: ({ record }) => record.anonymous_id },
  { name: 'previous_id', type: 'String', value: ({ record }) => record.previous_id },
  { name: 'group_id', type: 'String', value: ({ record }) => record.group_id },
  { name: 'has_recipient', type: 'UInt8', value: ({ record }) => (record.recipient ? 1 : 0) },
  { name: 'recipient_actor_id', type: 'String', value: ({ record }) => record.recipient?.actor_id },
  { name: 'recipient_email_hash', type: 'String', value: ({ record }) => record.recipient?.email_hash },
  { name: 'recipient_email_domain', type: 'String', value: ({ record }) => record.recipient?.email_domain },
  { name: 'recipient_email_malformed', type: 'UInt8', value: ({ record }) => (record.recipient?.email_malformed ? 1 : 0) },
  { name: 'recipient_phone_hash', type: 'String', value: ({ record }) => record.recipient?.phone_hash },
  { name: 'email_malformed', type: 'UInt8', value: ({ record }) => (record.email_malformed ? 1 : 0) },
  { name: 'amount_minor', type: 'Nullable(Int64)', value: ({ record }) => record.amount_minor },
  { name: 'value', type: 'Float64', value: ({ record }) => record.value ?? 0 },
  { name: 'status', type: 'Nullable(UInt16)', value: ({ record }) => record.status },
  { name: 'sample_rate', type: 'Nullable(Float64)', value: ({ record }) => record.sample_rate },
  { name: 'properties', type: 'String', value: ({ record }) => (record.properties ? JSON.stringify(record.properties) : undefined) },
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
  for (const row of rows) for (const field in row.record) fields.add(field)
  for (const field of fields) for (const name of COLUMNS_OF_FIELD.get(field) ?? [field]) used.add(name)
  return EVENTS_COLUMNS.filter((column) => used.has(column.name))
}

/** The end of the row that a record supersedes: its sorting key, and nothing of the event. */
function tombstoneOf({ record }: AdmittedEvent): EventsRow[] {
  const { supersedes, workspace, type, event_id, received_at } = record
  if (supersedes === undefined) return []
  const { partition, offset, occurred_at } = supersedes
  return [{ record: { workspace, type, event_id, received_at, occurred_at }, partition, offset, actor: 0, late: false, isTombstone: true }]
}

/** Rows of `events` that the events of a commit make: one each, and a tombstone for each one that is superseded. */
export function eventsRows(events: readonly AdmittedEvent[]): EventsRow[] {
  const rows: EventsRow[] = []
  for (const event of events) {
    rows.push(event)
    if (event.record.supersedes !== undefined) rows.push(...tombstoneOf(event))
  }
  return rows
}
