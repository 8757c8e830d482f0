/** Growth numbers of one window by plain SQL over raw events: no table that the stream derives is read. */
import type { WarehouseReader } from '../schemas/ports/warehouse.ts'
import { DIMENSIONS, type Dimension, type GrowthCounts } from '../schemas/records.ts'
import { recomputation } from './sql-credits.ts'
import { sqlKStatistics } from './sql-k-statistics.ts'
import { NO_COUNTS, type SliceNumbers, type WindowNumbers, type WindowSpec } from './window-numbers.ts'

type CountColumn = Exclude<keyof GrowthCounts, 'revenue' | 'referred_revenue'>
type CountRow = { dimension: Dimension | ''; value: string } & Record<CountColumn, number | string>

/** ARRAY JOIN that puts a row under the whole workspace and under its value of each dimension. */
const INTO_SLICES = `
ARRAY JOIN ['', 'channel', 'campaign', 'variant'] AS dimension, ['', place_channel, place_campaign, place_variant] AS value
GROUP BY dimension, value`

const COUNTS_SQL = recomputation(`
SELECT
  dimension, value,
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
    e.type AS type, e.actor_id AS actor_id, e.invite_id AS invite_id, s.event_id != '' AS is_signup, s.via AS via,
    if(is_signup, s.channel, e.channel) AS place_channel,
    if(is_signup, s.campaign, e.campaign) AS place_campaign,
    if(is_signup, s.variant, e.variant) AS place_variant
  FROM (SELECT * FROM counted WHERE at > {start_ms:Int64} AND at <= {end_ms:Int64}) AS e
  LEFT JOIN signups AS s ON e.event_id = s.event_id
)${INTO_SLICES}`)

interface MoneyRow {
  readonly dimension: Dimension | ''
  readonly value: string
  readonly currency: string
  readonly revenue: number | string
  readonly referred_revenue: number | string
}

const MONEY_SQL = recomputation(`
SELECT dimension, value, currency, sum(minor) AS revenue, sumIf(minor, is_referred) AS referred_revenue
FROM (
  SELECT
    currency, if(kind = 'refund', -1, 1) * assumeNotNull(amount_minor) AS minor,
    actor_id IN (SELECT actor_id FROM signups WHERE via != '' AND signup_at <= {end_ms:Int64}) AS is_referred,
    channel AS place_channel, campaign AS place_campaign, variant AS place_variant
  FROM counted
  WHERE type = 'conversion' AND amount_minor IS NOT NULL AND currency != '' AND at > {start_ms:Int64} AND at <= {end_ms:Int64}
)${INTO_SLICES}, currency
ORDER BY currency`)

/** Cheap look whether there is any money at all, before the join that tells whose it is. */
const HAS_MONEY_SQL = recomputation(`
SELECT count() AS number FROM counted
WHERE amount_minor IS NOT NULL AND at > {start_ms:Int64} AND at <= {end_ms:Int64}`)

/**
 * Numbers of one window as of its end, from the records below `belowOffsets` of the log (all without it). Slices are
 * sorted by dimension, then value. Rejects as the reader does.
 */
export async function sqlWindow(
  reader: WarehouseReader,
  workspace: string,
  window: WindowSpec,
  belowOffsets: readonly number[] = [],
): Promise<WindowNumbers> {
  const params = { start_ms: window.endMs - window.lengthMs, end_ms: window.endMs, below_offsets: belowOffsets }
  const counts = new Map<string, GrowthCounts>()
  for (const row of await reader.select<CountRow>({ workspace, sql: COUNTS_SQL, params })) {
    counts.set(keyOf(row), countsOf(row))
  }
  const [money] = await reader.select<{ number: number | string }>({ workspace, sql: HAS_MONEY_SQL, params })
  const moneyRows = Number(money?.number ?? 0) === 0 ? [] : await reader.select<MoneyRow>({ workspace, sql: MONEY_SQL, params })
  for (const row of moneyRows) {
    const before = counts.get(keyOf(row)) ?? NO_COUNTS
    counts.set(keyOf(row), {
      ...before,
      revenue: withMoney(before.revenue, row.currency, row.revenue),
      referred_revenue: withMoney(before.referred_revenue, row.currency, row.referred_revenue),
    })
  }
  const k = await sqlKStatistics(reader, workspace, window, belowOffsets)
  return { whole: { counts: counts.get(keyOf({ dimension: '', value: '' })) ?? NO_COUNTS, k }, slices: slicesOf(counts) }
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
