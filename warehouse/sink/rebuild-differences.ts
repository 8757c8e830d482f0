/** What a rebuild found other than it stands: rows that differ between a table and the rows staged beside it. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import { growthRow, PUBLISHED_COLUMNS, type StoredRow } from '../queries/growth-published.ts'
import { joinSql, rowsOf, sql, type SqlFragment, stagedRowsOf, workspaceQuery } from '../queries/workspace-query.ts'
import { COUNT_COLUMNS } from '../tables/derived-tables.ts'

/** No more than so many rows of a table are told apart: whoever has more has another number in every window. */
const DIFFERENCES_MAX = 200_000

/** A row in which nobody was active means the same as none. */
const windowDigest = sql`if(active_users = 0, 0, cityHash64(
  ${joinSql(COUNT_COLUMNS as readonly string[] as readonly SqlFragment[], ', ')},
  arraySort(arrayZip(mapKeys(revenue), mapValues(revenue))),
  arraySort(arrayZip(mapKeys(referred_revenue), mapValues(referred_revenue))),
  ifNull(k_credits, 0), ifNull(k_credits_squared, 0), ifNull(k_people, 0), ifNull(k_cycles, 0), ifNull(k_exposure, -1)
))`

export interface WindowDifference {
  /** Undefined where there is no row. */
  readonly live: GrowthRow | undefined
  readonly rebuilt: GrowthRow | undefined
}

/**
 * Windows and slices whose row is another one, with ends from `fromMs` on. `isWholeOnly`: only windows of the whole
 * workspace. Rejects with `WarehouseUnavailableError`.
 */
export async function readWindowDifferences(
  reader: WarehouseReader,
  workspace: string,
  stage: string,
  { fromMs, isWholeOnly }: { readonly fromMs: number; readonly isWholeOnly: boolean },
): Promise<WindowDifference[]> {
  const narrowed = sql`end_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND dimension IN ('', ${isWholeOnly ? sql`''` : sql`'channel', 'campaign', 'variant'`})`
  const live = rowsOf('growth_windows', narrowed)
  const staged = sql`(SELECT * FROM ${stagedRowsOf('growth_windows', stage)} WHERE ${narrowed})`
  const key = sql`window, dimension, value, end_at`
  const query = workspaceQuery`
SELECT is_live, ${PUBLISHED_COLUMNS}
FROM (SELECT *, 1 AS is_live FROM ${live} UNION ALL SELECT *, 0 AS is_live FROM ${staged})
WHERE (${key}) IN (
  SELECT ${key}
  FROM (SELECT ${key}, 1 AS side, ${windowDigest} AS digest FROM ${live} UNION ALL SELECT ${key}, 0 AS side, ${windowDigest} AS digest FROM ${staged})
  GROUP BY ${key}
  HAVING anyIf(digest, side = 1) != anyIf(digest, side = 0)
)
ORDER BY ${key}
LIMIT {most:UInt64}`
  const rows = await reader.select<StoredRow & { is_live: number }>({ workspace, sql: query, params: { fromMs, most: DIFFERENCES_MAX } })
  const found = new Map<string, { live: GrowthRow | undefined; rebuilt: GrowthRow | undefined }>()
  for (const row of rows) {
    const name = JSON.stringify([row.window, row.dimension, row.value, row.end_ms])
    const one = found.get(name) ?? { live: undefined, rebuilt: undefined }
    one[row.is_live === 1 ? 'live' : 'rebuilt'] = growthRow(workspace, row)
    found.set(name, one)
  }
  return [...found.values()]
}

const PERSON_CELLS = {
  first_activity_at: sql`ifNull(toString(first_activity_at), '')`,
  signup_at: sql`ifNull(toString(signup_at), '')`,
  signup_event_id: sql`signup_event_id`,
  referrer_id: sql`referrer_id`,
  via: sql`toString(via)`,
  channel: sql`toString(channel)`,
  campaign: sql`toString(campaign)`,
  variant: sql`toString(variant)`,
} as const
const PERSON_FIELDS = Object.keys(PERSON_CELLS) as (keyof typeof PERSON_CELLS)[]
const personCells = sql`[${joinSql(Object.values(PERSON_CELLS), ', ')}]`

export interface PersonDifference {
  readonly actorId: string
  readonly field: string
  readonly live: string
  readonly rebuilt: string
}

/** Fields of people that are others, of the people that are staged; instants as text in UTC, '' for none. */
export async function readPersonDifferences(reader: WarehouseReader, workspace: string, stage: string): Promise<PersonDifference[]> {
  const query = workspaceQuery`
SELECT r.actor_id AS actor_id, l.cells AS live, r.cells AS rebuilt
FROM (SELECT actor, actor_id, ${personCells} AS cells FROM ${stagedRowsOf('people', stage)}) AS r
LEFT JOIN (SELECT actor, ${personCells} AS cells FROM ${rowsOf('people')}) AS l ON l.actor = r.actor
WHERE l.cells != r.cells
ORDER BY actor_id
LIMIT {most:UInt64}`
  const rows = await reader.select<{ actor_id: string; live: readonly string[]; rebuilt: readonly string[] }>({
    workspace,
    sql: query,
    params: { most: DIFFERENCES_MAX },
  })
  return rows.flatMap((row) =>
    PERSON_FIELDS.flatMap((field, index) => {
      const [live, rebuilt] = [row.live[index] ?? '', row.rebuilt[index] ?? '']
      return live === rebuilt ? [] : [{ actorId: row.actor_id, field, live, rebuilt }]
    }),
  )
}
