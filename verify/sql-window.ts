/** Growth numbers of windows by plain SQL over raw events: no table that the stream derives is read. */
import type { WarehouseReader } from '../schemas/ports/warehouse.ts'
import { DIMENSIONS, type Dimension, type GrowthCounts } from '../schemas/records.ts'
import { recomputation, recomputationScope, windowsOf } from './sql-credits.ts'
import { sqlKStatistics } from './sql-k-statistics.ts'
import { NO_COUNTS, type SliceNumbers, type WindowNumbers, type WindowSpec } from './window-numbers.ts'

type CountColumn = Exclude<keyof GrowthCounts, 'revenue' | 'referred_revenue'>
type CountRow = { w: number | string; dimension: Dimension | ''; value: string } & Record<CountColumn, number | string>

/** ARRAY JOIN that puts a row under the whole workspace and under its value of each dimension. */
const INTO_SLICES = `
ARRAY JOIN ['', 'channel', 'campaign', 'variant'] AS dimension, ['', place_channel, place_campaign, place_variant] AS value
GROUP BY w, dimension, value`

const COUNTS_SQL = recomputation(`
SELECT
  w, dimension, value,
  uniqExact(actor_id) AS active_users,
  countIf(is_signup) AS new_users,
  uniqExactIf(actor_id, type = 'invite') AS inviters,
  uniqExactIf(actor_id, type = 'share') AS sharers,
  uniqExactIf(actor_id, type IN ('invite', 'share')) AS spreaders,
  uniqExactIf(invite_id, type = 'invite') AS invites_sent,
  countIf(type = 'share') AS shares,
  countIf(via = 'invite') AS via_invite,
  countIf(via = 'code') AS via_code,
  countIf(via = 'share') AS via_share,
  countIf(via = 'referrer') AS via_referrer
FROM (
  SELECT
    e.w AS w, e.type AS type, e.actor_id AS actor_id, e.invite_id AS invite_id, s.event_id != '' AS is_signup, s.via AS via,
    if(is_signup, s.channel, e.channel) AS place_channel,
    if(is_signup, s.campaign, e.campaign) AS place_campaign,
    if(is_signup, s.variant, e.variant) AS place_variant
  FROM (SELECT *, ${windowsOf('at')} AS w FROM counted) AS e
  LEFT JOIN signups AS s ON e.event_id = s.event_id
)${INTO_SLICES}`)

interface MoneyRow {
  readonly w: number | string
  readonly dimension: Dimension | ''
  readonly value: string
  readonly currency: string
  readonly revenue: number | string
  readonly referred_revenue: number | string
}

/** Money is of a referred actor when its credited signup has happened by the end of the window. */
const MONEY_SQL = recomputation(`
SELECT w, dimension, value, currency, sum(minor) AS revenue, sumIf(minor, is_referred) AS referred_revenue
FROM (
  SELECT
    m.w AS w, m.currency AS currency, if(m.kind = 'refund', -1, 1) * assumeNotNull(m.amount_minor) AS minor,
    s.actor_id != '' AND s.signup_at <= {ends_ms:Array(Int64)}[m.w] AS is_referred,
    m.channel AS place_channel, m.campaign AS place_campaign, m.variant AS place_variant
  FROM (
    SELECT *, ${windowsOf('at')} AS w FROM counted
    WHERE type = 'conversion' AND amount_minor IS NOT NULL AND currency != ''
  ) AS m
  LEFT JOIN (SELECT actor_id, signup_at FROM signups WHERE via != '') AS s ON m.actor_id = s.actor_id
)${INTO_SLICES}, currency
ORDER BY currency`)

/** Cheap look whether there is any money at all, before the join that tells whose it is. */
const HAS_MONEY_SQL = recomputation(`
SELECT count() AS number FROM counted WHERE amount_minor IS NOT NULL`)

/**
 * Numbers of windows as of their ends, in the order of the windows, from the records below `belowOffsets` of the log
 * (all without it). One walk over the events serves all windows. Slices are sorted by dimension, then value. Rejects as
 * the reader does.
 */
export async function sqlWindows(
  reader: WarehouseReader,
  workspace: string,
  windows: readonly WindowSpec[],
  belowOffsets: readonly number[] = [],
): Promise<WindowNumbers[]> {
  const scope = await recomputationScope(reader, workspace, belowOffsets)
  const params = {
    ...scope,
    starts_ms: windows.map(({ endMs, lengthMs }) => endMs - lengthMs),
    ends_ms: windows.map(({ endMs }) => endMs),
  }
  const counts = windows.map(() => new Map<string, GrowthCounts>())
  for (const row of await reader.select<CountRow>({ workspace, sql: COUNTS_SQL, params })) {
    counts[Number(row.w) - 1]?.set(keyOf(row), countsOf(row))
  }
  const [money] = await reader.select<{ number: number | string }>({
    workspace,
    sql: HAS_MONEY_SQL,
    params: { ...scope },
  })
  const moneyRows = Number(money?.number ?? 0) === 0 ? [] : await reader.select<MoneyRow>({ workspace, sql: MONEY_SQL, params })
  for (const row of moneyRows) {
    const ofWindow = counts[Number(row.w) - 1]
    const before = ofWindow?.get(keyOf(row)) ?? NO_COUNTS
    ofWindow?.set(keyOf(row), {
      ...before,
      revenue: withMoney(before.revenue, row.currency, row.revenue),
      referred_revenue: withMoney(before.referred_revenue, row.currency, row.referred_revenue),
    })
  }
  const statistics = await sqlKStatistics(reader, workspace, windows, scope)
  return statistics.map((k, index) => {
    const ofWindow = counts[index] ?? new Map<string, GrowthCounts>()
    return { whole: { counts: ofWindow.get(keyOf({ dimension: '', value: '' })) ?? NO_COUNTS, k }, slices: slicesOf(ofWindow) }
  })
}

/** Numbers of one window: see `sqlWindows`. */
export async function sqlWindow(
  reader: WarehouseReader,
  workspace: string,
  window: WindowSpec,
  belowOffsets: readonly number[] = [],
): Promise<WindowNumbers> {
  const [numbers] = await sqlWindows(reader, workspace, [window], belowOffsets)
  return numbers as WindowNumbers
}

function keyOf({ dimension, value }: { dimension: string; value: string }): string {
  return `${dimension}=${value}`
}

function countsOf(row: CountRow): GrowthCounts {
  return {
    active_users: Number(row.active_users),
    new_users: Number(row.new_users),
    inviters: Number(row.inviters),
    sharers: Number(row.sharers),
    spreaders: Number(row.spreaders),
    invites_sent: Number(row.invites_sent),
    shares: Number(row.shares),
    via_invite: Number(row.via_invite),
    via_code: Number(row.via_code),
    via_share: Number(row.via_share),
    via_referrer: Number(row.via_referrer),
    revenue: {},
    referred_revenue: {},
  }
}

function withMoney(money: GrowthCounts['revenue'], currency: string, minor: number | string): GrowthCounts['revenue'] {
  return Number(minor) === 0 ? money : { ...money, [currency]: Number(minor) }
}

function slicesOf(counts: ReadonlyMap<string, GrowthCounts>): SliceNumbers[] {
  const slices: SliceNumbers[] = []
  for (const dimension of DIMENSIONS) {
    const prefix = `${dimension}=`
    for (const key of [...counts.keys()].filter((each) => each.startsWith(prefix)).sort()) {
      slices.push({ dimension, value: key.slice(prefix.length), counts: counts.get(key) ?? NO_COUNTS })
    }
  }
  return slices
}
