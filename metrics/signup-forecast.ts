/**
 * How many will sign up in each of the coming steps: median, 50 % and 90 % bands, from what is known of K, of the
 * generation interval and of the pace of those who come by themselves. Without random draws, so that the same history
 * always gives the same fan. Pure.
 *
 * K has the posterior of `reproductionNumber` over the last steps, its variance widened by what uneven referrals do to
 * the number of credits; it is taken at evenly spaced probabilities. A measured interval is known up to the number of
 * cycle times behind it; it is taken at three points of its mean (Gauss-Hermite), each with the K that belongs to it, since a
 * longer interval means less exposure and so a larger K. For each pair the mean and the variance of every step
 * are exact (future-arrivals.ts), its distribution is taken as a gamma with both; the fan has the quantiles of the mixture.
 */
import jstat from 'jstat'
import { type FutureArrivals, futureArrivals, type ImportedPace, type Moments } from './future-arrivals.ts'
import { gammaQuantile } from './gamma-quantile.ts'
import { type GenerationInterval, intervalOf } from './generation-interval.ts'
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
  const pace = importedPace(history.imported.slice(from))
  const inverseDispersion = history.dispersion === null ? 0 : 1 / history.dispersion
  const mixture: WeightedFuture[] = []
  for (const [interval, probability] of likelyIntervals(history.interval, history.cycles)) {
    const exposure = sumOf([...infectiousness(arrivals, interval).slice(from)])
    if (exposure === 0) return { reason: 'no_exposure' }
    const { shape, scale } = reproductionPosterior(credits, exposure, REPRODUCTION_PRIOR)
    const excess = 1 + shape * scale * inverseDispersion * unevenShare(arrivals, interval, from)
    for (let point = 0; point < K_POINTS; point += 1) {
      const k = gammaQuantile((point + 0.5) / K_POINTS, shape / excess, scale * excess)
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

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** Jeffreys' prior for the mean; counts more uneven than Poisson widen both variances. */
function importedPace(counts: readonly number[]): ImportedPace {
  const mean = (sumOf(counts) + 0.5) / counts.length
  const squares = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0)
  const excess = counts.length > 1 ? Math.max(1, squares / (counts.length - 1) / mean) : 1
  return { mean, stepVariance: mean * excess, meanVariance: (mean * excess) / counts.length }
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
    const sum = sumOf([...tilted])
    return [intervalOf(tilted.map((weight) => weight / sum)), probability]
  })
}

/**
 * Sum over people of (share of their referrals expected inside the window)^2, over the sum of the shares: times K / k it is what
 * uneven referrals add to the variance of the credits, beyond Poisson.
 */
function unevenShare(arrivals: readonly number[], { weights }: GenerationInterval, from: number): number {
  let shares = 0
  let squares = 0
  for (const [step, people] of arrivals.entries()) {
    let share = 0
    const last = Math.min(arrivals.length - 1, step + weights.length - 1)
    for (let later = Math.max(from, step + 1); later <= last; later += 1) share += weights[later - step] as number
    shares += people * share
    squares += people * share * share
  }
  return shares === 0 ? 0 : squares / shares
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
