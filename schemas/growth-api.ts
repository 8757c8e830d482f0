/** Shapes of `/v1/growth`, `/v1/growth/series` and `/v1/live` (CONTRACT "HTTP"). */
import { z } from 'zod'
import { DIMENSIONS } from './records.ts'
import { parseDurationMs } from './windows.ts'

/** Why a number is null (METRICS "Growth"): in place of 0 or NaN. */
export const NULL_REASONS = [
  'no_active_users',
  'no_spreaders',
  'no_outreach',
  'no_invites_sent',
  'no_shares',
  'too_few_cycles',
  'too_few_signups',
  'k_at_least_one',
  'k_unknown',
] as const
export type NullReason = (typeof NULL_REASONS)[number]

const reason = z.enum(NULL_REASONS).optional()
export const numberMetric = z.object({ value: z.number().nullable(), reason })
export const moneyMetric = z.object({ value: z.record(z.string(), z.number()), reason })
export const intervalMetric = z.object({
  value: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  lower_overdispersed: z.number().nullable(),
  upper_overdispersed: z.number().nullable(),
  reason,
})

/** Metrics of a slice: everything but K, which belongs to the whole workspace. */
export const sliceMetrics = z.object({
  active_users: numberMetric,
  new_users: numberMetric,
  inviters: numberMetric,
  sharers: numberMetric,
  spreaders: numberMetric,
  invites_sent: numberMetric,
  shares: numberMetric,
  outreaches: numberMetric,
  referred_signups: numberMetric,
  via_invite: numberMetric,
  via_code: numberMetric,
  via_share: numberMetric,
  via_referrer: numberMetric,
  participation: numberMetric,
  outreach_per_spreader: numberMetric,
  conversion: numberMetric,
  referral_rate: numberMetric,
  viral_coefficient: numberMetric,
  invite_acceptance: numberMetric,
  share_conversion: numberMetric,
  revenue: moneyMetric,
  referred_revenue: moneyMetric,
})
export type SliceMetrics = z.infer<typeof sliceMetrics>

export const growthMetrics = sliceMetrics.extend({ k_factor: intervalMetric, amplification: numberMetric })
export type GrowthMetrics = z.infer<typeof growthMetrics>

const breakdownMetrics = sliceMetrics.extend({ k_contribution: numberMetric })
/** One value of the dimension; the dimension's name is the key that holds the value, `(none)` without one. */
export const breakdownRow = z.object({
  channel: z.string().optional(),
  campaign: z.string().optional(),
  variant: z.string().optional(),
  metrics: breakdownMetrics,
})
export type BreakdownRow = z.infer<typeof breakdownRow>

export const windowLength = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, { message: 'must be minutes, hours or days, such as 90m, 24h or 7d' })
/** RFC 3339 with zone, or epoch ms. */
export const instantText = z
  .string()
  .refine((text) => /^\d{1,15}$/.test(text) || z.iso.datetime({ offset: true }).safeParse(text).success, {
    message: 'must be RFC 3339 with a zone (2026-01-31T12:00:00Z) or epoch milliseconds',
  })
/** Whose numbers, and by which key. */
export const scopeParameters = {
  workspace: z.string().min(1).max(200).optional().describe('Admin keys only: another workspace.'),
  key: z.string().optional().describe('The key, where no header can be sent.'),
}
const filters = {
  channel: z.string().min(1).max(200).optional(),
  campaign: z.string().min(1).max(200).optional(),
  variant: z.string().min(1).max(200).optional(),
  ...scopeParameters,
}

export const growthQuery = z.strictObject({
  window: windowLength.default('7d'),
  at: instantText.optional().describe('End of the window; without it the running window.'),
  by: z.enum(DIMENSIONS).optional(),
  ...filters,
})

export const growthResponse = z.object({
  window: z.string(),
  at: z.string().nullable().describe('End of the window; null before the first event.'),
  final: z.boolean(),
  watermark: z.string().nullable(),
  metrics: growthMetrics,
  rows: z.array(breakdownRow),
})
export type GrowthResponse = z.infer<typeof growthResponse>

export const SERIES_METRICS = Object.keys(growthMetrics.shape).filter((name) => name !== 'revenue' && name !== 'referred_revenue')
export const SERIES_POINTS_MAX = 2_000

export const seriesQuery = z.strictObject({
  metric: z
    .string()
    .default('k_factor')
    .refine((name) => SERIES_METRICS.includes(name), { message: `must be one of ${SERIES_METRICS.join(', ')}` }),
  window: windowLength.default('7d'),
  step: windowLength.default('1h'),
  from: instantText.optional(),
  to: instantText.optional(),
  workspace: filters.workspace,
  key: filters.key,
})

export const seriesPoint = z.object({
  at: z.string(),
  value: z.number().nullable(),
  lower: z.number().nullable().optional().describe('The over-dispersed interval, for k_factor.'),
  upper: z.number().nullable().optional(),
  reason,
})
export const seriesResponse = z.object({ metric: z.string(), window: z.string(), step: z.string(), points: z.array(seriesPoint) })
export type SeriesResponse = z.infer<typeof seriesResponse>

/** Data of the SSE event `growth`: the live windows that changed, whole workspace and by channel. */
export const liveGrowth = z.object({
  watermark: z.string().nullable(),
  windows: z.array(growthResponse),
})
export type LiveGrowth = z.infer<typeof liveGrowth>
