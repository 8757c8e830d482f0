/** What replays found other than it stood. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { rowsOf, sql, workspaceQuery } from './workspace-query.ts'

/** A number, or a field of a person, that was another one than the raw events say. */
export interface ReplayDifference {
  /** Table that held it: `growth_windows` or `people`. */
  readonly source: string
  readonly metric: string
  /** Empty for people. */
  readonly window: string
  /** End of the window, RFC 3339; null for people. */
  readonly at: string | null
  /** '' for the whole workspace. */
  readonly dimension: string
  /** The slice, or the id of the person. */
  readonly value: string
  /** As text; '' for none. */
  readonly live: string
  readonly rebuilt: string
}

const ofReplay = rowsOf('rebuild_differences', sql`rebuild = {rebuild:String}`)

const counted = workspaceQuery`SELECT count() AS differences FROM ${ofReplay}`

const first = workspaceQuery`
SELECT source, metric, window, toUnixTimestamp64Milli(end_at) AS end_ms, dimension, value, live, rebuilt
FROM ${ofReplay}
ORDER BY source, dimension, value, window, end_at, metric
LIMIT {most:UInt64} BY source`

/** How many differences the replay of this name found, and the first `most` of each table. Rejects with `WarehouseUnavailableError`. */
export async function readReplayDifferences(
  reader: WarehouseReader,
  workspace: string,
  rebuild: string,
  most: number,
): Promise<{ readonly differences: number; readonly first: readonly ReplayDifference[] }> {
  const [row] = await reader.select<{ differences: number }>({ workspace, sql: counted, params: { rebuild } })
  const rows = await reader.select<Omit<ReplayDifference, 'at'> & { end_ms: number }>({ workspace, sql: first, params: { rebuild, most } })
  return {
    differences: row?.differences ?? 0,
    first: rows.map(({ end_ms, ...one }) => ({ ...one, at: one.source === 'people' ? null : new Date(end_ms).toISOString() })),
  }
}
