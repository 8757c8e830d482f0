/**
 * K: how many signups one user brings (METRICS "K and its interval"). The renewal equation of Cori, Ferguson, Fraser,
 * Cauchemez (2013), "A new framework and software to estimate time-varying reproduction numbers during epidemics",
 * Am J Epidemiol 178:1505, without a grid: expected referred signups of a window are K x L, so that with a Gamma prior
 * the posterior of K is Gamma too.
 */
import jstat from 'jstat'
import type { KStatistics } from '../schemas/records.ts'
import type { NullReason } from '../schemas/growth-api.ts'
import { DELAY_BIN_MINUTES } from './delay-bins.ts'

/** Gamma prior of K: shape 1, scale 5, so mean 5 and standard deviation 5. */
export const PRIOR_SHAPE = 1
export const PRIOR_RATE = 1 / 5
/** Fewer cycle times than this say too little of the delay distribution. */
export const CYCLES_MIN = 30
/** A delay that fewer people than this have reached is left out of G. */
export const PEOPLE_AT_RISK_MIN = 30
/** Above this coefficient of variation the posterior is too wide to be a headline. */
const COEFFICIENT_OF_VARIATION_MAX = 0.3

export interface KFactor {
  readonly value: number | null
  readonly lower: number | null
  readonly upper: number | null
  readonly lower_overdispersed: number | null
  readonly upper_overdispersed: number | null
  readonly reason?: NullReason
}

/**
 * L, the expected number of referred signups per unit of K.
 *
 * @param cycleCounts cycle times by bin of `DELAY_BIN_MINUTES`
 * @param reachedBy people of the cohort who arrived at least `minutes` before the window's end
 * @param arrivalsBringing people whose referrals after a delay of `minutes` fall inside the window: B(t - d) - B(s - d)
 * @returns null with fewer than 30 cycle times, or when no delay was reached by 30 people
 *
 * The weight of a delay is the number of cycle times there over the people who had time to show it, so that people
 * too young to have shown a long delay do not shorten G.
 */
export function exposure(
  cycleCounts: Int32Array,
  reachedBy: (minutes: number) => number,
  arrivalsBringing: (minutes: number) => number,
): number | null {
  let cycles = 0
  let weightTotal = 0
  let weighted = 0
  for (let bin = 0; bin < cycleCounts.length; bin += 1) {
    const count = cycleCounts[bin] as number
    if (count === 0) continue
    cycles += count
    const minutes = DELAY_BIN_MINUTES[bin] as number
    const atRisk = reachedBy(minutes)
    if (atRisk < PEOPLE_AT_RISK_MIN) continue
    const weight = count / atRisk
    weightTotal += weight
    weighted += weight * arrivalsBringing(minutes)
  }
  if (cycles < CYCLES_MIN || weightTotal === 0) return null
  return weighted / weightTotal
}

/** How much more uneven than Poisson the credits per person are: max(1, sample variance / mean). */
export function dispersionFactor(statistics: KStatistics): number {
  const { credits, credits_squared: squared, people } = statistics
  if (credits === 0 || people < 2) return 1
  const variance = (squared - (credits * credits) / people) / (people - 1)
  return Math.max(1, variance / (credits / people))
}

/** Posterior mean of K alone: what `kFactor` calls `value`, without the cost of its quantiles. */
export function kMean(statistics: KStatistics): { value: number | null; reason?: NullReason } {
  if (statistics.exposure === null) return { value: null, reason: 'too_few_cycles' }
  const shape = PRIOR_SHAPE + statistics.credits
  if (1 / Math.sqrt(shape) > COEFFICIENT_OF_VARIATION_MAX) return { value: null, reason: 'too_few_signups' }
  return { value: shape / (PRIOR_RATE + statistics.exposure) }
}

/** Posterior mean of K with its 95 % credible interval, and the over-dispersed one; null with the reason where too little is known. */
export function kFactor(statistics: KStatistics): KFactor {
  const { value, reason } = kMean(statistics)
  if (value === null || statistics.exposure === null) return { ...UNKNOWN, ...(reason ? { reason } : {}) }
  const shape = PRIOR_SHAPE + statistics.credits
  const rate = PRIOR_RATE + statistics.exposure
  const phi = dispersionFactor(statistics)
  return {
    value,
    lower: jstat.gamma.inv(0.025, shape, 1 / rate),
    upper: jstat.gamma.inv(0.975, shape, 1 / rate),
    lower_overdispersed: jstat.gamma.inv(0.025, shape / phi, phi / rate),
    upper_overdispersed: jstat.gamma.inv(0.975, shape / phi, phi / rate),
  }
}

const UNKNOWN = { value: null, lower: null, upper: null, lower_overdispersed: null, upper_overdispersed: null } as const

/**
 * Turns ages in whole minutes, `[minutes, people]` in any order, into "how many are at least this old".
 * For any-time queries, where the warehouse groups people by age.
 */
export function peopleAtLeast(ages: readonly (readonly [minutes: number, people: number])[]): (minutes: number) => number {
  const sorted = [...ages].sort((a, b) => b[0] - a[0])
  const minutesDescending = Float64Array.from(sorted, (entry) => entry[0])
  const cumulative = new Float64Array(sorted.length + 1)
  for (const [index, entry] of sorted.entries()) cumulative[index + 1] = (cumulative[index] as number) + entry[1]
  return (minutes) => {
    let low = 0
    let high = minutesDescending.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((minutesDescending[middle] as number) >= minutes) low = middle + 1
      else high = middle
    }
    return cumulative[low] as number
  }
}
