/** Windows that a rebuild did not write again: in the history as it is now they are empty. */
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthRow } from '../../schemas/records.ts'
import { rowsOf, sql, stagedRowsOf, workspaceQuery } from '../queries/workspace-query.ts'

interface OlderRow {
  readonly window: string
  readonly dimension: Dimension | ''
  readonly value: string
  readonly end_ms: number
  readonly final: number
  readonly watermark_ms: number
}

/**
 * An empty row at `version` for each window, with an end from `fromMs` on, that the stage has no row of. Rejects with
 * `WarehouseUnavailableError`.
 */
export async function readOlderWindows(
  reader: WarehouseReader,
  workspace: string,
  stage: string,
  { version, fromMs }: { readonly version: number; readonly fromMs: number },
): Promise<GrowthRow[]> {
  const key = sql`window, dimension, value, end_at`
  const isOlder = sql`version < {version:UInt64} AND active_users > 0 AND end_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`
  const older = workspaceQuery`
SELECT window, dimension, value, toUnixTimestamp64Milli(end_at) AS end_ms, final, toUnixTimestamp64Milli(watermark_at) AS watermark_ms
FROM ${rowsOf('growth_windows', isOlder)}
WHERE (${key}) NOT IN (SELECT ${key} FROM ${stagedRowsOf('growth_windows', stage)})`
  const rows = await reader.select<OlderRow>({ workspace, sql: older, params: { version, fromMs } })
  return rows.map(({ final, ...row }) => ({ ...row, workspace, final: final === 1, version, counts: EMPTY_COUNTS, k: null }))
}
