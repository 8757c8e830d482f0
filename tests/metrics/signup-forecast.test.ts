import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { futureArrivals } from '../../metrics/future-arrivals.ts'
import { discretisedGamma, type GenerationInterval, measuredInterval } from '../../metrics/generation-interval.ts'
import { paceDrift } from '../../metrics/pace-drift.ts'
import { type ForecastScore, scoreForecast, type SignupForecast, signupForecast } from '../../metrics/signup-forecast.ts'
import { createRandom, type Random } from '../../simulate/random.ts'

const MEAN_DELAY = 5
const HORIZON = 7

interface Growth {
  readonly k: number
  readonly dispersion: number | null
  readonly importedPerStep: number
}

function givenInterval(): GenerationInterval {
  const interval = discretisedGamma(MEAN_DELAY, 3, 40)
  if ('reason' in interval) throw new Error(interval.reason)
  return interval
}

/** A number of steps after the inviter, drawn from the interval; what it cuts off falls on its last step. */
function drawDelay(random: Random, { weights }: GenerationInterval): number {
  let rest = random.uniform()
  for (const [steps, weight] of weights.entries()) {
    rest -= weight
    if (rest < 0) return steps
  }
  return weights.length - 1
}

/** Every person of a branching process, by step of arrival. */
function simulated(random: Random, { k, dispersion, importedPerStep }: Growth, interval: GenerationInterval, steps: number) {
  const local = new Array<number>(steps).fill(0)
  const imported = Array.from({ length: steps }, () => random.poisson(importedPerStep))
  for (let step = 0; step < steps; step += 1) {
    const people = (local[step] as number) + (imported[step] as number)
    for (let person = 0; person < people; person += 1) {
      const brought = dispersion === null ? random.poisson(k) : random.negativeBinomial(k, dispersion)
      for (let one = 0; one < brought; one += 1) {
        const at = step + drawDelay(random, interval)
        if (at < steps) local[at] = (local[at] as number) + 1
      }
    }
  }
  return { local, imported }
}

function given(forecast: SignupForecast) {
  if ('reason' in forecast) throw new Error(forecast.reason)
  return forecast
}

function shares(score: ForecastScore) {
  return { inside50: score.inside50 / score.steps, inside90: score.inside90 / score.steps }
}

/** Coverage over forecasts of held-back weeks, the interval measured from `cycles` drawn cycle times. */
function coverage(growth: Growth, seeds: number, historySteps: number) {
  const truth = givenInterval()
  let score: ForecastScore = { steps: 0, inside50: 0, inside90: 0 }
  let totals: ForecastScore = score
  const add = (a: ForecastScore, b: ForecastScore) => ({
    steps: a.steps + b.steps,
    inside50: a.inside50 + b.inside50,
    inside90: a.inside90 + b.inside90,
  })
  for (let seed = 0; seed < seeds; seed += 1) {
    const random = createRandom(seed)
    const { local, imported } = simulated(random, growth, truth, historySteps + HORIZON)
    const cycles = 100
    const interval = measuredInterval(
      Array.from({ length: cycles }, () => [drawDelay(random, truth), 1] as const),
      1,
    )
    if ('reason' in interval) throw new Error(interval.reason)
    const history = { local: local.slice(0, historySteps), imported: imported.slice(0, historySteps) }
    const forecast = signupForecast({ ...history, interval, cycles, windowSteps: 14, dispersion: growth.dispersion }, HORIZON)
    if ('reason' in forecast) continue
    const came = local.slice(historySteps).map((count, step) => count + (imported[historySteps + step] as number))
    score = add(score, scoreForecast(forecast.steps, came))
    totals = add(totals, scoreForecast([forecast.total], [came.reduce((sum, count) => sum + count, 0)]))
  }
  return { steps: shares(score), totals: shares(totals), forecasts: totals.steps }
}

describe('arrivals to come', () => {
  it('have the mean and the variance of what a simulation gives', () => {
    const interval = givenInterval()
    const arrivals = [20, 5, 0, 30, 12, 40]
    const [k, dispersion, pace, horizon] = [1.3, 0.3, 6, 6]
    const imported = { mean: pace, stepVariance: pace, meanVariance: 0 }
    const future = futureArrivals(arrivals, interval, k, imported, horizon, 1 / dispersion)
    const random = createRandom(7)
    const runs = 2_000
    const sums = Array.from({ length: horizon + 1 }, () => ({ sum: 0, squares: 0 }))
    for (let run = 0; run < runs; run += 1) {
      const came = new Array<number>(horizon).fill(0)
      for (let step = -arrivals.length; step < horizon; step += 1) {
        if (step >= 0) came[step] = (came[step] as number) + random.poisson(pace)
        const people = step < 0 ? (arrivals[arrivals.length + step] as number) : (came[step] as number)
        // The rates of n people sum to a gamma of n times the shape.
        const rate = people === 0 ? 0 : random.gamma(dispersion * people, k / dispersion)
        for (let later = Math.max(0, step + 1); later < horizon; later += 1) {
          came[later] = (came[later] as number) + random.poisson(rate * (interval.weights[later - step] as number))
        }
      }
      for (const [index, count] of [...came, came.reduce((sum, each) => sum + each, 0)].entries()) {
        const cell = sums[index] as { sum: number; squares: number }
        cell.sum += count
        cell.squares += count * count
      }
    }
    for (const [index, { mean, variance }] of [...future.steps, future.total].entries()) {
      const { sum, squares } = sums[index] as { sum: number; squares: number }
      expect(Math.abs(sum / runs - mean)).toBeLessThan(4 * Math.sqrt(variance / runs))
      expect(squares / runs - (sum / runs) ** 2).toBeGreaterThan(0.88 * variance)
      expect(squares / runs - (sum / runs) ** 2).toBeLessThan(1.12 * variance)
    }
  })
})

describe('the drift of a pace', () => {
  const window = (count: number, excess = 1) => ({ count, exposure: 10, excess })

  it('is none where chance explains the changes, or nothing is known', () => {
    expect(paceDrift([])).toBe(0)
    expect(paceDrift([window(5)])).toBe(0)
    expect(paceDrift([window(100), window(108), window(95), window(100)])).toBe(0)
    expect(paceDrift([window(100, 60), window(200, 60), window(100, 60)])).toBe(0)
    expect(paceDrift([window(0), window(0)])).toBe(0)
  })

  it('is the square of the change of the logarithm where much was counted', () => {
    expect(paceDrift([window(1e6), window(2e6), window(1e6), window(0.5e6)])).toBeCloseTo(Math.LN2 ** 2, 3)
  })
})

describe('the forecast', () => {
  const interval = givenInterval()
  const steady = { local: new Array<number>(40).fill(30), imported: new Array<number>(40).fill(20) }
  const settings = { interval, cycles: null, windowSteps: 14, dispersion: null }

  it('goes on as it went when everything is steady', () => {
    for (const band of given(signupForecast({ ...steady, ...settings }, 5)).steps) {
      expect(band.median).toBeGreaterThan(47)
      expect(band.median).toBeLessThan(53)
      expect(band.lower90).toBeGreaterThan(33)
      expect(band.upper90).toBeLessThan(68)
    }
  })

  it('has bands in order, whatever came', () => {
    const count = fc.nat({ max: 60 })
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), { minLength: 30, maxLength: 40 }), (steps) => {
        const series = { local: steps.map(([local]) => local + 1), imported: steps.map(([, imported]) => imported) }
        const plain = given(signupForecast({ ...series, ...settings }, 3))
        for (const { lower90, lower50, median, upper50, upper90 } of [...plain.steps, plain.total]) {
          const ascending = [0, lower90, lower50, median, upper50, upper90]
          expect(ascending).toEqual([...ascending].sort((a, b) => a - b))
        }
      }),
      { numRuns: 5 },
    )
  })

  it('is wider for uneven referrals, for an interval from few cycle times, and after restless weeks', () => {
    const widthOf = (forecast: SignupForecast) => given(forecast).total.upper90 - given(forecast).total.lower90
    const plain = widthOf(signupForecast({ ...steady, ...settings }, 7))
    expect(widthOf(signupForecast({ ...steady, ...settings, dispersion: 0.2 }, 7))).toBeGreaterThan(1.3 * plain)
    const restless = steady.local.map((count, step) => (Math.floor((step - 40) / 14) % 2 === 0 ? 2 * count : count))
    expect(widthOf(signupForecast({ ...settings, local: restless, imported: steady.imported }, 7))).toBeGreaterThan(2 * plain)
    const growing = Array.from({ length: 40 }, (_, step) => Math.round(10 * 1.1 ** step))
    const width = (cycles: number | null) =>
      widthOf(signupForecast({ ...settings, local: growing, imported: growing.map(() => 1), cycles }, 14))
    expect(width(30)).toBeGreaterThan(width(null))
  })

  it('says why there is none', () => {
    const none = new Array<number>(40).fill(0)
    expect(signupForecast({ ...settings, local: none, imported: steady.imported }, 3)).toEqual({ reason: 'too_few_signups' })
    expect(signupForecast({ ...settings, local: [0, 20, 20, 20], imported: [9, 0, 0, 0], windowSteps: 2 }, 3)).toEqual({
      reason: 'before_mean_interval',
    })
    const onlyLater = [...none.slice(1), 50]
    expect(signupForecast({ ...settings, local: onlyLater, imported: none }, 3)).toEqual({ reason: 'no_exposure' })
    expect(() => signupForecast({ ...steady, ...settings, windowSteps: 40 }, 3)).toThrow(RangeError)
    expect(() => signupForecast({ ...steady, ...settings, windowSteps: 0 }, 3)).toThrow(RangeError)
  })

  it('scores the steps that it has', () => {
    const band = { median: 5, lower50: 4, upper50: 6, lower90: 2, upper90: 9 }
    expect(scoreForecast([band, band, band, band], [4, 9, 10])).toEqual({ steps: 3, inside50: 1, inside90: 2 })
  })

  it.each<[Growth, number]>([
    [{ k: 0.7, dispersion: null, importedPerStep: 8 }, 50],
    [{ k: 0.95, dispersion: 0.2, importedPerStep: 8 }, 50],
    [{ k: 1.3, dispersion: null, importedPerStep: 3 }, 40],
    [{ k: 1.3, dispersion: 0.2, importedPerStep: 3 }, 40],
  ])('covers held-back weeks of %o', (growth, historySteps) => {
    const seeds = Number(process.env['KAPPA_FORECAST_SEEDS'] ?? 14)
    const seen = coverage(growth, seeds, historySteps)
    if (process.env['KAPPA_PRINT_FIGURES'] === '1') process.stdout.write(`${JSON.stringify({ growth, seen })}\n`)
    expect(seen.forecasts).toBeGreaterThan(0.9 * seeds)
    expect(seen.steps.inside50).toBeGreaterThan(0.4)
    expect(seen.steps.inside50).toBeLessThan(0.7)
    expect(seen.steps.inside90).toBeGreaterThan(0.82)
    expect(seen.steps.inside90).toBeLessThan(0.98)
  })
})
