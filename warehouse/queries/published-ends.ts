/** What the processors published, end by end and whole: what `kappa verify` holds against its recomputations. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import type { LiveWindowName } from '../../schemas/windows.ts'
import { growthRow, PUBLISHED_COLUMNS, type StoredRow } from './growth-published.ts'
import { rowsOf, sql, storedRowsOf, workspaceQuery } from './workspace-query.ts'

const isWindow = sql`window = {window:String}`

const ends = workspaceQuery`
SELECT toUnixTimestamp64Milli(end_at) AS end_ms, max(final) AS is_final
FROM ${storedRowsOf('growth_windows', sql`${isWindow} AND dimension = ''`)}
GROUP BY end_ms
ORDER BY end_ms`

const restated = workspaceQuery`
SELECT DISTINCT toUnixTimestamp64Milli(end_at) AS end_ms
FROM ${storedRowsOf('restatements', isWindow)}
ORDER BY end_ms`

const rowsAtEnds = workspaceQuery`
SELECT ${PUBLISHED_COLUMNS}
FROM ${rowsOf('growth_windows', sql`${isWindow} AND has({endsMs:Array(Int64)}, toUnixTimestamp64Milli(end_at))`)}`

export interface PublishedEnds {
  /** Ends that are final, ascending, epoch ms. */
  readonly finalMs: readonly number[]
  /** End of the running window; null before the first event. */
  readonly runningMs: number | null
  /** Final ends that changed after they were published, ascending. */
  readonly restatedMs: readonly number[]
}

/** Every published end of a live window. Rejects with `WarehouseUnavailableError`, as all of these. */
export async function readPublishedEnds(reader: WarehouseReader, workspace: string, window: LiveWindowName): Promise<PublishedEnds> {
  const rows = await reader.select<{ end_ms: number; is_final: number }>({ workspace, sql: ends, params: { window } })
  const restatedRows = await reader.select<{ end_ms: number }>({ workspace, sql: restated, params: { window } })
  return {
    finalMs: rows.filter((row) => row.is_final === 1).map((row) => row.end_ms),
    runningMs: rows.at(-1)?.end_ms ?? null,
    restatedMs: restatedRows.map((row) => row.end_ms),
  }
}

/** All rows, of the whole workspace and of every slice, at the given ends. */
export async function readRowsAtEnds(
  reader: WarehouseReader,
  workspace: string,
  window: LiveWindowName,
  endsMs: readonly number[],
): Promise<GrowthRow[]> {
  const rows = await reader.select<StoredRow>({ workspace, sql: rowsAtEnds, params: { window, endsMs } })
  return rows.map((row) => growthRow(workspace, row))
}
