/** Raw events, quarantine, people, growth windows, restatements. */
import type { Migration, TableDefinition } from './migration.ts'

/**
 * Merged-away parts go after a minute instead of eight: at many small commits a second they would hold some hundred MB, and
 * the system has long written the merged part to disk by then.
 */
const PARTS = 'old_parts_lifetime = 60'

/**
 * `events`: sorted by event time, because every question is asked of a range of it. The log position makes the key
 * unique, so that two owners that cut their batches differently still end with one row (ReplacingMergeTree, read with
 * FINAL). Years as partitions: an import of decades makes few parts, and as the year follows from the sorting key, rows
 * of one key always meet. No TTL: one on `occurred_at` would delete imported history at once; retention counts from
 * `received_at` and is a command's work, not the engine's wall clock's.
 */
const events: TableDefinition = {
  kind: 'table',
  name: 'events',
  columns: [
    'workspace LowCardinality(String)',
    "occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    '_topic LowCardinality(String)',
    '_partition UInt32 CODEC(T64, ZSTD(1))',
    '_offset UInt64 CODEC(Delta, ZSTD(1))',
    'version UInt64 CODEC(T64, ZSTD(1))',
    'is_deleted UInt8',
    "received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    'type LowCardinality(String)',
    'event_id String CODEC(ZSTD(1))',
    'actor UInt32 CODEC(T64, ZSTD(1))',
    'late UInt8',
    'supersedes_partition UInt32',
    'supersedes_offset Nullable(UInt64)',
    "supersedes_occurred_at Nullable(DateTime64(3, 'UTC'))",
    'actor_id String CODEC(ZSTD(1))',
    'import_id LowCardinality(String)',
    'session_id String CODEC(ZSTD(1))',
    'device_hash String CODEC(ZSTD(1))',
    'ip_hash String CODEC(ZSTD(1))',
    'user_agent String CODEC(ZSTD(1))',
    'country LowCardinality(String)',
    'channel LowCardinality(String)',
    'campaign LowCardinality(String)',
    'variant LowCardinality(String)',
    'content_id String CODEC(ZSTD(1))',
    'share_id String CODEC(ZSTD(1))',
    'url String CODEC(ZSTD(1))',
    'referral_code String CODEC(ZSTD(1))',
    'action LowCardinality(String)',
    'invite_id String CODEC(ZSTD(1))',
    'has_recipient UInt8',
    'recipient_actor_id String CODEC(ZSTD(1))',
    'recipient_email_hash String CODEC(ZSTD(1))',
    'recipient_email_domain String CODEC(ZSTD(1))',
    'recipient_email_malformed UInt8',
    'recipient_phone_hash String CODEC(ZSTD(1))',
    'kind LowCardinality(String)',
    'referrer_id String CODEC(ZSTD(1))',
    'amount_minor Nullable(Int64) CODEC(ZSTD(1))',
    'currency LowCardinality(String)',
    'order_id String CODEC(ZSTD(1))',
    'email_hash String CODEC(ZSTD(1))',
    'email_domain String CODEC(ZSTD(1))',
    'email_malformed UInt8',
    'payment_hash String CODEC(ZSTD(1))',
    'name LowCardinality(String)',
    'value Float64 CODEC(ZSTD(1))',
    'page String CODEC(ZSTD(1))',
    'status Nullable(UInt16)',
    'release LowCardinality(String)',
    'device LowCardinality(String)',
    'sample_rate Nullable(Float64)',
    'properties String CODEC(ZSTD(1))',
  ],
  replacing: ['version', 'is_deleted'],
  partitionBy: 'toYear(occurred_at)',
  orderBy: '(workspace, occurred_at, _partition, _offset)',
  deduplicationWindow: 1_000,
  settings: [PARTS],
}

const quarantine: TableDefinition = {
  kind: 'table',
  name: 'quarantine',
  columns: [
    'workspace LowCardinality(String)',
    "received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    '_partition UInt32',
    '_offset UInt64 CODEC(Delta, ZSTD(1))',
    'quarantine_id String CODEC(ZSTD(1))',
    'event_id String CODEC(ZSTD(1))',
    'code LowCardinality(String)',
    'path String CODEC(ZSTD(1))',
    'message String CODEC(ZSTD(1))',
    'body String CODEC(ZSTD(3))',
    'import_id LowCardinality(String)',
  ],
  orderBy: '(workspace, received_at, _partition, _offset)',
  deduplicationWindow: 1_000,
  settings: [PARTS],
}

const people: TableDefinition = {
  kind: 'table',
  name: 'people',
  columns: [
    'workspace LowCardinality(String)',
    'actor UInt32 CODEC(Delta, ZSTD(1))',
    'actor_id String CODEC(ZSTD(1))',
    "first_activity_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1))",
    "signup_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1))",
    'signup_event_id String CODEC(ZSTD(1))',
    'referrer_id String CODEC(ZSTD(1))',
    'via LowCardinality(String)',
    'channel LowCardinality(String)',
    'campaign LowCardinality(String)',
    'variant LowCardinality(String)',
    'version UInt64 CODEC(ZSTD(1))',
  ],
  replacing: ['version'],
  orderBy: '(workspace, actor)',
  settings: [PARTS],
}

const growthWindows: TableDefinition = {
  kind: 'table',
  name: 'growth_windows',
  columns: [
    'workspace LowCardinality(String)',
    'window LowCardinality(String)',
    'dimension LowCardinality(String)',
    'value String CODEC(ZSTD(1))',
    "end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    'version UInt64 CODEC(ZSTD(1))',
    'final UInt8',
    "watermark_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    'active_users UInt64 CODEC(T64, ZSTD(1))',
    'new_users UInt64 CODEC(T64, ZSTD(1))',
    'inviters UInt64 CODEC(T64, ZSTD(1))',
    'sharers UInt64 CODEC(T64, ZSTD(1))',
    'spreaders UInt64 CODEC(T64, ZSTD(1))',
    'invites_sent UInt64 CODEC(T64, ZSTD(1))',
    'shares UInt64 CODEC(T64, ZSTD(1))',
    'via_invite UInt64 CODEC(T64, ZSTD(1))',
    'via_code UInt64 CODEC(T64, ZSTD(1))',
    'via_share UInt64 CODEC(T64, ZSTD(1))',
    'via_referrer UInt64 CODEC(T64, ZSTD(1))',
    'revenue Map(String, Int64) CODEC(ZSTD(1))',
    'referred_revenue Map(String, Int64) CODEC(ZSTD(1))',
    'k_credits Nullable(UInt64) CODEC(ZSTD(1))',
    'k_credits_squared Nullable(UInt64) CODEC(ZSTD(1))',
    'k_people Nullable(UInt64) CODEC(ZSTD(1))',
    'k_cycles Nullable(UInt64) CODEC(ZSTD(1))',
    'k_exposure Nullable(Float64) CODEC(ZSTD(1))',
  ],
  replacing: ['version'],
  orderBy: '(workspace, window, dimension, value, end_at)',
  settings: [PARTS],
}

/** One row per commit, metric and published window end: `version` is the commit's, so that a retry adds none. */
const restatements: TableDefinition = {
  kind: 'table',
  name: 'restatements',
  columns: [
    'workspace LowCardinality(String)',
    'window LowCardinality(String)',
    "end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    'metric LowCardinality(String)',
    'version UInt64 CODEC(ZSTD(1))',
    'before Nullable(Float64) CODEC(ZSTD(1))',
    'after Nullable(Float64) CODEC(ZSTD(1))',
    'cause LowCardinality(String)',
  ],
  orderBy: '(workspace, window, end_at, metric, version)',
  settings: [PARTS],
}

export const spine: Migration = {
  version: 1,
  name: 'spine',
  statements: [events, quarantine, people, growthWindows, restatements],
}
