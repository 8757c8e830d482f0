/** SQL of the schema's definitions: for one server or the embedded engine, and for a cluster. */
import type { AddedColumns, ChangedCodecs, SchemaStatement, TableDefinition } from './migration.ts'

export interface SchemaPlace {
  /**
   * Name of the cluster in the servers' `remote_servers`: statements run on all its servers (`ON CLUSTER`) and tables are
   * replicated, by the macros `{shard}` and `{replica}` that each server has. Undefined: one server.
   */
  readonly cluster?: string | undefined
}

const CLUSTER_NAME = /^[A-Za-z0-9_.-]{1,100}$/

/** Seconds that a replicated table remembers a token: retries come within minutes, a replay from the log within days. */
const DEDUPLICATION_SECONDS = 7 * 24 * 3600

function onCluster(cluster: string | undefined): string {
  if (cluster === undefined) return ''
  if (!CLUSTER_NAME.test(cluster)) throw new TypeError(`not a name of a cluster: ${cluster}`)
  return ` ON CLUSTER '${cluster}'`
}

function engineOf({ replacing: columns }: TableDefinition, cluster: string | undefined): string {
  const replacing: readonly string[] = columns?.filter((column) => column !== undefined) ?? []
  if (cluster !== undefined) {
    // Database and table stand in the path as macros too, so that two products share a cluster.
    const place = ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'"]
    return `ReplicatedReplacingMergeTree(${[...place, ...replacing].join(', ')})`
  }
  return replacing.length === 0 ? 'ReplacingMergeTree' : `ReplacingMergeTree(${replacing.join(', ')})`
}

function settingsOf({ deduplicationWindow, settings = [] }: TableDefinition, cluster: string | undefined): readonly string[] {
  if (deduplicationWindow === undefined) return settings
  const window =
    cluster === undefined
      ? [`non_replicated_deduplication_window = ${deduplicationWindow}`]
      : [`replicated_deduplication_window = ${deduplicationWindow}`, `replicated_deduplication_window_seconds = ${DEDUPLICATION_SECONDS}`]
  return [...window, ...settings]
}

function tableSql(table: TableDefinition, cluster: string | undefined): string {
  const settings = settingsOf(table, cluster)
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name}${onCluster(cluster)} (`,
    table.columns.map((column) => `  ${column}`).join(',\n'),
    ')',
    `ENGINE = ${engineOf(table, cluster)}`,
    ...(table.partitionBy === undefined ? [] : [`PARTITION BY ${table.partitionBy}`]),
    `ORDER BY ${table.orderBy}`,
    ...(settings.length === 0 ? [] : [`SETTINGS ${settings.join(', ')}`]),
  ].join('\n')
}

const CHANGE = { columns: 'ADD COLUMN IF NOT EXISTS', codecs: 'MODIFY COLUMN' } as const

function columnsSql({ kind, table, columns }: AddedColumns | ChangedCodecs, cluster: string | undefined): string {
  const changes = columns.map((column) => `  ${CHANGE[kind]} ${column}`).join(',\n')
  return `ALTER TABLE ${table}${onCluster(cluster)}\n${changes}`
}

/** The statement as SQL. Throws a TypeError for a name that is no cluster's. */
export function schemaSql(statement: SchemaStatement, { cluster }: SchemaPlace = {}): string {
  return statement.kind === 'table' ? tableSql(statement, cluster) : columnsSql(statement, cluster)
}
