/**
 * Counts of one window at any end, of any length, under any filter, exactly as METRICS "Growth" defines them, from raw events
 * and people. Everything is as of the window's end: what happened later does not exist.
 */
import { EMPTY_COUNTS, referredSignups } from '../../metrics/derive-growth.ts'
import type { WarehouseReader, WorkspaceSql } from '../../schemas/ports/warehouse.ts'
import { DIMENSIONS, type Dimension, type GrowthCounts, type Money } from '../../schemas/records.ts'
import { isCredited, peopleAsOf } from './people-as-of.ts'
import { joinSql, rowsOf, sql, workspaceQuery, type SqlFragment } from './workspace-query.ts'

/** Values that an event must carry to count; '' is "without the field". */
export type GrowthFilter = { readonly [Name in Dimension]?: string }

export interface GrowthWindow {
  readonly endMs: number
  readonly lengthMs: number
  readonly filter?: GrowthFilter
}

/** Counts under one value of a dimension ('' without the field), or of all smaller ones together. */
export interface GrowthSlice {
  readonly value: string
  readonly isOther: boolean
  readonly counts: GrowthCounts
}

/** A breakdown keeps this many values (METRICS "Live breakdowns"). */
export const SLICES_MAX = 200

const COLUMN: Readonly<Record<Dimension, SqlFragment>> = { channel: sql`channel`, campaign: sql`campaign`, variant: sql`variant` }
const FILTER: Readonly<Record<Dimension, SqlFragment>> = {
  channel: sql`channel = {channel:String}`,
  campaign: sql`campaign = {campaign:String}`,
  variant: sql`variant = {variant:String}`,
}

const isInWindow = sql`occurred_at > fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND occurred_at <= fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`
const signupsOfWindow = sql`(SELECT * FROM ${peopleAsOf} WHERE signup_ms > {startMs:Int64} AND signup_ms <= {endMs:Int64})`

/**
 * A counted signup counts where its person stands (the cause's field, METRICS), in N, A and C alike: its event is left out
 * here, and the person put in for it. Without filter and breakdown that changes nothing, and the ids need not be read.
 */
const isNoCountedSignup = sql`NOT (kind = 'signup' AND event_id IN (SELECT signup_event_id FROM ${signupsOfWindow}))`

function countsQuery(filter: SqlFragment, value: SqlFragment, isKept: SqlFragment, isPlaced: boolean): WorkspaceSql {
  const conversions = isPlaced ? isNoCountedSignup : sql`1`
  return workspaceQuery`
SELECT
  if(is_kept, slice_value, '') AS value,
  ${isKept} AS is_kept,
  uniqExact(actor) AS active_users,
  countIf(is_signup) AS new_users,
  uniqExactIf(actor, is_invite) AS inviters,
  uniqExactIf(actor, is_share) AS sharers,
  uniqExactIf(actor, is_invite OR is_share) AS spreaders,
  uniqExactIf(invite, is_invite) AS invites_sent,
  countIf(is_share) AS shares,
  countIf(cause = 'invite') AS via_invite,
  countIf(cause = 'code') AS via_code,
  countIf(cause = 'share') AS via_share,
  countIf(cause = 'referrer') AS via_referrer
FROM (
  SELECT actor, type = 'share' AS is_share, type = 'invite' AS is_invite, invite_id AS invite, 0 AS is_signup, '' AS cause, ${value} AS slice_value
  FROM ${rowsOf('events', isInWindow)}
  WHERE late = 0 AND (type = 'share' OR (type = 'invite' AND action = 'sent') OR (type = 'conversion' AND ${conversions})) AND ${filter}
  UNION ALL
  SELECT actor, 0, 0, '', 1, if(referrer_id = '', '', via), ${value}
  FROM ${signupsOfWindow}
  WHERE ${filter}
)
GROUP BY value, is_kept`
}

function moneyQuery(filter: SqlFragment, value: SqlFragment, isKept: SqlFragment): WorkspaceSql {
  return workspaceQuery`
SELECT
  if(is_kept, slice_value, '') AS value,
  ${isKept} AS is_kept,
  code,
  sum(minor) AS revenue,
  sumIf(minor, is_referred) AS referred_revenue
FROM (
  SELECT
    currency AS code, ${value} AS slice_value,
    if(kind = 'refund', -1, 1) * assumeNotNull(amount_minor) AS minor,
    actor IN (SELECT actor FROM ${peopleAsOf} WHERE ${isCredited}) AS is_referred
  FROM ${rowsOf('events', isInWindow)}
  WHERE late = 0 AND type = 'conversion' AND amount_minor IS NOT NULL AND currency != '' AND ${filter}
)
GROUP BY value, is_kept, code
ORDER BY code`
}

type CountRow = Omit<GrowthCounts, 'revenue' | 'referred_revenue'> & { readonly value: string; readonly is_kept: number }
interface MoneyRow {
  readonly value: string
  readonly is_kept: number
  readonly code: string
  readonly revenue: number
  readonly referred_revenue: number
}

/** A currency whose sum is 0 is a currency without money. */
function moneyOf(rows: readonly MoneyRow[], column: 'revenue' | 'referred_revenue'): Money {
  return Object.fromEntries(rows.filter((row) => row[column] !== 0).map((row) => [row.code, row[column]]))
}

async function readSlices(
  reader: WarehouseReader,
  workspace: string,
  window: GrowthWindow,
  value: SqlFragment,
  kept: readonly string[] | undefined,
): Promise<GrowthSlice[]> {
  const filtered = DIMENSIONS.filter((name) => window.filter?.[name] !== undefined)
  const filter =
    filtered.length === 0
      ? sql`1`
      : joinSql(
          filtered.map((name) => FILTER[name]),
          ' AND ',
        )
  const isKept = kept === undefined ? sql`1` : sql`has({kept:Array(String)}, slice_value)`
  const params = {
    startMs: window.endMs - window.lengthMs,
    endMs: window.endMs,
    ...window.filter,
    ...(kept === undefined ? {} : { kept }),
  }
  const isPlaced = filtered.length > 0 || value !== WHOLE
  const countRows = await reader.select<CountRow>({ workspace, sql: countsQuery(filter, value, isKept, isPlaced), params })
  const moneyRows = await reader.select<MoneyRow>({ workspace, sql: moneyQuery(filter, value, isKept), params })
  return countRows.map(({ value: name, is_kept, ...counts }) => {
    const money = moneyRows.filter((row) => row.value === name && row.is_kept === is_kept)
    return {
      value: name,
      isOther: is_kept === 0,
      counts: { ...counts, revenue: moneyOf(money, 'revenue'), referred_revenue: moneyOf(money, 'referred_revenue') },
    }
  })
}

const WHOLE = sql`''`

/** Counts of the whole window under its filter. Rejects with `WarehouseUnavailableError`. */
export async function readGrowthCounts(reader: WarehouseReader, workspace: string, window: GrowthWindow): Promise<GrowthCounts> {
  const [slice] = await readSlices(reader, workspace, window, WHOLE, undefined)
  return slice?.counts ?? EMPTY_COUNTS
}

/** Largest first by people who came or were active, then bytewise by value. */
export function bySize(a: GrowthSlice, b: GrowthSlice): number {
  const size = (slice: GrowthSlice) => referredSignups(slice.counts) + slice.counts.active_users
  return size(b) - size(a) || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))
}

/**
 * Counts by the values of one dimension: the `SLICES_MAX` largest, and the rest together (its people counted once, not
 * added up). Rejects with `WarehouseUnavailableError`.
 */
export async function readGrowthBreakdown(
  reader: WarehouseReader,
  workspace: string,
  window: GrowthWindow,
  by: Dimension,
): Promise<GrowthSlice[]> {
  const all = (await readSlices(reader, workspace, window, COLUMN[by], undefined)).sort(bySize)
  if (all.length <= SLICES_MAX) return all
  const kept = all.slice(0, SLICES_MAX)
  const regrouped = await readSlices(
    reader,
    workspace,
    window,
    COLUMN[by],
    kept.map((slice) => slice.value),
  )
  return [...kept, ...regrouped.filter((slice) => slice.isOther)]
}
