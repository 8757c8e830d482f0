/**
 * How many will sign up in each of the coming steps: median, 50 % and 90 % bands, from what is known of K, of the
 * generation interval and of the pace of those who come by themselves. Without random draws, so that the same history
 * always gives the same fan. Pure.
 *
 * K has the posterior of `reproductionNumber` over the last steps, its variance widened by what uneven referrals do to
 * the number of credits, and by how much K moved from window to window before (pace-drift.ts), as a random walk from
 * the middle of the window to the middle of what is foretold; the pace of those who come by themselves likewise. K is taken at evenly spaced probabilities. A measured interval is known up to the number of
 * cycle times behind it; it is taken at three points of its mean (Gauss-Hermite), each with the K that belongs to it, since a
 * longer interval means less exposure and so a larger K. For each pair the mean and the variance of every step
 * are exact (future-arrivals.ts), its distribution is taken as a gamma with both; the fan has the quantiles of the mixture.
 */
import jstat from 'jstat'
import { type FutureArrivals, futureArrivals, type ImportedPace, type Moments } from './future-arrivals.ts'
import { gammaQuantile } from './gamma-quantile.ts'
import { type GenerationInterval, intervalOf } from './generation-interval.ts'
import { paceDrift, type PaceWindow } from './pace-drift.ts'
import { infectiousness, REPRODUCTION_PRIOR, reproductionPosterior, type StepArrivals, totalArrivals } from './reproduction-number.ts'

export interface ForecastHistory extends StepArrivals {
  readonly interval: GenerationInterval
  /** Cycle times behind a measured interval; null for one that is given. */
  readonly cycles: number | null
  /** The last so many steps tell K and the pace of those who come by themselves. */
  readonly windowSteps: number
  /** k of the credits per person (metrics/dispersion.ts); null when they are not over-dispersed. */
  readonly dispersion: number | null
}

/** Whole people; both ends of a band belong to it. */
export interface ForecastBand {
  readonly median: number
  readonly lower50: number
  readonly upper50: number
  readonly lower90: number
  readonly upper90: number
}

export type SignupForecast =
  | { readonly steps: readonly ForecastBand[]; readonly total: ForecastBand }
  | { readonly reason: 'too_few_signups' | 'no_exposure' | 'before_mean_interval' }

/** How often the outcome lay inside the bands. Adds up over forecasts. */
export interface ForecastScore {
  readonly steps: number
  readonly inside50: number
  readonly inside90: number
}

/** As for K itself (k-factor.ts): above this coefficient of variation too little is known. */
const COEFFICIENT_OF_VARIATION_MAX = 0.3
const K_POINTS = 16
/** What is longer ago says little of how restless K is today. */
const DRIFT_WINDOWS_MAX = 8
/** Of a normal distribution, in standard deviations. */
const INTERVAL_POINTS = [
  [-Math.sqrt(3), 1 / 6],
  [0, 2 / 3],
  [Math.sqrt(3), 1 / 6],
] as const
/** From this shape on the cube root of a gamma variable is taken as normal (Wilson and Hilferty 1931): error under 1e-4. */
const NORMAL_SHAPE_MIN = 50

/**
 * Forecast of the next `horizonSteps` steps after the history, whose last step must be complete.
 *
 * @throws RangeError when the window is not within the history without its first step
 */
export function signupForecast(history: ForecastHistory, horizonSteps: number): SignupForecast {
  const arrivals = totalArrivals(history)
  const from = arrivals.length - history.windowSteps
  if (!(history.windowSteps >= 1 && from >= 1)) throw new RangeError(`no window of ${history.windowSteps} in ${arrivals.length} steps`)
  if (arrivals.length <= history.interval.meanSteps) return { reason: 'before_mean_interval' }
  const credits = sumOf(history.local.slice(from))
  if (1 / Math.sqrt(1 + credits) > COEFFICIENT_OF_VARIATION_MAX) return { reason: 'too_few_signups' }
  const inverseDispersion = history.dispersion === null ? 0 : 1 / history.dispersion
  const windowsAhead = (history.windowSteps + horizonSteps) / 2 / history.windowSteps
  const { drift, importedDrift } = drifts(history, inverseDispersion)
  const pace = importedPace(history.imported.slice(from), importedDrift * windowsAhead)
  const mixture: WeightedFuture[] = []
  for (const [interval, probability] of likelyIntervals(history.interval, history.cycles)) {
    const exposure = sumOf(infectiousness(arrivals, interval).subarray(from))
    if (exposure === 0) return { reason: 'no_exposure' }
    const { shape, scale } = reproductionPosterior(credits, exposure, REPRODUCTION_PRIOR)
    const excess = 1 + shape * scale * inverseDispersion * unevenShare(arrivals, interval, from, arrivals.length)
    const relativeVariance = excess / shape + Math.expm1(drift * windowsAhead)
    for (let point = 0; point < K_POINTS; point += 1) {
      const k = gammaQuantile((point + 0.5) / K_POINTS, 1 / relativeVariance, shape * scale * relativeVariance)
      const future = futureArrivals(arrivals, interval, k, pace, horizonSteps, inverseDispersion)
      mixture.push({ probability: probability / K_POINTS, future })
    }
  }
  return {
    steps: Array.from({ length: horizonSteps }, (_, step) => bandOf(mixture, ({ steps }) => steps[step] as Moments)),
    total: bandOf(mixture, ({ total }) => total),
  }
}

/** Scores a forecast on the arrivals that came, oldest first; steps of which one of the two is not there are left out. */
export function scoreForecast(bands: readonly ForecastBand[], came: readonly number[]): ForecastScore {
  const steps = Math.min(bands.length, came.length)
  const within = (lower: 'lower50' | 'lower90', upper: 'upper50' | 'upper90') =>
    bands.slice(0, steps).filter((band, step) => band[lower] <= (came[step] as number) && (came[step] as number) <= band[upper]).length
  return { steps, inside50: within('lower50', 'upper50'), inside90: within('lower90', 'upper90') }
}

interface WeightedFuture {
  readonly probability: number
  readonly future: FutureArrivals
}

function sumOf(values: Iterable<number>): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

/** Jeffreys' prior for the mean, whose logarithm moves with variance `drift`; counts more uneven than Poisson widen all of it. */
function importedPace(counts: readonly number[], drift: number): ImportedPace {
  const mean = (sumOf(counts) + 0.5) / counts.length
  const excess = excessOf(counts)
  return { mean, stepVariance: mean * excess, meanVariance: (mean * excess) / counts.length + mean * mean * Math.expm1(drift) }
}

/** Variance over mean of counts, at least 1. */
function excessOf(counts: readonly number[]): number {
  const mean = (sumOf(counts) + 0.5) / counts.length
  const squares = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0)
  return counts.length > 1 ? Math.max(1, squares / (counts.length - 1) / mean) : 1
}

/** Variances of the change of log K, and of the log of the imported pace, from a window to the next. */
function drifts(history: ForecastHistory, inverseDispersion: number): { drift: number; importedDrift: number } {
  const { interval, windowSteps } = history
  const arrivals = totalArrivals(history)
  const lambda = infectiousness(arrivals, interval)
  const brought: PaceWindow[] = []
  const imported: PaceWindow[] = []
  for (
    let to = arrivals.length;
    to - windowSteps >= 1 && to > interval.meanSteps && brought.length < DRIFT_WINDOWS_MAX;
    to -= windowSteps
  ) {
    const from = to - windowSteps
    const exposure = sumOf(lambda.subarray(from, to))
    if (exposure === 0) break
    const count = sumOf(history.local.slice(from, to))
    const excess = 1 + (count / exposure) * inverseDispersion * unevenShare(arrivals, interval, from, to)
    brought.push({ count, exposure, excess })
    const others = history.imported.slice(from, to)
    imported.push({ count: sumOf(others), exposure: windowSteps, excess: excessOf(others) })
  }
  return { drift: paceDrift(brought), importedDrift: paceDrift(imported) }
}

/**
 * Sum over people of (share of their referrals expected inside the window)^2, over the sum of the shares: times K / k it
 * is what uneven referrals add to the variance of the window's credits, in parts of the Poisson variance.
 */
function unevenShare(arrivals: readonly number[], { weights }: GenerationInterval, from: number, to: number): number {
  let shares = 0
  let squares = 0
  for (const [step, people] of arrivals.slice(0, to).entries()) {
    const share = sumOf(weights.subarray(Math.max(0, from - step), Math.max(0, to - step)))
    shares += people * share
    squares += people * share * share
  }
  return shares === 0 ? 0 : squares / shares
}

/**
 * The interval with its mean at three points, by its weights times (1 + tilt x (delay - mean)): the direction in which the
 * posterior of a multinomial moves the mean. The standard error of the mean is sd / sqrt(cycles).
 */
function likelyIntervals(interval: GenerationInterval, cycles: number | null): (readonly [GenerationInterval, number])[] {
  const variance = interval.weights.reduce((sum, weight, delay) => sum + weight * (delay - interval.meanSteps) ** 2, 0)
  if (cycles === null || variance === 0) return [[interval, 1]]
  return INTERVAL_POINTS.map(([deviations, probability]) => {
    const tilt = deviations / Math.sqrt(cycles * variance)
    const tilted = interval.weights.map((weight, delay) => weight * Math.max(0, 1 + tilt * (delay - interval.meanSteps)))
    const sum = sumOf(tilted)
    return [intervalOf(tilted.map((weight) => weight / sum)), probability]
  })
}

function bandOf(mixture: readonly WeightedFuture[], momentsOf: (future: FutureArrivals) => Moments): ForecastBand {
  const parts = mixture.map(({ probability, future }) => ({ probability, ...momentsOf(future) }))
  const reach = Math.max(...parts.map(({ mean, variance }) => mean + 12 * Math.sqrt(variance))) + 12
  const quantile = (probability: number) => {
    let low = -1
    let high = Math.ceil(reach)
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (sumOf(parts.map((part) => part.probability * atMost(middle, part))) < probability) low = middle
      else high = middle
    }
    return high
  }
  return { median: quantile(0.5), lower50: quantile(0.25), upper50: quantile(0.75), lower90: quantile(0.05), upper90: quantile(0.95) }
}

/** Probability of at most `count`, by a gamma with these moments, corrected for continuity. */
function atMost(count: number, { mean, variance }: Moments): number {
  const shape = (mean * mean) / variance
  const relative = (count + 0.5) / mean
  if (shape < NORMAL_SHAPE_MIN) return jstat.lowRegGamma(shape, relative * shape)
  return jstat.normal.cdf((Math.cbrt(relative) - 1 + 1 / (9 * shape)) * 3 * Math.sqrt(shape), 0, 1)
}
