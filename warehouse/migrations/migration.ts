/** One step of the schema. Steps are never changed once released: what a newer version needs is a newer step. */
export interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number
  readonly name: string
  /** What may run again without harm (`IF NOT EXISTS`): a crash may come between a statement and the record. */
  readonly statements: readonly SchemaStatement[]
}

/** What a step can do. Definitions and not text, so that `schema-sql.ts` can write them for one server and for a cluster. */
export type SchemaStatement = TableDefinition | AddedColumns | ChangedCodecs

/** A new table of a ReplacingMergeTree. */
export interface TableDefinition {
  readonly kind: 'table'
  readonly name: string
  /** `name Type CODEC(...)` each. */
  readonly columns: readonly string[]
  /** Column of the version and, after it, the one that marks a deleted row. None: the newest insert wins. */
  readonly replacing?: readonly [version: string, isDeleted?: string]
  readonly partitionBy?: string
  readonly orderBy: string
  /** How many insert tokens are remembered. None: inserts come without token. */
  readonly deduplicationWindow?: number
  /** Further settings of the table, as they stand in SQL. */
  readonly settings?: readonly string[]
}

/** Columns that a table of an earlier step gets. */
export interface AddedColumns {
  readonly kind: 'columns'
  readonly table: string
  /** `name Type CODEC(...)` each. */
  readonly columns: readonly string[]
}

/** Columns that are stored in another form from now on; their type and what they hold stay as they are. */
export interface ChangedCodecs {
  readonly kind: 'codecs'
  readonly table: string
  /** `name Type CODEC(...)` each, of the type that the column has. */
  readonly columns: readonly string[]
}
