/**
 * Counts of one window at any end, of any length, under any filter, exactly as METRICS "Growth" defines them, from raw events
 * and people. Everything is as of the window's end: what happened later does not exist.
 */
import { EMPTY_COUNTS, referredSignups } from '../../metrics/derive-growth.ts'
import type { SqlValue, WarehouseReader, WorkspaceSql } from '../../schemas/ports/warehouse.ts'
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

/** How signups that stand in the raw rows are seen to. */
const RAW_SIGNUPS = {
  /** As any conversion: without breakdown and filter it is the same whether a person counts by its event or by itself. */
  count: { condition: EVERYTHING, isPerson: EVERYTHING },
  /** The counted ones are left out by their ids, which costs the reading of all ids. */
  leaveOutCounted: {
    condition: sql`NOT (kind = 'signup' AND event_id IN (SELECT signup_event_id FROM ${signupsOfWindow}))`,
    isPerson: EVERYTHING,
  },
  /** All are left out, and how many there were is told: as many as people signed up, then all of them were counted ones. */
  leaveOutAll: { condition: EVERYTHING, isPerson: sql`NOT (type = 'conversion' AND kind = 'signup')` },
} as const
type RawSignups = (typeof RAW_SIGNUPS)[keyof typeof RAW_SIGNUPS]

/** What is selected: events that pass `filter`, told apart by `value`, of which those that are not kept go together. */
interface Question {
  readonly filter: SqlFragment
  readonly value: SqlFragment
  readonly isKept: SqlFragment
}

/** The rows of every query here: one of the whole, and with a breakdown those of its values beside it, from one walk. */
const isBreakdown = ({ value }: Question) => value !== WHOLE

/**
 * People are counted by bits: 64 neighbours in the dense numbering of actors are one group, and each of them a bit of it. That
 * is exact, and takes a quarter of the time of sets of numbers. Slices are told apart by a hash of 128 bits, because a
 * group's key of fixed length is cheaper than a text. A counted signup counts where its person stands (the cause's field,
 * METRICS), in N, A and C alike: its event is left out, and the person put in for it.
 */
function countsQuery(question: Question, { condition, isPerson }: RawSignups): WorkspaceSql {
  const { filter, value, isKept } = question
  return workspaceQuery`
SELECT
  is_whole,
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
  sum(of_referrer) AS via_referrer,
  sum(left_out) AS signups_left_out
FROM (
  SELECT
    ${isBreakdown(question) ? sql`grouping(slice) = 1` : sql`1`} AS is_whole,
    if(is_whole, '', any(if(kept, slice_value, ''))) AS value,
    if(is_whole, 1, any(kept)) AS is_kept,
    groupBitOr(person) AS active,
    groupBitOr(if(is_invite, person, 0)) AS inviting,
    groupBitOr(if(is_share, person, 0)) AS sharing,
    countIf(is_share) AS share_events,
    countIf(is_signup) AS signups,
    countIf(cause = 'invite') AS of_invite,
    countIf(cause = 'code') AS of_code,
    countIf(cause = 'share') AS of_share,
    countIf(cause = 'referrer') AS of_referrer,
    countIf(person = 0) AS left_out
  FROM (
    SELECT *, ${isKept} AS kept, ${isBreakdown(question) ? sql`sipHash128(kept, if(kept, slice_value, ''))` : sql`''`} AS slice
    FROM (
      SELECT
        if(${isPerson}, bitShiftLeft(toUInt64(1), bitAnd(actor, 63)), 0) AS person, bitShiftRight(actor, 6) AS neighbours,
        type = 'share' AS is_share, type = 'invite' AS is_invite, 0 AS is_signup, '' AS cause, ${value} AS slice_value
      FROM ${rowsOf('events', isInWindow)}
      WHERE late = 0 AND (type = 'share' OR ${isSentInvite} OR (type = 'conversion' AND ${condition})) AND ${filter}
      UNION ALL
      SELECT bitShiftLeft(toUInt64(1), bitAnd(actor, 63)), bitShiftRight(actor, 6), 0, 0, 1, if(referrer_key = 0, '', via), ${value}
      FROM ${signupsOfWindow}
      WHERE ${filter}
    )
  )
  GROUP BY ${isBreakdown(question) ? sql`GROUPING SETS ((slice, neighbours), (neighbours))` : sql`neighbours`}
)
GROUP BY is_whole, value, is_kept
HAVING is_whole OR active_users > 0`
}

function invitesQuery(question: Question): WorkspaceSql {
  const { filter, value, isKept } = question
  return workspaceQuery`
SELECT
  ${isBreakdown(question) ? sql`grouping(value) = 1` : sql`1`} AS is_whole,
  value,
  if(is_whole, 1, kept) AS is_kept,
  uniqExact(invite_key) AS invites_sent
FROM (
  SELECT invite_key, ${isKept} AS kept, if(kept, slice_value, '') AS value
  FROM (
    SELECT invite_key, ${value} AS slice_value
    FROM ${rowsOf('events', isInWindow)}
    WHERE late = 0 AND ${isSentInvite} AND ${filter}
  )
)
GROUP BY ${isBreakdown(question) ? sql`GROUPING SETS ((value, kept), ())` : sql`value, kept`}`
}

function moneyQuery(question: Question): WorkspaceSql {
  const { filter, value, isKept } = question
  return workspaceQuery`
SELECT
  ${isBreakdown(question) ? sql`grouping(value) = 1` : sql`1`} AS is_whole,
  value,
  if(is_whole, 1, kept) AS is_kept,
  code,
  sum(minor) AS revenue,
  sumIf(minor, is_referred) AS referred_revenue
FROM (
  SELECT code, minor, is_referred, ${isKept} AS kept, if(kept, slice_value, '') AS value
  FROM (
    SELECT
      currency AS code, ${value} AS slice_value,
      if(kind = 'refund', -1, 1) * assumeNotNull(amount_minor) AS minor,
      actor IN (SELECT actor FROM ${peopleAsOf} WHERE ${isCredited}) AS is_referred
    FROM ${rowsOf('events', isInWindow)}
    WHERE late = 0 AND type = 'conversion' AND amount_minor IS NOT NULL AND currency != '' AND ${filter}
  )
)
GROUP BY ${isBreakdown(question) ? sql`GROUPING SETS ((value, kept, code), (code))` : sql`value, kept, code`}
ORDER BY code`
}

interface SliceRow {
  readonly is_whole: number
  readonly value: string
  readonly is_kept: number
}
type CountRow = Omit<GrowthCounts, 'invites_sent' | 'revenue' | 'referred_revenue'> & SliceRow & { readonly signups_left_out: number }
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

/** Counts of the whole window under its filter, and by the values of a dimension. */
export interface GrowthOfWindow {
  readonly counts: GrowthCounts
  readonly slices: readonly GrowthSlice[]
}

async function readCountRows(
  reader: WarehouseReader,
  workspace: string,
  question: Question,
  params: Readonly<Record<string, SqlValue>>,
): Promise<CountRow[]> {
  const ask = (signups: RawSignups) => reader.select<CountRow>({ workspace, sql: countsQuery(question, signups), params })
  if (question.filter !== EVERYTHING) return ask(RAW_SIGNUPS.leaveOutCounted)
  if (!isBreakdown(question)) return ask(RAW_SIGNUPS.count)
  const rows = await ask(RAW_SIGNUPS.leaveOutAll)
  const whole = rows.find((row) => row.is_whole === 1)
  // More of them than people who signed up: some are no counted ones, and count where they stand.
  return whole?.signups_left_out === whole?.new_users ? rows : ask(RAW_SIGNUPS.leaveOutCounted)
}

async function readQuestion(
  reader: WarehouseReader,
  workspace: string,
  window: GrowthWindow,
  value: SqlFragment,
  kept: readonly string[] | undefined,
): Promise<GrowthOfWindow> {
  const filtered = DIMENSIONS.filter((name) => window.filter?.[name] !== undefined)
  const filter =
    filtered.length === 0
      ? EVERYTHING
      : joinSql(
          filtered.map((name) => FILTER[name]),
          ' AND ',
        )
  const question = { filter, value, isKept: kept === undefined ? sql`1` : sql`has({kept:Array(String)}, slice_value)` }
  const params = {
    startMs: window.endMs - window.lengthMs,
    endMs: window.endMs,
    ...window.filter,
    ...(kept === undefined ? {} : { kept }),
  }
  const countRows = await readCountRows(reader, workspace, question, params)
  const inviteRows = await reader.select<InvitesRow>({ workspace, sql: invitesQuery(question), params })
  const moneyRows = await reader.select<MoneyRow>({ workspace, sql: moneyQuery(question), params })
  const invitesSent = new Map(inviteRows.map((row) => [sliceKey(row), row.invites_sent]))
  const money = new Map<string, MoneyRow[]>()
  for (const row of moneyRows) money.set(sliceKey(row), [...(money.get(sliceKey(row)) ?? []), row])
  const countsOf = (row: CountRow): GrowthCounts => {
    const { is_whole: _, value: __, is_kept: ___, signups_left_out: ____, ...counts } = row
    const ofSlice = money.get(sliceKey(row)) ?? []
    return {
      ...counts,
      invites_sent: invitesSent.get(sliceKey(row)) ?? 0,
      revenue: moneyOf(ofSlice, 'revenue'),
      referred_revenue: moneyOf(ofSlice, 'referred_revenue'),
    }
  }
  const whole = countRows.find((row) => row.is_whole === 1)
  return {
    counts: whole === undefined ? EMPTY_COUNTS : countsOf(whole),
    slices: countRows
      .filter((row) => row.is_whole === 0)
      .map((row) => ({ value: row.value, isOther: row.is_kept === 0, counts: countsOf(row) })),
  }
}

const sliceKey = ({ is_whole, value, is_kept }: SliceRow) => `${is_whole} ${is_kept} ${value}`

/** Counts of the whole window under its filter. Rejects with `WarehouseUnavailableError`. */
export async function readGrowthCounts(reader: WarehouseReader, workspace: string, window: GrowthWindow): Promise<GrowthCounts> {
  return (await readQuestion(reader, workspace, window, WHOLE, undefined)).counts
}

/** Largest first by people who came or were active, then bytewise by value. */
export function bySize(a: GrowthSlice, b: GrowthSlice): number {
  const size = (slice: GrowthSlice) => referredSignups(slice.counts) + slice.counts.active_users
  return size(b) - size(a) || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))
}

/**
 * Counts of the whole and by the values of one dimension: the `SLICES_MAX` largest, and the rest together (its people
 * counted once, not added up). Rejects with `WarehouseUnavailableError`.
 */
export async function readGrowthBreakdown(
  reader: WarehouseReader,
  workspace: string,
  window: GrowthWindow,
  by: Dimension,
): Promise<GrowthOfWindow> {
  const { counts, slices } = await readQuestion(reader, workspace, window, COLUMN[by], undefined)
  const all = [...slices].sort(bySize)
  if (all.length <= SLICES_MAX) return { counts, slices: all }
  const kept = all.slice(0, SLICES_MAX)
  const regrouped = await readQuestion(
    reader,
    workspace,
    window,
    COLUMN[by],
    kept.map((slice) => slice.value),
  )
  return { counts, slices: [...kept, ...regrouped.slices.filter((slice) => slice.isOther)] }
}
