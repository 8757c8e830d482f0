/** Numbers that changed after they were final, newest change first, by keyset. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { joinSql, rowsOf, sql, type SqlFragment, workspaceQuery } from './workspace-query.ts'

/** Where a page begins: behind this row. */
export interface RestatementPlace {
  readonly version: number
  readonly endMs: number
  readonly window: string
  readonly metric: string
}

export interface RestatementFilter {
  readonly window?: string | undefined
  readonly metric?: string | undefined
  /** Ends of windows, epoch ms, both inclusive. */
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly behind?: RestatementPlace | undefined
  readonly limit: number
}

export interface StoredRestatement {
  readonly metric: string
  readonly window: string
  readonly end_ms: number
  readonly before: number | null
  readonly after: number | null
  readonly cause: string
  /** 0 for a row of an older build. */
  readonly restated_ms: number
  readonly version: number
}

/** At most `limit` restatements. Rejects with `WarehouseUnavailableError`. */
export function readRestatements(reader: WarehouseReader, workspace: string, filter: RestatementFilter): Promise<StoredRestatement[]> {
  const { window, metric, fromMs, toMs, behind, limit } = filter
  const conditions: SqlFragment[] = [sql`1`]
  if (window !== undefined) conditions.push(sql`window = {window:String}`)
  if (metric !== undefined) conditions.push(sql`metric = {metric:String}`)
  if (fromMs !== undefined) conditions.push(sql`end_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`)
  if (toMs !== undefined) conditions.push(sql`end_at <= fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`)
  if (behind !== undefined)
    conditions.push(
      sql`(-toInt64(version), -toUnixTimestamp64Milli(end_at), window, metric) > ({cursorVersion:Int64}, {cursorEnd:Int64}, {cursorWindow:String}, {cursorMetric:String})`,
    )
  const query = workspaceQuery`
SELECT metric, window, toUnixTimestamp64Milli(end_at) AS end_ms, before, after, cause, toUnixTimestamp64Milli(restated_at) AS restated_ms, version
FROM ${rowsOf('restatements', joinSql(conditions, ' AND '))}
ORDER BY version DESC, end_at DESC, window, metric
LIMIT {limit:UInt64}`
  const params = {
    limit,
    ...(window === undefined ? {} : { window }),
    ...(metric === undefined ? {} : { metric }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    ...(behind === undefined
      ? {}
      : { cursorVersion: -behind.version, cursorEnd: -behind.endMs, cursorWindow: behind.window, cursorMetric: behind.metric }),
  }
  return reader.select<StoredRestatement>({ workspace, sql: query, params })
}
