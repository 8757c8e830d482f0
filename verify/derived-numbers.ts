/** Numbers that follow from the counts, by METRICS "Growth": worked out again beside what the API serves. */
import type { GrowthMetrics } from '../schemas/growth-api.ts'
import type { GrowthCounts } from '../schemas/records.ts'
import { kPosterior } from './k-posterior.ts'
import type { WholeNumbers } from './window-numbers.ts'

/** A number by name; null where the definition has no value. */
export type NamedNumbers = ReadonlyMap<string, number | null>

/** Ratios and sums of a slice. A ratio whose denominator is 0 is null. */
export function derivedFromCounts(counts: GrowthCounts): NamedNumbers {
  const outreaches = counts.invites_sent + counts.shares
  const referred = counts.via_invite + counts.via_code + counts.via_share + counts.via_referrer
  return new Map<string, number | null>([
    ['outreaches', outreaches],
    ['referred_signups', referred],
    ['participation', ratio(counts.spreaders, counts.active_users)],
    ['outreach_per_spreader', ratio(outreaches, counts.spreaders)],
    ['conversion', ratio(referred, outreaches)],
    ['referral_rate', ratio(referred, counts.active_users)],
    ['viral_coefficient', ratio(referred, counts.spreaders)],
    ['invite_acceptance', ratio(counts.via_invite, counts.invites_sent)],
    ['share_conversion', ratio(counts.via_share, counts.shares)],
  ])
}

/** K, its four bounds and amplification. */
export function derivedFromK({ k }: WholeNumbers): NamedNumbers {
  const estimate = kPosterior(k)
  return new Map<string, number | null>([
    ['k_factor', estimate.value],
    ['k_factor.lower', estimate.lower],
    ['k_factor.upper', estimate.upper],
    ['k_factor.lower_overdispersed', estimate.lower_overdispersed],
    ['k_factor.upper_overdispersed', estimate.upper_overdispersed],
    ['amplification', estimate.value !== null && estimate.value < 1 ? 1 / (1 - estimate.value) : null],
  ])
}

/** What the API serves, under the same names. */
export function servedNumbers(metrics: GrowthMetrics): NamedNumbers {
  const k = metrics.k_factor
  return new Map<string, number | null>([
    ['outreaches', metrics.outreaches.value],
    ['referred_signups', metrics.referred_signups.value],
    ['participation', metrics.participation.value],
    ['outreach_per_spreader', metrics.outreach_per_spreader.value],
    ['conversion', metrics.conversion.value],
    ['referral_rate', metrics.referral_rate.value],
    ['viral_coefficient', metrics.viral_coefficient.value],
    ['invite_acceptance', metrics.invite_acceptance.value],
    ['share_conversion', metrics.share_conversion.value],
    ['k_factor', k.value],
    ['k_factor.lower', k.lower],
    ['k_factor.upper', k.upper],
    ['k_factor.lower_overdispersed', k.lower_overdispersed],
    ['k_factor.upper_overdispersed', k.upper_overdispersed],
    ['amplification', metrics.amplification.value],
  ])
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator
}
