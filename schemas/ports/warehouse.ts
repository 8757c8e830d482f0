/**
 * The warehouse port: ClickHouse SQL through `@clickhouse/client`, on chdb or a server. Query functions take a
 * `WarehouseReader`, the sink a `WarehouseWriter`; nobody sees a client.
 */

export type SqlValue = string | number | boolean | readonly (string | number)[]

export interface WarehouseReader {
  /**
   * Rows of a SELECT, as objects. The workspace is a parameter of its own: the SQL must use `{workspace:String}`
   * and the driver refuses text that does not.
   */
  select<Row>(query: { workspace: string; sql: string; params?: Readonly<Record<string, SqlValue>> }): Promise<Row[]>
}

export interface WarehouseWriter {
  /**
   * Inserts rows (arrays in the order of `columns`). With a `token`, the same token again inserts nothing.
   * Rejects with `WarehouseUnavailableError` when trying again may help.
   */
  insert(batch: { table: string; columns: readonly string[]; rows: readonly (readonly unknown[])[]; token?: string }): Promise<void>
}

/** The warehouse did not take or answer: the caller pauses and tries again, the event is not to blame. */
export class WarehouseUnavailableError extends Error {
  override readonly name = 'WarehouseUnavailableError'
}
