/** When a number was restated, what a replay found, and what became of quarantined events. */
import type { Migration, TableDefinition } from './migration.ts'

const PARTS = 'old_parts_lifetime = 60'

/** Numbers that a rebuild found other than they stood. `source` is the table, `value` there the slice, or the person. */
const rebuildDifferences: TableDefinition = {
  kind: 'table',
  name: 'rebuild_differences',
  columns: [
    'workspace LowCardinality(String)',
    'rebuild String CODEC(ZSTD(1))',
    'source LowCardinality(String)',
    'window LowCardinality(String)',
    'dimension LowCardinality(String)',
    'value String CODEC(ZSTD(1))',
    "end_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
    'metric LowCardinality(String)',
    'live String CODEC(ZSTD(1))',
    'rebuilt String CODEC(ZSTD(1))',
  ],
  orderBy: '(workspace, rebuild, source, window, dimension, value, end_at, metric)',
  settings: [PARTS],
}

/** A row for each event that was taken after all or given up; without one it waits. */
const quarantineSettlements: TableDefinition = {
  kind: 'table',
  name: 'quarantine_settlements',
  columns: [
    'workspace LowCardinality(String)',
    'quarantine_id String CODEC(ZSTD(1))',
    'outcome LowCardinality(String)',
    "settled_at DateTime64(3, 'UTC')",
    '_partition UInt32',
    '_offset UInt64',
  ],
  orderBy: '(workspace, quarantine_id)',
  settings: [PARTS],
}

export const settledQuarantine: Migration = {
  version: 3,
  name: 'settled-quarantine',
  statements: [
    { kind: 'columns', table: 'restatements', columns: ["restated_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))"] },
    rebuildDifferences,
    quarantineSettlements,
  ],
}
