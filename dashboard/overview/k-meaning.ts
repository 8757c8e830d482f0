/** K in one plain sentence. The wording follows the interval, not the point in it. */
import { formatNumber } from '../components/number-format.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'

export type KVerdict = 'below' | 'around' | 'above' | 'unknown'

/** Referred signups from which K has a number: 1 / sqrt(1 + C) is at most 0.3 (METRICS "K and its interval"). */
export const SIGNUPS_FOR_K = 11
/** Complete referral cycles from which K has a number (METRICS, same place). */
export const CYCLES_FOR_K = 30

/** Where the whole over-dispersed interval lies. */
export function kVerdict({ value, lower_overdispersed: lower, upper_overdispersed: upper }: GrowthMetrics['k_factor']): KVerdict {
  if (value === null || lower === null || upper === null) return 'unknown'
  if (upper < 1) return 'below'
  return lower > 1 ? 'above' : 'around'
}

/** What K says, in a sentence. */
export function kSentence(metrics: GrowthMetrics): string {
  const k = metrics.k_factor
  const brings = `Each user brings ${formatNumber(k.value, 'factor')} others`
  switch (kVerdict(k)) {
    case 'below':
      return `${brings}: growth needs other sources.`
    case 'above':
      return `${brings}: above 1, growth feeds itself.`
    case 'around':
      return `${brings}, give or take: the interval includes 1, so it is open whether growth feeds itself.`
    case 'unknown':
      return missingSentence(metrics)
  }
}

/** Why there is no K yet, and what it takes. */
function missingSentence(metrics: GrowthMetrics): string {
  const reason = metrics.k_factor.reason
  if (reason === 'too_few_signups') {
    const referred = metrics.referred_signups.value ?? 0
    const soFar = `${referred === 0 ? 'no' : formatNumber(referred, 'count')} referred signup${referred === 1 ? '' : 's'}`
    return `This window has ${soFar}. From ${SIGNUPS_FOR_K} on the interval is narrow enough to be worth reading; try a longer window.`
  }
  if (reason === 'too_few_cycles') {
    return `K needs ${CYCLES_FOR_K} complete referrals, where Kappa has seen both the inviter and the invited arrive, to know how long people take to bring others.`
  }
  return 'There is not enough in this window to tell how many others each user brings.'
}
