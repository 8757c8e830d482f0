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

const WHOLE = sql`''`
const EVERYTHING = sql`1`

const isSentInvite = sql`(type = 'invite' AND action = 'sent')`
const isInWindow = sql`occurred_at > fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND occurred_at <= fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`
const signupsOfWindow = sql`(SELECT * FROM ${peopleAsOf} WHERE signup_ms > {startMs:Int64} AND signup_ms <= {endMs:Int64})`

/**
 * A counted signup counts where its person stands (the cause's field, METRICS), in N, A and C alike: its event is left out
 * here, and the person put in for it. Without filter and breakdown that changes nothing, and the ids need not be read.
 */
const isNoCountedSignup = sql`NOT (kind = 'signup' AND event_id IN (SELECT signup_event_id FROM ${signupsOfWindow}))`

/**
 * People are counted by bits: 64 neighbours in the dense numbering of actors are one group, and each of them a bit of it. That
 * is exact, and takes a quarter of the time of sets of numbers. Slices are told apart by a hash of 128 bits, because a
 * group's key of fixed length is cheaper than a text.
 */
function countsQuery(filter: SqlFragment, value: SqlFragment, isKept: SqlFragment): WorkspaceSql {
  const isWhole = value === WHOLE
  const conversions = isWhole && filter === EVERYTHING ? EVERYTHING : isNoCountedSignup
  return workspaceQuery`
SELECT
  value,
  is_kept,
  sum(bitCount(active)) AS active_users,
  sum(signups) AS new_users,
  sum(bitCount(inviting)) AS inviters,
  sum(bitCount(sharing)) AS sharers,
  sum(bitCount(bitOr(inviting, sharing))) AS spreaders,
  sum(share_events) AS shares,
  sum(of_invite) AS via_invite,
  sum(of_code) AS via_code,
  sum(of_share) AS via_share,
  sum(of_referrer) AS via_referrer
FROM (
  SELECT
    any(if(${isKept}, slice_value, '')) AS value,
    ${isKept} AS is_kept,
    groupBitOr(person) AS active,
    groupBitOr(if(is_invite, person, 0)) AS inviting,
    groupBitOr(if(is_share, person, 0)) AS sharing,
    countIf(is_share) AS share_events,
    countIf(is_signup) AS signups,
    countIf(cause = 'invite') AS of_invite,
    countIf(cause = 'code') AS of_code,
    countIf(cause = 'share') AS of_share,
    countIf(cause = 'referrer') AS of_referrer
  FROM (
    SELECT
      bitShiftLeft(toUInt64(1), bitAnd(actor, 63)) AS person, bitShiftRight(actor, 6) AS neighbours,
      type = 'share' AS is_share, type = 'invite' AS is_invite, 0 AS is_signup, '' AS cause, ${value} AS slice_value
    FROM ${rowsOf('events', isInWindow)}
    WHERE late = 0 AND (type = 'share' OR ${isSentInvite} OR (type = 'conversion' AND ${conversions})) AND ${filter}
    UNION ALL
    SELECT bitShiftLeft(toUInt64(1), bitAnd(actor, 63)), bitShiftRight(actor, 6), 0, 0, 1, if(referrer_id = '', '', via), ${value}
    FROM ${signupsOfWindow}
    WHERE ${filter}
  )
  GROUP BY ${isWhole ? sql`''` : sql`sipHash128(if(${isKept}, slice_value, ''))`}, is_kept, neighbours
)
GROUP BY value, is_kept`
}

function invitesQuery(filter: SqlFragment, value: SqlFragment, isKept: SqlFragment): WorkspaceSql {
  return workspaceQuery`
SELECT
  if(is_kept, slice_value, '') AS value,
  ${isKept} AS is_kept,
  uniqExact(invite_id) AS invites_sent
FROM (
  SELECT invite_id, ${value} AS slice_value
  FROM ${rowsOf('events', isInWindow)}
  WHERE late = 0 AND ${isSentInvite} AND ${filter}
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

interface SliceRow {
  readonly value: string
  readonly is_kept: number
}
type CountRow = Omit<GrowthCounts, 'invites_sent' | 'revenue' | 'referred_revenue'> & SliceRow
type InvitesRow = Pick<GrowthCounts, 'invites_sent'> & SliceRow
interface MoneyRow extends SliceRow {
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
      ? EVERYTHING
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
  const countRows = await reader.select<CountRow>({ workspace, sql: countsQuery(filter, value, isKept), params })
  const inviteRows = await reader.select<InvitesRow>({ workspace, sql: invitesQuery(filter, value, isKept), params })
  const moneyRows = await reader.select<MoneyRow>({ workspace, sql: moneyQuery(filter, value, isKept), params })
  const invitesSent = new Map(inviteRows.map((row) => [sliceKey(row), row.invites_sent]))
  const money = new Map<string, MoneyRow[]>()
  for (const row of moneyRows) money.set(sliceKey(row), [...(money.get(sliceKey(row)) ?? []), row])
  return countRows.map((row) => {
    const { value: name, is_kept, ...counts } = row
    const ofSlice = money.get(sliceKey(row)) ?? []
    return {
      value: name,
      isOther: is_kept === 0,
      counts: {
        ...counts,
        invites_sent: invitesSent.get(sliceKey(row)) ?? 0,
        revenue: moneyOf(ofSlice, 'revenue'),
        referred_revenue: moneyOf(ofSlice, 'referred_revenue'),
      },
    }
  })
}

const sliceKey = ({ value, is_kept }: SliceRow) => `${is_kept} ${value}`

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
