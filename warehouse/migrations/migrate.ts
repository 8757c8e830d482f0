/** Brings the warehouse to this build's schema. */
import { spine } from './0001-spine.ts'
import { trackedEvents } from './0002-tracked-events.ts'
import { settledQuarantine } from './0003-settled-quarantine.ts'
import { joinKeys } from './0004-join-keys.ts'
import type { Migration, TableDefinition } from './migration.ts'
import { schemaSql, type SchemaPlace } from './schema-sql.ts'

/** In order; the position is the version. */
export const MIGRATIONS: readonly Migration[] = [spine, trackedEvents, settledQuarantine, joinKeys]

/** What the runner needs of a warehouse: statements, and rows of plain SQL. */
export interface SchemaConnection {
  command(sql: string): Promise<void>
  rows<Row>(sql: string): Promise<Row[]>
}

/** The warehouse was written by a newer build, whose tables this one does not understand. Nothing was changed. */
export class WarehouseTooNewError extends Error {
  override readonly name = 'WarehouseTooNewError'
}

const RECORD_TABLE: TableDefinition = {
  kind: 'table',
  name: 'schema_migrations',
  columns: ['version UInt32', 'name String', "applied_at DateTime64(3, 'UTC')"],
  orderBy: 'version',
}

export interface MigrateOptions extends SchemaPlace {
  readonly migrations?: readonly Migration[]
}

/**
 * Applies what is missing, in order, and records each step after its statements. Safe to run again and after a crash
 * at any point. Returns the versions applied now. With `cluster` tables are replicated on it: one shard, as queries
 * read the table of the server they reach. Throws `WarehouseTooNewError` for a version that this build does not know.
 */
export async function migrate(
  connection: SchemaConnection,
  nowMs: number,
  { cluster, migrations = MIGRATIONS }: MigrateOptions = {},
): Promise<number[]> {
  await connection.command(schemaSql(RECORD_TABLE, { cluster }))
  const applied = new Set(
    (await connection.rows<{ version: number }>('SELECT DISTINCT version FROM schema_migrations')).map((row) => row.version),
  )
  const newest = migrations.length
  const unknown = [...applied].filter((version) => version > newest)
  if (unknown.length > 0) {
    throw new WarehouseTooNewError(
      `the warehouse has schema version ${Math.max(...unknown)}, this build knows ${newest}: start the newer build`,
    )
  }
  const done: number[] = []
  for (const migration of migrations) {
    if (applied.has(migration.version)) continue
    for (const statement of migration.statements) await connection.command(schemaSql(statement, { cluster }))
    const name = migration.name.replaceAll("'", "''")
    await connection.command(
      `INSERT INTO schema_migrations (version, name, applied_at) SELECT ${migration.version}, '${name}', fromUnixTimestamp64Milli(${nowMs}, 'UTC')`,
    )
    done.push(migration.version)
  }
  return done
}
