/**
 * Columns of `events`: an event record laid flat. Absent text is '', absent numbers are NULL where 0 means something. One walk
 * over the rows, by kind of event, asks each for the fields that its kind can have: an import has tens of millions of cells.
 */
import type { EventRecord } from '../../schemas/log-records.ts'
import type { NativeBlock } from '../../schemas/ports/warehouse.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'
import { nativeBlock } from '../drivers/native-block.ts'
import { NullableColumn, NumberColumn, RepeatedTextColumn, TextColumn } from '../drivers/native-columns.ts'

export const EVENTS_TOPIC = 'events'
/** A tombstone replaces the row of the same sorting key, whichever is written or replayed first. */
const LIVE_VERSION = 1
const TOMBSTONE_VERSION = 2

/** The end of a row that an import has superseded: its sorting key, and nothing of the event. */
interface Tombstone {
  readonly record: Pick<EventRecord, 'workspace' | 'type' | 'event_id' | 'received_at' | 'occurred_at'>
  readonly partition: number
  readonly offset: number
  readonly isTombstone: true
}

/** A row of `events`: an admitted event as it is, or the end of one that an import has superseded. */
export type EventsRow = (AdmittedEvent & { readonly isTombstone?: undefined }) | Tombstone

/** The columns, empty, for so many rows. */
function eventsColumns(rows: number) {
  return {
    workspace: new RepeatedTextColumn('workspace', rows),
    occurred_at: new NumberColumn('occurred_at', 'DateTime64(3)', rows),
    _topic: new RepeatedTextColumn('_topic', rows),
    _partition: new NumberColumn('_partition', 'UInt32', rows),
    _offset: new NumberColumn('_offset', 'UInt64', rows),
    version: new NumberColumn('version', 'UInt64', rows),
    is_deleted: new NumberColumn('is_deleted', 'UInt8', rows),
    received_at: new NumberColumn('received_at', 'DateTime64(3)', rows),
    type: new RepeatedTextColumn('type', rows),
    event_id: new TextColumn('event_id', rows),
    actor: new NumberColumn('actor', 'UInt32', rows),
    late: new NumberColumn('late', 'UInt8', rows),
    supersedes_partition: new NumberColumn('supersedes_partition', 'UInt32', rows),
    supersedes_offset: new NullableColumn('supersedes_offset', 'UInt64', rows),
    supersedes_occurred_at: new NullableColumn('supersedes_occurred_at', 'DateTime64(3)', rows),
    actor_id: new TextColumn('actor_id', rows),
    import_id: new RepeatedTextColumn('import_id', rows),
    session_id: new TextColumn('session_id', rows),
    device_hash: new TextColumn('device_hash', rows),
    ip_hash: new TextColumn('ip_hash', rows),
    user_agent: new TextColumn('user_agent', rows),
    country: new RepeatedTextColumn('country', rows),
    channel: new RepeatedTextColumn('channel', rows),
    campaign: new RepeatedTextColumn('campaign', rows),
    variant: new RepeatedTextColumn('variant', rows),
    content_id: new TextColumn('content_id', rows),
    share_id: new TextColumn('share_id', rows),
    url: new TextColumn('url', rows),
    referral_code: new TextColumn('referral_code', rows),
    action: new RepeatedTextColumn('action', rows),
    invite_id: new TextColumn('invite_id', rows),
    kind: new RepeatedTextColumn('kind', rows),
    referrer_id: new TextColumn('referrer_id', rows),
    currency: new RepeatedTextColumn('currency', rows),
    order_id: new TextColumn('order_id', rows),
    email_hash: new TextColumn('email_hash', rows),
    email_domain: new TextColumn('email_domain', rows),
    payment_hash: new TextColumn('payment_hash', rows),
    name: new RepeatedTextColumn('name', rows),
    page: new TextColumn('page', rows),
    release: new RepeatedTextColumn('release', rows),
    device: new RepeatedTextColumn('device', rows),
    anonymous_id: new TextColumn('anonymous_id', rows),
    previous_id: new TextColumn('previous_id', rows),
    group_id: new TextColumn('group_id', rows),
    has_recipient: new NumberColumn('has_recipient', 'UInt8', rows),
    recipient_actor_id: new TextColumn('recipient_actor_id', rows),
    recipient_email_hash: new TextColumn('recipient_email_hash', rows),
    recipient_email_domain: new TextColumn('recipient_email_domain', rows),
    recipient_email_malformed: new NumberColumn('recipient_email_malformed', 'UInt8', rows),
    recipient_phone_hash: new TextColumn('recipient_phone_hash', rows),
    email_malformed: new NumberColumn('email_malformed', 'UInt8', rows),
    amount_minor: new NullableColumn('amount_minor', 'Int64', rows),
    value: new NumberColumn('value', 'Float64', rows),
    status: new NullableColumn('status', 'UInt16', rows),
    sample_rate: new NullableColumn('sample_rate', 'Float64', rows),
    properties: new TextColumn('properties', rows),
  }
}
type EventsColumns = ReturnType<typeof eventsColumns>

/** Names and types of the columns, in order. */
export const EVENTS_COLUMNS: readonly { readonly name: string; readonly type: string }[] = Object.values(eventsColumns(0)).map(
  ({ name, type }) => ({ name, type }),
)

type RecordOf<Type extends EventRecord['type']> = Extract<EventRecord, { type: Type }>

function putShare(columns: EventsColumns, row: number, record: RecordOf<'share'>): void {
  columns.actor_id.put(row, record.actor_id)
  columns.content_id.put(row, record.content_id)
  columns.share_id.put(row, record.share_id)
  columns.url.put(row, record.url)
  columns.referral_code.put(row, record.referral_code)
}

function putInvite(columns: EventsColumns, row: number, record: RecordOf<'invite'>): void {
  columns.actor_id.put(row, record.actor_id)
  columns.action.put(row, record.action)
  columns.invite_id.put(row, record.invite_id)
  columns.referral_code.put(row, record.referral_code)
  const { recipient } = record
  if (recipient === undefined) return
  columns.has_recipient.put(row, 1)
  columns.recipient_actor_id.put(row, recipient.actor_id)
  columns.recipient_email_hash.put(row, recipient.email_hash)
  columns.recipient_email_domain.put(row, recipient.email_domain)
  columns.recipient_email_malformed.put(row, recipient.email_malformed ? 1 : 0)
  columns.recipient_phone_hash.put(row, recipient.phone_hash)
}

function putConversion(columns: EventsColumns, row: number, record: RecordOf<'conversion'>): void {
  columns.actor_id.put(row, record.actor_id)
  columns.kind.put(row, record.kind)
  columns.invite_id.put(row, record.invite_id)
  columns.referral_code.put(row, record.referral_code)
  columns.share_id.put(row, record.share_id)
  columns.referrer_id.put(row, record.referrer_id)
  columns.amount_minor.put(row, record.amount_minor)
  columns.currency.put(row, record.currency)
  columns.order_id.put(row, record.order_id)
  columns.email_hash.put(row, record.email_hash)
  columns.email_domain.put(row, record.email_domain)
  columns.email_malformed.put(row, record.email_malformed ? 1 : 0)
  columns.payment_hash.put(row, record.payment_hash)
}

function putRum(columns: EventsColumns, row: number, record: RecordOf<'rum'>): void {
  columns.actor_id.put(row, record.actor_id)
  columns.name.put(row, record.name)
  columns.value.put(row, record.value)
  columns.page.put(row, record.page)
  columns.status.put(row, record.status)
  columns.release.put(row, record.release)
  columns.device.put(row, record.device)
  columns.sample_rate.put(row, record.sample_rate)
}

function putTracked(columns: EventsColumns, row: number, record: RecordOf<'tracked'>): void {
  columns.actor_id.put(row, record.actor_id)
  columns.kind.put(row, record.kind)
  columns.name.put(row, record.name)
  columns.anonymous_id.put(row, record.anonymous_id)
  columns.previous_id.put(row, record.previous_id)
  columns.group_id.put(row, record.group_id)
}

/** Fields that any kind may have. */
function putCommon(columns: EventsColumns, row: number, record: EventRecord): void {
  columns.import_id.put(row, record.import_id)
  columns.session_id.put(row, record.session_id)
  columns.device_hash.put(row, record.device_hash)
  columns.ip_hash.put(row, record.ip_hash)
  columns.user_agent.put(row, record.user_agent)
  columns.country.put(row, record.country)
  columns.channel.put(row, record.channel)
  columns.campaign.put(row, record.campaign)
  columns.variant.put(row, record.variant)
  const { supersedes, properties } = record
  if (properties !== undefined) columns.properties.put(row, JSON.stringify(properties))
  if (supersedes === undefined) return
  columns.supersedes_partition.put(row, supersedes.partition)
  columns.supersedes_offset.put(row, supersedes.offset)
  columns.supersedes_occurred_at.put(row, supersedes.occurred_at)
}

function putByKind(columns: EventsColumns, row: number, record: EventRecord): void {
  switch (record.type) {
    case 'share':
      putShare(columns, row, record)
      return
    case 'invite':
      putInvite(columns, row, record)
      return
    case 'conversion':
      putConversion(columns, row, record)
      return
    case 'rum':
      putRum(columns, row, record)
      return
    case 'tracked':
      putTracked(columns, row, record)
  }
}

function putEvent(columns: EventsColumns, row: number, { record, actor, late }: AdmittedEvent): void {
  columns.version.put(row, LIVE_VERSION)
  columns.actor.put(row, actor)
  columns.late.put(row, late ? 1 : 0)
  putCommon(columns, row, record)
  putByKind(columns, row, record)
}

/** One block of the rows, in their order. */
export function encodeEventsBlock(rows: readonly EventsRow[]): NativeBlock {
  const columns = eventsColumns(rows.length)
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index] as EventsRow
    const { record } = row
    columns.workspace.put(index, record.workspace)
    columns.occurred_at.put(index, record.occurred_at)
    columns._topic.put(index, EVENTS_TOPIC)
    columns._partition.put(index, row.partition)
    columns._offset.put(index, row.offset)
    columns.received_at.put(index, record.received_at)
    columns.type.put(index, record.type)
    columns.event_id.put(index, record.event_id)
    if (row.isTombstone) {
      columns.version.put(index, TOMBSTONE_VERSION)
      columns.is_deleted.put(index, 1)
    } else putEvent(columns, index, row)
  }
  return nativeBlock(Object.values(columns), rows.length)
}

function tombstoneOf({ record }: AdmittedEvent): Tombstone[] {
  const { supersedes, workspace, type, event_id, received_at } = record
  if (supersedes === undefined) return []
  const { partition, offset, occurred_at } = supersedes
  return [{ record: { workspace, type, event_id, received_at, occurred_at }, partition, offset, isTombstone: true }]
}

/** Rows of `events` that the events of a commit make: one each, and a tombstone for each one that is superseded. */
export function eventsRows(events: readonly AdmittedEvent[]): readonly EventsRow[] {
  if (events.every(({ record }) => record.supersedes === undefined)) return events
  return events.flatMap((event): EventsRow[] => [event, ...tombstoneOf(event)])
}
