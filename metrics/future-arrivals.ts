/**
 * Mean and variance of the arrivals of the coming steps, exactly, when K, the generation interval, the dispersion and the
 * pace of those who come by themselves are given. Pure.
 *
 * Arrivals are a branching process with immigration: each person brings a number of others that is Poisson around a rate
 * of its own, the rates gamma distributed (Lloyd-Smith et al. 2005, Nature 438:355), each of the brought after a delay of
 * its own. So a cohort of n people brings vectors over steps with mean n K w and covariance n (K diag(w) + K^2/k w w'),
 * w the interval; all of that noise is carried on by the renewal equation, X = (I - K W)^-1 (imported + brought by the
 * known + noise), and its parts are uncorrelated.
 */
import type { GenerationInterval } from './generation-interval.ts'

/** How those come whom nobody brought: a mean a step, how much it varies, and how uncertain the mean itself is. */
export interface ImportedPace {
  readonly mean: number
  /** Variance of the count of one step around the mean. */
  readonly stepVariance: number
  /** Variance of what is known of the mean. */
  readonly meanVariance: number
}

export interface Moments {
  readonly mean: number
  readonly variance: number
}

export interface FutureArrivals {
  /** All arrivals of the first coming step, the second, ... */
  readonly steps: readonly Moments[]
  /** Their sum. */
  readonly total: Moments
}

/**
 * @param arrivals all arrivals by step so far, oldest first
 * @param horizon how many steps to look ahead
 * @param inverseDispersion 1 / k; 0 for Poisson
 */
export function futureArrivals(
  arrivals: readonly number[],
  interval: GenerationInterval,
  k: number,
  imported: ImportedPace,
  horizon: number,
  inverseDispersion: number,
): FutureArrivals {
  const weight = (delay: number) => interval.weights[delay] ?? 0
  const lengthMax = interval.weights.length - 1
  const brought = broughtByKnown(arrivals, interval, horizon)
  const lambda = new Float64Array(horizon)
  const mean = new Float64Array(horizon)
  // echo[n]: arrivals n steps after one more arrival, that one included.
  const echo = new Float64Array(horizon)
  for (let step = 0; step < horizon; step += 1) {
    let exposure = brought[step] as number
    let echoed = 0
    for (let delay = 1; delay <= Math.min(step, lengthMax); delay += 1) {
      exposure += weight(delay) * (mean[step - delay] as number)
      echoed += weight(delay) * (echo[step - delay] as number)
    }
    lambda[step] = exposure
    mean[step] = imported.mean + k * exposure
    echo[step] = step === 0 ? 1 : k * echoed
  }
  const echoSum = runningSums(echo)
  const variance = new Float64Array(horizon)
  let totalVariance = imported.meanVariance * echoSum.reduce((sum, value) => sum + value, 0) ** 2
  for (let source = 0; source < horizon; source += 1) {
    const noise = imported.stepVariance + k * (lambda[source] as number)
    totalVariance += noise * (echoSum[horizon - 1 - source] as number) ** 2
    variance[source] = (variance[source] as number) + imported.meanVariance * (echoSum[source] as number) ** 2
    for (let step = source; step < horizon; step += 1) {
      variance[step] = (variance[step] as number) + noise * (echo[step - source] as number) ** 2
    }
  }
  if (inverseDispersion > 0) {
    /** Adds what the unevenness of `people` who arrived at `at` (negative: so many steps ago) does. */
    const addUnevenness = (people: number, at: number) => {
      let whole = 0
      for (let step = Math.max(0, at + 1); step < horizon; step += 1) {
        let carried = 0
        for (let delay = Math.max(1, -at); delay <= Math.min(step - at, lengthMax); delay += 1) {
          carried += weight(delay) * (echo[step - at - delay] as number)
        }
        whole += carried
        variance[step] = (variance[step] as number) + k * k * inverseDispersion * people * carried * carried
      }
      totalVariance += k * k * inverseDispersion * people * whole * whole
    }
    for (let ago = 1; ago <= Math.min(arrivals.length, lengthMax); ago += 1) {
      const people = arrivals[arrivals.length - ago] as number
      if (people > 0) addUnevenness(people, -ago)
    }
    for (let step = 0; step < horizon - 1; step += 1) addUnevenness(mean[step] as number, step)
  }
  return {
    steps: Array.from(mean, (value, step) => ({ mean: value, variance: variance[step] as number })),
    total: { mean: mean.reduce((sum, value) => sum + value, 0), variance: totalVariance },
  }
}

/** Lambda of the coming steps from those who are there already. */
function broughtByKnown(arrivals: readonly number[], { weights }: GenerationInterval, horizon: number): Float64Array {
  return Float64Array.from({ length: horizon }, (_, step) => {
    let sum = 0
    for (let ago = 1; ago <= arrivals.length && ago + step < weights.length; ago += 1) {
      sum += (weights[ago + step] as number) * (arrivals[arrivals.length - ago] as number)
    }
    return sum
  })
}

function runningSums(values: Float64Array): Float64Array {
  let sum = 0
  return values.map((value) => (sum += value))
}
