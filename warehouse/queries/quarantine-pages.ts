/** Events that were not accepted, newest first, by keyset; and what became of them. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { joinSql, rowsOf, sql, type SqlFragment, workspaceQuery } from './workspace-query.ts'

export type QuarantineState = 'open' | 'retried' | 'discarded'

export interface QuarantinePlace {
  readonly receivedMs: number
  readonly partition: number
  readonly offset: number
}

export interface QuarantineFilter {
  /** Undefined: of any state. */
  readonly state?: QuarantineState | undefined
  readonly code?: string | undefined
  readonly ids?: readonly string[] | undefined
  /** Times of receipt, epoch ms: from inclusive, to exclusive. */
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

export interface StoredQuarantined {
  readonly id: string
  readonly received_ms: number
  readonly code: string
  readonly path: string
  readonly message: string
  readonly event_id: string
  readonly import_id: string
  readonly body: string
  readonly state: QuarantineState
  /** Null while it is open. */
  readonly settled_ms: number | null
  readonly partition: number
  readonly offset: number
}

const settled = sql`(SELECT quarantine_id, toString(outcome) AS outcome, settled_at FROM ${rowsOf('quarantine_settlements')})`

/** Rows of the filter, and the parameters that it needs. */
function filtered(
  filter: QuarantineFilter,
  more: readonly SqlFragment[],
): { from: SqlFragment; params: Record<string, string | number | readonly string[]> } {
  const { state, code, ids, fromMs, toMs } = filter
  const conditions: SqlFragment[] = [sql`1`, ...more]
  if (code !== undefined) conditions.push(sql`code = {code:String}`)
  if (ids !== undefined) conditions.push(sql`has({ids:Array(String)}, quarantine_id)`)
  if (fromMs !== undefined) conditions.push(sql`received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`)
  if (toMs !== undefined) conditions.push(sql`received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`)
  const isOfState = state === undefined ? sql`1` : sql`state = {state:String}`
  const from = sql`(
  SELECT q.*, if(s.outcome = '', 'open', s.outcome) AS state, if(s.outcome = '', NULL, toUnixTimestamp64Milli(s.settled_at)) AS settled_ms
  FROM ${rowsOf('quarantine', joinSql(conditions, ' AND '))} AS q
  LEFT JOIN ${settled} AS s ON s.quarantine_id = q.quarantine_id
  WHERE ${isOfState}
)`
  const params = {
    ...(state === undefined ? {} : { state }),
    ...(code === undefined ? {} : { code }),
    ...(ids === undefined ? {} : { ids }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  }
  return { from, params }
}

/** At most `limit` events behind a place. Rejects with `WarehouseUnavailableError`, as all of these. */
export function readQuarantine(
  reader: WarehouseReader,
  workspace: string,
  filter: QuarantineFilter & { readonly behind?: QuarantinePlace | undefined; readonly limit: number },
): Promise<StoredQuarantined[]> {
  const { behind, limit } = filter
  const isBehind = sql`(-toUnixTimestamp64Milli(received_at), _partition, -toInt64(_offset)) > ({cursorReceived:Int64}, {cursorPartition:UInt32}, {cursorOffset:Int64})`
  const { from, params } = filtered(filter, behind === undefined ? [] : [isBehind])
  const query = workspaceQuery`
SELECT quarantine_id AS id, toUnixTimestamp64Milli(received_at) AS received_ms, code, path, message, event_id, import_id, body, state, settled_ms,
  _partition AS partition, _offset AS offset
FROM ${from}
ORDER BY received_at DESC, _partition, _offset DESC
LIMIT {limit:UInt64}`
  const place = behind && { cursorReceived: -behind.receivedMs, cursorPartition: behind.partition, cursorOffset: -behind.offset }
  return reader.select<StoredQuarantined>({ workspace, sql: query, params: { ...params, ...place, limit } })
}

export interface QuarantineCount {
  readonly code: string
  readonly events: number
}

/** How many events of each code the filter has, the most first. */
export function readQuarantineCounts(reader: WarehouseReader, workspace: string, filter: QuarantineFilter): Promise<QuarantineCount[]> {
  const { from, params } = filtered(filter, [])
  const query = workspaceQuery`SELECT code, count() AS events FROM ${from} GROUP BY code ORDER BY events DESC, code`
  return reader.select<QuarantineCount>({ workspace, sql: query, params })
}

const leftOut = workspaceQuery`
SELECT _partition AS partition, _offset AS offset FROM ${rowsOf('quarantine', sql`code = 'processing_failed'`)}`

/** Places in the log of records that processing has left out: they count nowhere, though they were accepted. */
export function readLeftOut(
  reader: WarehouseReader,
  workspace: string,
): Promise<{ readonly partition: number; readonly offset: number }[]> {
  return reader.select<{ partition: number; offset: number }>({ workspace, sql: leftOut })
}

const stored = workspaceQuery`
SELECT DISTINCT event_id FROM ${rowsOf('events', sql`has({ids:Array(String)}, event_id)`)}`

/** Which of the event ids are stored. */
export async function readStoredIds(reader: WarehouseReader, workspace: string, ids: readonly string[]): Promise<Set<string>> {
  const wanted = ids.filter((id) => id !== '')
  if (wanted.length === 0) return new Set()
  const rows = await reader.select<{ event_id: string }>({ workspace, sql: stored, params: { ids: wanted } })
  return new Set(rows.map((row) => row.event_id))
}
