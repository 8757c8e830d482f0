/**
 * Growth at a constant rate: the rate of a series of counts, the reproduction number behind it, and how long a doubling
 * takes. Euler-Lotka: R x sum of g(delay) x exp(-rate x delay) = 1. Pure.
 */
import type { GenerationInterval, WeightedDelays } from './generation-interval.ts'
import { infectiousness } from './reproduction-number.ts'

/** Half of the 95 % quantile of chi-square with one degree of freedom: how far a log likelihood may fall. */
const LIKELIHOOD_DROP_95 = 1.920_729_410_347_062
const ITERATIONS_MAX = 200
const PRECISION = 1e-13

export interface Estimate {
  readonly value: number
  readonly lower: number
  readonly upper: number
}

/**
 * Growth rate per step of counts by step: Poisson regression of the counts on exp(level + rate x step), with the 95 %
 * interval of the profile likelihood. Null when it is unbounded: with fewer than two steps that hold anything.
 *
 * Given the total, the counts are multinomial with probabilities in proportion to exp(rate x step), so that the level
 * drops out; the log likelihood is concave in the rate.
 */
export function growthRate(counts: readonly number[]): Estimate | null {
  if (counts.filter((count) => count > 0).length < 2) return null
  const total = counts.reduce((sum, count) => sum + count, 0)
  const meanStep = counts.reduce((sum, count, step) => sum + count * step, 0) / total
  // Mean of the step under the rate, and the log of the normalising sum.
  const under = (rate: number) => {
    const last = counts.length - 1
    const pivot = rate > 0 ? last : 0
    let sum = 0
    let weighted = 0
    for (let step = 0; step <= last; step += 1) {
      const weight = Math.exp(rate * (step - pivot))
      sum += weight
      weighted += weight * step
    }
    return { mean: weighted / sum, logSum: Math.log(sum) + rate * pivot }
  }
  const logLikelihood = (rate: number) => total * (rate * meanStep - under(rate).logSum)
  const value = rootBetween(
    (rate) => meanStep - under(rate).mean,
    bracket(0, 1, (rate) => meanStep - under(rate).mean),
  )
  const floor = logLikelihood(value) - LIKELIHOOD_DROP_95
  const above = (rate: number) => logLikelihood(rate) - floor
  return {
    value,
    lower: rootBetween(above, [outwards(value, -1, above), value]),
    upper: rootBetween(above, [value, outwards(value, 1, above)]),
  }
}

/**
 * R of a population that grows at `rate` per step, the delay spread evenly within each step: Wallinga and Lipsitch
 * (2007), Proc R Soc B 274:599, equation 3.6. The weight of k steps stands for delays from k to k + 1, as in the R0 package.
 */
export function reproductionOfRate(rate: number, { weights }: GenerationInterval): number {
  if (rate === 0) return 1 / weights.reduce((sum, weight) => sum + weight, 0)
  const transform = weights.reduce((sum, weight, k) => sum + weight * Math.exp(-rate * k), 0)
  return rate / (transform * -Math.expm1(-rate))
}

/**
 * R by maximum likelihood for counts by step of which each brought the later ones: White and Pagano (2008), Stat Med
 * 27:2999; the counts of later steps are Poisson with mean R x Lambda, so that R = sum of counts / sum of Lambda. The
 * interval is that of the likelihood ratio, 95 % with the default drop of the log likelihood. (The R0 package lets it drop
 * by 3.84, twice as far, so that its "95 %" is 99.4 %.) Null without later arrivals or without exposure.
 */
export function likelihoodReproduction(
  counts: readonly number[],
  interval: GenerationInterval,
  likelihoodDrop: number = LIKELIHOOD_DROP_95,
): Estimate | null {
  const exposure = infectiousness(counts, interval).reduce((sum, lambda) => sum + lambda, 0)
  const later = counts.slice(1).reduce((sum, count) => sum + count, 0)
  if (later === 0 || exposure === 0) return null
  const value = later / exposure
  const above = (reproduction: number) => later * Math.log(reproduction / value) - (reproduction - value) * exposure + likelihoodDrop
  return {
    value,
    lower: rootBetween(above, [value * Math.exp(-1 - likelihoodDrop / later), value]),
    upper: rootBetween(above, [value, outwards(value, value, above)]),
  }
}

export type DoublingTime =
  | { readonly value: number }
  | { readonly value: null; readonly reason: 'k_unknown' | 'k_at_most_one' | 'too_few_cycles' }

/**
 * How long a doubling of the users takes while each brings K more: ln 2 / rate with the rate from Euler-Lotka over the
 * whole distribution of delays. In the unit of the delays. (Median delay x ln 2 / ln K reads 12 % short at K = 1.2 with
 * delays of two exponential stages: the late ones count too.)
 */
export function doublingTime(k: number | null, delays: WeightedDelays): DoublingTime {
  if (k === null) return { value: null, reason: 'k_unknown' }
  if (!(k > 1)) return { value: null, reason: 'k_at_most_one' }
  const known = [...delays].filter(([, weight]) => weight > 0)
  const total = known.reduce((sum, [, weight]) => sum + weight, 0)
  const mean = known.reduce((sum, [delay, weight]) => sum + delay * weight, 0) / total
  if (!(mean > 0)) return { value: null, reason: 'too_few_cycles' }
  const surplus = (rate: number) => (k / total) * known.reduce((sum, [delay, weight]) => sum + weight * Math.exp(-rate * delay), 0) - 1
  // By Jensen's inequality the rate is at least ln K / mean delay.
  const least = Math.log(k) / mean
  return { value: Math.LN2 / rootBetween(surplus, [least, outwards(least, least, surplus)]) }
}

type Bracket = readonly [low: number, high: number]

/** Two points around the root of a falling function, found by doubling steps from `start`. */
function bracket(start: number, step: number, falling: (at: number) => number): Bracket {
  return falling(start) > 0 ? [start, outwards(start, step, falling)] : [outwards(start, -step, (at) => -falling(at)), start]
}

/** The first of start + step, + 2 step, + 4 step, ... at which `positive` is positive no more. */
function outwards(start: number, step: number, positive: (at: number) => number): number {
  let reach = step
  for (let tries = 0; tries < ITERATIONS_MAX && positive(start + reach) > 0; tries += 1) reach *= 2
  return start + reach
}

/** The point between two of unlike sign at which the function is 0, by bisection; relative precision 1e-13. */
function rootBetween(of: (at: number) => number, [from, to]: Bracket): number {
  let low = from
  let high = to
  const lowSign = Math.sign(of(low))
  for (let tries = 0; tries < ITERATIONS_MAX && high - low > PRECISION * Math.max(Math.abs(low), Math.abs(high)); tries += 1) {
    const middle = (low + high) / 2
    if (Math.sign(of(middle)) === lowSign) low = middle
    else high = middle
  }
  return (low + high) / 2
}
