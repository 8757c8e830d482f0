/** Events beyond the allowed lateness: kept, and counted nowhere. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { rowsOf, sql, workspaceQuery } from './workspace-query.ts'

const inRange = sql`occurred_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND occurred_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`

const late = workspaceQuery`
SELECT toString(toDate(occurred_at)) AS day, type, count() AS events, max(toUnixTimestamp64Milli(received_at)) AS newest_received_ms
FROM ${rowsOf('events', inRange)}
WHERE late = 1
GROUP BY day, type
ORDER BY day, type`

export interface LateCount {
  /** Day of occurrence in UTC, `2026-01-31`. */
  readonly day: string
  readonly type: string
  readonly events: number
  readonly newest_received_ms: number
}

/** Late events that occurred in [fromMs, toMs), by day and type. Rejects with `WarehouseUnavailableError`. */
export function readLateCounts(
  reader: WarehouseReader,
  workspace: string,
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<LateCount[]> {
  return reader.select<LateCount>({ workspace, sql: late, params: range })
}
