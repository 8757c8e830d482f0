/**
 * The warehouse port: ClickHouse SQL through `@clickhouse/client`, on chdb or a server. Query functions take a
 * `WarehouseReader`, the sink a `WarehouseWriter`; nobody sees a client.
 */

export type SqlValue = string | number | boolean | readonly (string | number)[]

declare const workspaceBound: unique symbol
/**
 * SQL that reads only rows of `{workspace:String}`. Only `workspaceQuery` (warehouse/queries/workspace-query.ts) makes
 * one, and it writes the predicate itself: a query that forgets the workspace does not compile.
 */
export type WorkspaceSql = string & { readonly [workspaceBound]: true }

export interface WarehouseReader {
  /**
   * Rows of a SELECT, as objects. 64-bit integers come as numbers. The workspace is a parameter of its own; the driver
   * refuses text that does not use it. Rejects with `WarehouseUnavailableError` when trying again may help.
   */
  select<Row>(query: { workspace: string; sql: WorkspaceSql; params?: Readonly<Record<string, SqlValue>> }): Promise<Row[]>
}

/** How one column of a table is taken from a row. A column that holds only defaults ('' or 0 or null) is not sent. */
export type WarehouseColumn<Row> =
  | {
      readonly name: string
      /** LowCardinality: a few texts that come again and again. */
      readonly type: 'String' | 'LowCardinality(String)'
      readonly value: (row: Row) => string | undefined
    }
  | {
      readonly name: string
      readonly type: 'UInt8' | 'UInt16' | 'UInt32' | 'UInt64' | 'Int64' | 'Float64' | 'DateTime64(3)'
      readonly value: (row: Row) => number
    }
  | {
      readonly name: string
      readonly type: 'Nullable(UInt16)' | 'Nullable(UInt64)' | 'Nullable(Int64)' | 'Nullable(Float64)' | 'Nullable(DateTime64(3))'
      readonly value: (row: Row) => number | null | undefined
    }
  | { readonly name: string; readonly type: 'Map(String, Int64)'; readonly value: (row: Row) => Readonly<Record<string, number>> }

/** Rows in ClickHouse's Native format as one block, and the names of the columns in it; the others hold their defaults. */
export interface NativeBlock {
  readonly bytes: Buffer
  readonly names: readonly string[]
}

export interface WarehouseWriter {
  /**
   * Inserts rows as one block. With a `token`, the same token again inserts nothing (tables with a deduplication window).
   * Resolves when the rows are readable; rejects with `WarehouseUnavailableError` when trying again may help.
   */
  insert<Row>(batch: { table: string; columns: readonly WarehouseColumn<Row>[]; rows: readonly Row[]; token?: string }): Promise<void>
  /** The same for rows that are a block already; a block has at least one row. */
  insertBlock(batch: { table: string; block: NativeBlock; token?: string }): Promise<void>
  /** Runs a statement on tables, of our own text: nothing from outside stands in it. Rejects as `insert`. */
  command(sql: string): Promise<void>
}

/** The warehouse did not take or answer: the caller pauses and tries again, the event is not to blame. */
export class WarehouseUnavailableError extends Error {
  override readonly name = 'WarehouseUnavailableError'
}
