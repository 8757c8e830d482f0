/**
 * The generation interval on a grid of steps: how many steps after the inviter the invited arrives (METRICS
 * "reproduction_number"). Either given by its mean and standard deviation, or measured from cycle times. Pure.
 */
import jstat from 'jstat'
import { DELAY_BIN_MINUTES } from './delay-bins.ts'
import { CYCLES_MIN, PEOPLE_AT_RISK_MIN } from './k-factor.ts'

export interface GenerationInterval {
  /** Probability of a delay of k steps, by k; that of 0 is 0. Sums to less than 1 where a given distribution is cut off. */
  readonly weights: Float64Array
  /** Mean delay in steps. */
  readonly meanSteps: number
}

/** Delays with their weights: counts of cycle times, or counts over the people who had the time to show such a delay. */
export type WeightedDelays = Iterable<readonly [delay: number, weight: number]>

export type GenerationIntervalReason = 'mean_not_above_one_step' | 'step_too_long' | 'too_few_cycles'
export type GenerationIntervalOutcome = GenerationInterval | { readonly reason: GenerationIntervalReason }

/** A step longer than this share of the mean delay puts cause and effect into one step too often. */
const STEP_OF_MEAN_DELAY_MAX = 1 / 4

/**
 * A gamma distribution shifted by one step, as weights for 0 to `lengthSteps` steps: Cori et al. 2013 (Am J Epidemiol
 * 178:1505), web appendix 11. Not renormalised, as there. `mean_not_above_one_step` unless the mean is above 1 step.
 *
 * @throws RangeError when the standard deviation is not above 0
 */
export function discretisedGamma(meanSteps: number, sdSteps: number, lengthSteps: number): GenerationIntervalOutcome {
  if (!(meanSteps > 1)) return { reason: 'mean_not_above_one_step' }
  if (!(sdSteps > 0)) throw new RangeError(`the standard deviation must be above 0, not ${sdSteps}`)
  const shape = ((meanSteps - 1) / sdSteps) ** 2
  const scale = sdSteps ** 2 / (meanSteps - 1)
  const weights = new Float64Array(lengthSteps + 1)
  // Integrals of u^0 and u^1 times the density up to k steps; the weight of k is a second difference of both.
  const mass = (k: number) => (k <= 0 ? 0 : jstat.lowRegGamma(shape, k / scale))
  const moment = (k: number) => (k <= 0 ? 0 : shape * scale * jstat.lowRegGamma(shape + 1, k / scale))
  let massTwoBefore = 0
  let momentTwoBefore = 0
  let massBefore = 0
  let momentBefore = 0
  for (let k = 1; k <= lengthSteps; k += 1) {
    const massHere = mass(k)
    const momentHere = moment(k)
    const weight = k * massHere + (k - 2) * massTwoBefore - 2 * (k - 1) * massBefore + 2 * momentBefore - momentTwoBefore - momentHere
    weights[k] = Math.max(0, weight)
    massTwoBefore = massBefore
    momentTwoBefore = momentBefore
    massBefore = massHere
    momentBefore = momentHere
  }
  return { weights, meanSteps }
}

/**
 * Measured delays in steps of `step` (same unit as the delays): a delay belongs to step max(1, ceil(delay / step)).
 * The weights are normalised. `too_few_cycles` without any weight, `step_too_long` when the step exceeds a quarter of
 * the mean delay.
 */
export function measuredInterval(delays: WeightedDelays, step: number): GenerationIntervalOutcome {
  const sums: number[] = [0]
  let total = 0
  let delayTotal = 0
  for (const [delay, weight] of delays) {
    const steps = Math.max(1, Math.ceil(delay / step))
    while (sums.length <= steps) sums.push(0)
    sums[steps] = (sums[steps] as number) + weight
    total += weight
    delayTotal += delay * weight
  }
  if (total === 0) return { reason: 'too_few_cycles' }
  if (step > (delayTotal / total) * STEP_OF_MEAN_DELAY_MAX) return { reason: 'step_too_long' }
  return intervalOf(Float64Array.from(sums, (sum) => sum / total))
}

/**
 * The delays behind K (METRICS "K and its interval"), in minutes: each bin of cycle times over the people who had time to show it, so that
 * young people do not shorten the interval. Empty with fewer than 30 cycle times; delays that fewer than 30 people have reached are left out.
 *
 * @param cycleCounts cycle times by bin of `DELAY_BIN_MINUTES`
 * @param reachedBy people of the cohort who arrived at least `minutes` before the end
 */
export function observedDelays(
  cycleCounts: Int32Array,
  reachedBy: (minutes: number) => number,
): (readonly [minutes: number, weight: number])[] {
  if (cycleCounts.reduce((sum, count) => sum + count, 0) < CYCLES_MIN) return []
  const delays: (readonly [number, number])[] = []
  for (const [bin, count] of cycleCounts.entries()) {
    const minutes = DELAY_BIN_MINUTES[bin] as number
    const atRisk = count === 0 ? 0 : reachedBy(minutes)
    if (atRisk >= PEOPLE_AT_RISK_MIN) delays.push([minutes, count / atRisk])
  }
  return delays
}

/** An interval from weights by step that are known already. */
export function intervalOf(weights: Float64Array): GenerationInterval {
  return { weights, meanSteps: weights.reduce((sum, weight, k) => sum + k * weight, 0) }
}
