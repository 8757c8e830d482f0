/** Columns of the derived tables and of the quarantine: how each record is laid into a row. */
import type { GrowthCounts, GrowthRow, PersonRow, QuarantinedRow, RestatementRow, SettledRow } from '../../schemas/records.ts'
import type { WarehouseColumn } from '../../schemas/ports/warehouse.ts'

export const PEOPLE_COLUMNS: readonly WarehouseColumn<PersonRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.workspace },
  { name: 'actor', type: 'UInt32', value: (row) => row.actor },
  { name: 'actor_id', type: 'String', value: (row) => row.actor_id },
  { name: 'first_activity_at', type: 'Nullable(DateTime64(3))', value: (row) => row.first_activity_ms },
  { name: 'signup_at', type: 'Nullable(DateTime64(3))', value: (row) => row.signup_ms },
  { name: 'signup_event_id', type: 'String', value: (row) => row.signup_event_id },
  { name: 'referrer_id', type: 'String', value: (row) => row.referrer_id },
  { name: 'via', type: 'LowCardinality(String)', value: (row) => row.via },
  { name: 'channel', type: 'LowCardinality(String)', value: (row) => row.channel },
  { name: 'campaign', type: 'LowCardinality(String)', value: (row) => row.campaign },
  { name: 'variant', type: 'LowCardinality(String)', value: (row) => row.variant },
  { name: 'version', type: 'UInt64', value: (row) => row.version },
]

/** Counts that are plain whole numbers, each a column of the same name. */
export const COUNT_COLUMNS = [
  'active_users',
  'new_users',
  'inviters',
  'sharers',
  'spreaders',
  'invites_sent',
  'shares',
  'via_invite',
  'via_code',
  'via_share',
  'via_referrer',
] as const satisfies readonly (keyof GrowthCounts)[]

export const GROWTH_COLUMNS: readonly WarehouseColumn<GrowthRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.workspace },
  { name: 'window', type: 'LowCardinality(String)', value: (row) => row.window },
  { name: 'dimension', type: 'LowCardinality(String)', value: (row) => row.dimension },
  { name: 'value', type: 'String', value: (row) => row.value },
  { name: 'end_at', type: 'DateTime64(3)', value: (row) => row.end_ms },
  { name: 'version', type: 'UInt64', value: (row) => row.version },
  { name: 'final', type: 'UInt8', value: (row) => (row.final ? 1 : 0) },
  { name: 'watermark_at', type: 'DateTime64(3)', value: (row) => row.watermark_ms },
  ...COUNT_COLUMNS.map((name): WarehouseColumn<GrowthRow> => ({ name, type: 'UInt64', value: (row) => row.counts[name] })),
  { name: 'revenue', type: 'Map(String, Int64)', value: (row) => row.counts.revenue },
  { name: 'referred_revenue', type: 'Map(String, Int64)', value: (row) => row.counts.referred_revenue },
  { name: 'k_credits', type: 'Nullable(UInt64)', value: (row) => row.k?.credits },
  { name: 'k_credits_squared', type: 'Nullable(UInt64)', value: (row) => row.k?.credits_squared },
  { name: 'k_people', type: 'Nullable(UInt64)', value: (row) => row.k?.people },
  { name: 'k_cycles', type: 'Nullable(UInt64)', value: (row) => row.k?.cycles },
  { name: 'k_exposure', type: 'Nullable(Float64)', value: (row) => row.k?.exposure },
]

export const RESTATEMENTS_COLUMNS: readonly WarehouseColumn<RestatementRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.workspace },
  { name: 'window', type: 'LowCardinality(String)', value: (row) => row.window },
  { name: 'end_at', type: 'DateTime64(3)', value: (row) => row.end_ms },
  { name: 'metric', type: 'LowCardinality(String)', value: (row) => row.metric },
  { name: 'version', type: 'UInt64', value: (row) => row.version },
  { name: 'before', type: 'Nullable(Float64)', value: (row) => row.before },
  { name: 'after', type: 'Nullable(Float64)', value: (row) => row.after },
  { name: 'cause', type: 'LowCardinality(String)', value: (row) => row.cause },
  { name: 'restated_at', type: 'DateTime64(3)', value: (row) => row.restated_ms },
]

export const QUARANTINE_COLUMNS: readonly WarehouseColumn<QuarantinedRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.record.workspace },
  { name: 'received_at', type: 'DateTime64(3)', value: (row) => row.record.received_at },
  { name: '_partition', type: 'UInt32', value: (row) => row.partition },
  { name: '_offset', type: 'UInt64', value: (row) => row.offset },
  { name: 'quarantine_id', type: 'String', value: (row) => row.record.quarantine_id },
  { name: 'event_id', type: 'String', value: (row) => row.record.event_id },
  { name: 'code', type: 'LowCardinality(String)', value: (row) => row.record.code },
  { name: 'path', type: 'String', value: (row) => row.record.path },
  { name: 'message', type: 'String', value: (row) => row.record.message },
  { name: 'body', type: 'String', value: (row) => row.record.body },
  { name: 'import_id', type: 'LowCardinality(String)', value: (row) => row.record.import_id },
]

export const SETTLEMENTS_COLUMNS: readonly WarehouseColumn<SettledRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.record.workspace },
  { name: 'quarantine_id', type: 'String', value: (row) => row.record.quarantine_id },
  { name: 'outcome', type: 'LowCardinality(String)', value: (row) => row.record.outcome },
  { name: 'settled_at', type: 'DateTime64(3)', value: (row) => row.record.received_at },
  { name: '_partition', type: 'UInt32', value: (row) => row.partition },
  { name: '_offset', type: 'UInt64', value: (row) => row.offset },
]

/** A number, or a field of a person, that a replay found other than it stood. */
export interface DifferenceRow {
  readonly workspace: string
  /** Name of the replay. */
  readonly rebuild: string
  readonly source: 'growth_windows' | 'people'
  readonly window: string
  readonly dimension: string
  /** The slice, or the id of the person. */
  readonly value: string
  readonly end_ms: number
  readonly metric: string
  /** Both as text; '' where there is none. */
  readonly live: string
  readonly rebuilt: string
}

export const DIFFERENCES_COLUMNS: readonly WarehouseColumn<DifferenceRow>[] = [
  { name: 'workspace', type: 'LowCardinality(String)', value: (row) => row.workspace },
  { name: 'rebuild', type: 'String', value: (row) => row.rebuild },
  { name: 'source', type: 'LowCardinality(String)', value: (row) => row.source },
  { name: 'window', type: 'LowCardinality(String)', value: (row) => row.window },
  { name: 'dimension', type: 'LowCardinality(String)', value: (row) => row.dimension },
  { name: 'value', type: 'String', value: (row) => row.value },
  { name: 'end_at', type: 'DateTime64(3)', value: (row) => row.end_ms },
  { name: 'metric', type: 'LowCardinality(String)', value: (row) => row.metric },
  { name: 'live', type: 'String', value: (row) => row.live },
  { name: 'rebuilt', type: 'String', value: (row) => row.rebuilt },
]
