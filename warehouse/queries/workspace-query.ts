/**
 * The one way to write a warehouse query. Tables stand in it only as `rowsOf('events', ...)`, which writes FINAL and the
 * workspace predicate; the port takes nothing but what comes from here.
 */
import type { WorkspaceSql } from '../../schemas/ports/warehouse.ts'

const TABLES = [
  'events',
  'people',
  'growth_windows',
  'restatements',
  'quarantine',
  'rebuild_differences',
  'quarantine_settlements',
] as const
export type WorkspaceTable = (typeof TABLES)[number]
/** Tables of which rows are made beside them, to take their place all at once. */
export type StagedTable = 'growth_windows' | 'people'

declare const fragment: unique symbol
/** A piece of SQL written in this code base; never text from outside, which goes in as a parameter. */
export type SqlFragment = string & { readonly [fragment]: true }

const NAMES_A_TABLE = new RegExp(`\\b(?:from|join|into|update|delete)\\s+\`?(?:\\w+\\.)?(?:${TABLES.join('|')})\\b`, 'i')

function assertNamesNoTable(text: string): void {
  if (NAMES_A_TABLE.test(text)) throw new TypeError(`a table stands in a query only through rowsOf(): ${text}`)
}

function joined(strings: TemplateStringsArray, parts: readonly SqlFragment[]): string {
  for (const text of strings) assertNamesNoTable(text)
  // A table name may also be completed by what is put between two pieces of text.
  return strings.map((text, index) => text + (parts[index] ?? '')).join('')
}

/** A fragment: conditions, columns, subqueries. Only fragments go into it. */
export function sql(strings: TemplateStringsArray, ...parts: readonly SqlFragment[]): SqlFragment {
  return joined(strings, parts) as SqlFragment
}

/** Fragments with a separator between them. */
export function joinSql(parts: readonly SqlFragment[], separator: ' AND ' | ', '): SqlFragment {
  return parts.join(separator) as SqlFragment
}

/**
 * The rows of a table that belong to the workspace of the query, each key once (FINAL), as a subquery.
 * `where` narrows them where the engine can still use the sorting key.
 */
export function rowsOf(table: WorkspaceTable, where?: SqlFragment): SqlFragment {
  const narrowed = where === undefined ? '' : ` AND (${where})`
  return `(SELECT * FROM ${table} FINAL WHERE workspace = {workspace:String}${narrowed})` as SqlFragment
}

/**
 * The rows as they are stored: some keys more than once, deleted rows too. Only to find one's way through a table, where
 * reading in the order of the sorting key may stop early, which FINAL may not.
 */
export function storedRowsOf(table: WorkspaceTable, where: SqlFragment): SqlFragment {
  return `(SELECT * FROM ${table} WHERE workspace = {workspace:String} AND (${where}))` as SqlFragment
}

const STAGE = /^[0-9a-f]{16}$/

/** Name of the table in which rows of `table` are made unseen. Throws a TypeError for what is no stage's name. */
export function stagedTable(table: StagedTable, stage: string): string {
  if (!STAGE.test(stage)) throw new TypeError(`not a stage: ${stage}`)
  return `${table}_rebuild_${stage}`
}

/** As `rowsOf`, of the rows that a stage holds. */
export function stagedRowsOf(table: StagedTable, stage: string): SqlFragment {
  return `(SELECT * FROM ${stagedTable(table, stage)} FINAL WHERE workspace = {workspace:String})` as SqlFragment
}

/** A whole query. Throws when it reads no rows of a workspace: that is a bug of the query's author. */
export function workspaceQuery(strings: TemplateStringsArray, ...parts: readonly SqlFragment[]): WorkspaceSql {
  const text = joined(strings, parts)
  if (!text.includes('WHERE workspace = {workspace:String}')) throw new TypeError('a query reads rowsOf() some table')
  return text as WorkspaceSql
}
