/** Every number of METRICS "Growth" from the counts of a window: ratios, K, and why one is null. Pure. */
import type { GrowthMetrics, NullReason, SliceMetrics } from '../schemas/growth-api.ts'
import type { GrowthCounts, KStatistics } from '../schemas/records.ts'
import { kFactor } from './k-factor.ts'

type NumberMetric = SliceMetrics['active_users']

function ratio(numerator: number, denominator: number, reason: NullReason): NumberMetric {
  return denominator === 0 ? { value: null, reason } : { value: numerator / denominator }
}

/** Signups credited to somebody else, whatever the cause. */
export function referredSignups(counts: GrowthCounts): number {
  return counts.via_invite + counts.via_code + counts.via_share + counts.via_referrer
}

/** Counts and ratios of one slice (or of the whole) of a window. */
export function deriveSliceMetrics(counts: GrowthCounts): SliceMetrics {
  const referred = referredSignups(counts)
  const outreaches = counts.invites_sent + counts.shares
  return {
    active_users: { value: counts.active_users },
    new_users: { value: counts.new_users },
    inviters: { value: counts.inviters },
    sharers: { value: counts.sharers },
    spreaders: { value: counts.spreaders },
    invites_sent: { value: counts.invites_sent },
    shares: { value: counts.shares },
    outreaches: { value: outreaches },
    referred_signups: { value: referred },
    via_invite: { value: counts.via_invite },
    via_code: { value: counts.via_code },
    via_share: { value: counts.via_share },
    via_referrer: { value: counts.via_referrer },
    participation: ratio(counts.spreaders, counts.active_users, 'no_active_users'),
    outreach_per_spreader: ratio(outreaches, counts.spreaders, 'no_spreaders'),
    conversion: ratio(referred, outreaches, 'no_outreach'),
    referral_rate: ratio(referred, counts.active_users, 'no_active_users'),
    viral_coefficient: ratio(referred, counts.spreaders, 'no_spreaders'),
    invite_acceptance: ratio(counts.via_invite, counts.invites_sent, 'no_invites_sent'),
    share_conversion: ratio(counts.via_share, counts.shares, 'no_shares'),
    revenue: { value: { ...counts.revenue } },
    referred_revenue: { value: { ...counts.referred_revenue } },
  }
}

/** All numbers of the whole workspace: those of a slice, and K with what follows from it. */
export function deriveGrowthMetrics(counts: GrowthCounts, k: KStatistics): GrowthMetrics {
  const factor = kFactor(k)
  return { ...deriveSliceMetrics(counts), k_factor: factor, amplification: amplification(factor.value) }
}

/** Users in the end per user seeded: the geometric series 1 + K + K^2 + ... while K < 1. */
function amplification(k: number | null): NumberMetric {
  if (k === null) return { value: null, reason: 'k_unknown' }
  return k < 1 ? { value: 1 / (1 - k) } : { value: null, reason: 'k_at_least_one' }
}

/** K x the slice's share of the referred signups, so that the slices of a breakdown sum to K. */
export function kContribution(k: number | null, sliceReferred: number, wholeReferred: number): NumberMetric {
  if (k === null) return { value: null, reason: 'k_unknown' }
  return wholeReferred === 0 ? { value: 0 } : { value: (k * sliceReferred) / wholeReferred }
}

/** The counts of a window in which nothing happened. */
export const EMPTY_COUNTS: GrowthCounts = Object.freeze({
  active_users: 0,
  new_users: 0,
  inviters: 0,
  sharers: 0,
  spreaders: 0,
  invites_sent: 0,
  shares: 0,
  via_invite: 0,
  via_code: 0,
  via_share: 0,
  via_referrer: 0,
  revenue: Object.freeze({}),
  referred_revenue: Object.freeze({}),
})
