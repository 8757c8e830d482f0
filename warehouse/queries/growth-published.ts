/** Windows as the processors published them: the running ones, final ones, and series of them. */
import type { LiveWindowName } from '../../schemas/windows.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthCounts, GrowthRow, KStatistics, Money } from '../../schemas/records.ts'
import { COUNT_COLUMNS } from '../tables/derived-tables.ts'
import { joinSql, rowsOf, sql, storedRowsOf, workspaceQuery, type SqlFragment } from './workspace-query.ts'

type CountName = (typeof COUNT_COLUMNS)[number]
/** A row of `growth_windows` as it is selected. */
export type StoredRow = Readonly<Record<CountName, number>> & {
  readonly window: string
  readonly dimension: Dimension | ''
  readonly value: string
  readonly end_ms: number
  readonly watermark_ms: number
  readonly version: number
  readonly final: number
  readonly revenue: Money
  readonly referred_revenue: Money
  readonly k_credits: number | null
  readonly k_credits_squared: number | null
  readonly k_people: number | null
  readonly k_cycles: number | null
  readonly k_exposure: number | null
}

/** What is selected of `growth_windows` for `growthRow`. */
export const PUBLISHED_COLUMNS = sql`
  window, dimension, value, toUnixTimestamp64Milli(end_at) AS end_ms, toUnixTimestamp64Milli(watermark_at) AS watermark_ms,
  version, final, revenue, referred_revenue, k_credits, k_credits_squared, k_people, k_cycles, k_exposure,
  ${joinSql(COUNT_COLUMNS as readonly string[] as readonly SqlFragment[], ', ')}`

/** The record that a stored row holds. */
export function growthRow(workspace: string, row: StoredRow): GrowthRow {
  const counts = Object.fromEntries(COUNT_COLUMNS.map((name) => [name, row[name]])) as Record<CountName, number>
  const k: KStatistics | null =
    row.k_credits === null
      ? null
      : {
          credits: row.k_credits,
          credits_squared: row.k_credits_squared ?? 0,
          people: row.k_people ?? 0,
          cycles: row.k_cycles ?? 0,
          exposure: row.k_exposure,
        }
  return {
    workspace,
    window: row.window,
    dimension: row.dimension,
    value: row.value,
    end_ms: row.end_ms,
    final: row.final === 1,
    version: row.version,
    watermark_ms: row.watermark_ms,
    counts: { ...counts, revenue: row.revenue, referred_revenue: row.referred_revenue } satisfies GrowthCounts,
    k,
  }
}

const isWindow = sql`window = {window:String}`
const isAsked = sql`${isWindow} AND dimension IN ('', {dimension:String})`
const isWhole = sql`${isWindow} AND dimension = ''`

const latest = workspaceQuery`
SELECT ${PUBLISHED_COLUMNS}
FROM ${rowsOf('growth_windows', isAsked)}
WHERE end_at = (SELECT max(end_at) FROM ${storedRowsOf('growth_windows', isWhole)})`

const atEnd = workspaceQuery`
SELECT ${PUBLISHED_COLUMNS}
FROM ${rowsOf('growth_windows', sql`${isAsked} AND end_at = fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`)}`

const between = sql`end_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND end_at <= fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`
const series = workspaceQuery`
SELECT ${PUBLISHED_COLUMNS}
FROM ${rowsOf('growth_windows', sql`${isWhole} AND ${between}`)}
WHERE toUnixTimestamp64Milli(end_at) % {stepMs:Int64} = 0
ORDER BY end_at`

/** A published window: the whole workspace, and the values of the dimension asked for (none when none was). */
export interface PublishedWindow {
  readonly whole: GrowthRow
  readonly slices: readonly GrowthRow[]
}

function publishedWindow(workspace: string, rows: readonly StoredRow[]): PublishedWindow | undefined {
  const all = rows.map((row) => growthRow(workspace, row))
  const whole = all.find((row) => row.dimension === '')
  if (whole === undefined) return undefined
  return { whole, slices: all.filter((row) => row.dimension !== '' && row.counts.active_users > 0) }
}

/** The running window; undefined before the first event. Rejects with `WarehouseUnavailableError`, as all of these. */
export async function readRunningWindow(
  reader: WarehouseReader,
  workspace: string,
  window: LiveWindowName,
  by: Dimension | undefined,
): Promise<PublishedWindow | undefined> {
  const rows = await reader.select<StoredRow>({ workspace, sql: latest, params: { window, dimension: by ?? '' } })
  return publishedWindow(workspace, rows)
}

const newestVersion = workspaceQuery`
SELECT max(version) AS version FROM ${storedRowsOf('growth_windows', sql`dimension = ''`)}`

/** Version of the newest window; 0 before the first. While it is the same, so are all windows. */
export async function readNewestVersion(reader: WarehouseReader, workspace: string): Promise<number> {
  const [row] = await reader.select<{ version: number }>({ workspace, sql: newestVersion })
  return row?.version ?? 0
}

/** The window published for this very end; undefined when none was. */
export async function readPublishedWindow(
  reader: WarehouseReader,
  workspace: string,
  window: LiveWindowName,
  endMs: number,
  by: Dimension | undefined,
): Promise<PublishedWindow | undefined> {
  const rows = await reader.select<StoredRow>({ workspace, sql: atEnd, params: { window, endMs, dimension: by ?? '' } })
  return publishedWindow(workspace, rows)
}

/** Rows of the whole workspace whose end lies in [fromMs, toMs] and is a multiple of `stepMs`, oldest first. */
export async function readPublishedSeries(
  reader: WarehouseReader,
  workspace: string,
  window: LiveWindowName,
  range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): Promise<GrowthRow[]> {
  const rows = await reader.select<StoredRow>({ workspace, sql: series, params: { window, ...range } })
  return rows.map((row) => growthRow(workspace, row))
}
