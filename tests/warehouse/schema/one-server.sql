CREATE TABLE IF NOT EXISTS schema_migrations (
  version UInt32,
  name String,
  applied_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY version;

CREATE TABLE IF NOT EXISTS events (
  workspace LowCardinality(String),
  occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  _topic LowCardinality(String),
  _partition UInt32 CODEC(T64, ZSTD(1)),
  _offset UInt64 CODEC(Delta, ZSTD(1)),
  version UInt64 CODEC(T64, ZSTD(1)),
  is_deleted UInt8,
  received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  type LowCardinality(String),
  event_id String CODEC(ZSTD(1)),
  actor UInt32 CODEC(T64, ZSTD(1)),
  late UInt8,
  supersedes_partition UInt32,
  supersedes_offset Nullable(UInt64),
  supersedes_occurred_at Nullable(DateTime64(3, 'UTC')),
  actor_id String CODEC(ZSTD(1)),
  import_id LowCardinality(String),
  session_id String CODEC(ZSTD(1)),
  device_hash String CODEC(ZSTD(1)),
  ip_hash String CODEC(ZSTD(1)),
  user_agent String CODEC(ZSTD(1)),
  country LowCardinality(String),
  channel LowCardinality(String),
  campaign LowCardinality(String),
  variant LowCardinality(String),
  content_id String CODEC(ZSTD(1)),
  share_id String CODEC(ZSTD(1)),
  url String CODEC(ZSTD(1)),
  referral_code String CODEC(ZSTD(1)),
  action LowCardinality(String),
  invite_id String CODEC(ZSTD(1)),
  has_recipient UInt8,
  recipient_actor_id String CODEC(ZSTD(1)),
  recipient_email_hash String CODEC(ZSTD(1)),
  recipient_email_domain String CODEC(ZSTD(1)),
  recipient_email_malformed UInt8,
  recipient_phone_hash String CODEC(ZSTD(1)),
  kind LowCardinality(String),
  referrer_id String CODEC(ZSTD(1)),
  amount_minor Nullable(Int64) CODEC(ZSTD(1)),
  currency LowCardinality(String),
  order_id String CODEC(ZSTD(1)),
  email_hash String CODEC(ZSTD(1)),
  email_domain String CODEC(ZSTD(1)),
  email_malformed UInt8,
  payment_hash String CODEC(ZSTD(1)),
  name LowCardinality(String),
  value Float64 CODEC(ZSTD(1)),
  page String CODEC(ZSTD(1)),
  status Nullable(UInt16),
  release LowCardinality(String),
  device LowCardinality(String),
  sample_rate Nullable(Float64),
  properties String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYear(occurred_at)
ORDER BY (workspace, occurred_at, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 1000, old_parts_lifetime = 60;

CREATE TABLE IF NOT EXISTS quarantine (
  workspace LowCardinality(String),
  received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  _partition UInt32,
  _offset UInt64 CODEC(Delta, ZSTD(1)),
  quarantine_id String CODEC(ZSTD(1)),
  event_id String CODEC(ZSTD(1)),
  code LowCardinality(String),
  path String CODEC(ZSTD(1)),
  message String CODEC(ZSTD(1)),
  body String CODEC(ZSTD(3)),
  import_id LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (workspace, received_at, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 1000, old_parts_lifetime = 60;

CREATE TABLE IF NOT EXISTS people (
  workspace LowCardinality(String),
  actor UInt32 CODEC(Delta, ZSTD(1)),
  actor_id String CODEC(ZSTD(1)),
  first_activity_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
  signup_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
  signup_event_id String CODEC(ZSTD(1)),
  referrer_id String CODEC(ZSTD(1)),
  via LowCardinality(String),
  channel LowCardinality(String),
  campaign LowCardinality(String),
  variant LowCardinality(String),
  version UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, actor)
SETTINGS old_parts_lifetime = 60;

CREATE TABLE IF NOT EXISTS growth_windows (
  workspace LowCardinality(String),
  window LowCardinality(String),
  dimension LowCardinality(String),
  value String CODEC(ZSTD(1)),
  end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  version UInt64 CODEC(ZSTD(1)),
  final UInt8,
  watermark_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  active_users UInt64 CODEC(T64, ZSTD(1)),
  new_users UInt64 CODEC(T64, ZSTD(1)),
  inviters UInt64 CODEC(T64, ZSTD(1)),
  sharers UInt64 CODEC(T64, ZSTD(1)),
  spreaders UInt64 CODEC(T64, ZSTD(1)),
  invites_sent UInt64 CODEC(T64, ZSTD(1)),
  shares UInt64 CODEC(T64, ZSTD(1)),
  via_invite UInt64 CODEC(T64, ZSTD(1)),
  via_code UInt64 CODEC(T64, ZSTD(1)),
  via_share UInt64 CODEC(T64, ZSTD(1)),
  via_referrer UInt64 CODEC(T64, ZSTD(1)),
  revenue Map(String, Int64) CODEC(ZSTD(1)),
  referred_revenue Map(String, Int64) CODEC(ZSTD(1)),
  k_credits Nullable(UInt64) CODEC(ZSTD(1)),
  k_credits_squared Nullable(UInt64) CODEC(ZSTD(1)),
  k_people Nullable(UInt64) CODEC(ZSTD(1)),
  k_cycles Nullable(UInt64) CODEC(ZSTD(1)),
  k_exposure Nullable(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, window, dimension, value, end_at)
SETTINGS old_parts_lifetime = 60;

CREATE TABLE IF NOT EXISTS restatements (
  workspace LowCardinality(String),
  window LowCardinality(String),
  end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  metric LowCardinality(String),
  version UInt64 CODEC(ZSTD(1)),
  before Nullable(Float64) CODEC(ZSTD(1)),
  after Nullable(Float64) CODEC(ZSTD(1)),
  cause LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (workspace, window, end_at, metric, version)
SETTINGS old_parts_lifetime = 60;

INSERT INTO schema_migrations (version, name, applied_at) SELECT 1, 'spine', fromUnixTimestamp64Milli(1767225600000, 'UTC');

ALTER TABLE events
  ADD COLUMN IF NOT EXISTS anonymous_id String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS previous_id String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS group_id String CODEC(ZSTD(1));

INSERT INTO schema_migrations (version, name, applied_at) SELECT 2, 'tracked-events', fromUnixTimestamp64Milli(1767225600000, 'UTC');

ALTER TABLE restatements
  ADD COLUMN IF NOT EXISTS restated_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1));

CREATE TABLE IF NOT EXISTS rebuild_differences (
  workspace LowCardinality(String),
  rebuild String CODEC(ZSTD(1)),
  source LowCardinality(String),
  window LowCardinality(String),
  dimension LowCardinality(String),
  value String CODEC(ZSTD(1)),
  end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  metric LowCardinality(String),
  live String CODEC(ZSTD(1)),
  rebuilt String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (workspace, rebuild, source, window, dimension, value, end_at, metric)
SETTINGS old_parts_lifetime = 60;

CREATE TABLE IF NOT EXISTS quarantine_settlements (
  workspace LowCardinality(String),
  quarantine_id String CODEC(ZSTD(1)),
  outcome LowCardinality(String),
  settled_at DateTime64(3, 'UTC'),
  _partition UInt32,
  _offset UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (workspace, quarantine_id)
SETTINGS old_parts_lifetime = 60;

INSERT INTO schema_migrations (version, name, applied_at) SELECT 3, 'settled-quarantine', fromUnixTimestamp64Milli(1767225600000, 'UTC');

ALTER TABLE people
  ADD COLUMN IF NOT EXISTS actor_key UInt128 DEFAULT if(actor_id = '', 0, reinterpretAsUInt128(sipHash128(actor_id))) CODEC(NONE),
  ADD COLUMN IF NOT EXISTS referrer_key UInt128 DEFAULT if(referrer_id = '', 0, reinterpretAsUInt128(sipHash128(referrer_id))) CODEC(LZ4);

ALTER TABLE events
  ADD COLUMN IF NOT EXISTS invite_key UInt128 DEFAULT if(invite_id = '', 0, reinterpretAsUInt128(sipHash128(invite_id))) CODEC(LZ4);

ALTER TABLE people
  MODIFY COLUMN first_activity_at Nullable(DateTime64(3, 'UTC')) CODEC(T64, LZ4),
  MODIFY COLUMN signup_at Nullable(DateTime64(3, 'UTC')) CODEC(T64, LZ4);

ALTER TABLE events
  MODIFY COLUMN occurred_at DateTime64(3, 'UTC') CODEC(T64, LZ4),
  MODIFY COLUMN actor UInt32 CODEC(T64, LZ4);

INSERT INTO schema_migrations (version, name, applied_at) SELECT 4, 'join-keys', fromUnixTimestamp64Milli(1767225600000, 'UTC');
