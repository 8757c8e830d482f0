import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { caseReproductionByStep, caseReproductionOver } from '../../metrics/case-reproduction-number.ts'
import { DELAY_BIN_MINUTES } from '../../metrics/delay-bins.ts'
import { doublingTime, growthRate, likelihoodReproduction, reproductionOfRate } from '../../metrics/early-growth.ts'
import { gammaQuantile } from '../../metrics/gamma-quantile.ts'
import {
  discretisedGamma,
  type GenerationInterval,
  intervalOf,
  measuredInterval,
  observedDelays,
} from '../../metrics/generation-interval.ts'
import { CYCLES_MIN, exposure, peopleAtLeast } from '../../metrics/k-factor.ts'
import { infectiousness, reproductionNumber, totalArrivals } from '../../metrics/reproduction-number.ts'

function weightsOf(outcome: ReturnType<typeof measuredInterval>): GenerationInterval {
  if ('reason' in outcome) throw new Error(outcome.reason)
  return outcome
}

describe('the generation interval', () => {
  const anyGamma = fc.record({ mean: fc.double({ min: 2, max: 20, noNaN: true }), sd: fc.double({ min: 0.5, max: 10, noNaN: true }) })

  it('of a mean and a deviation sums to 1 and keeps its mean, when it is long enough', () => {
    fc.assert(
      fc.property(anyGamma, ({ mean, sd }) => {
        const { weights } = weightsOf(discretisedGamma(mean, sd, Math.ceil(mean + (25 * sd * sd) / (mean - 1) + 12 * sd)))
        expect(weights[0]).toBe(0)
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6)
        expect(weights.reduce((sum, weight, k) => sum + weight * k, 0) / mean).toBeCloseTo(1, 5)
      }),
      { numRuns: 15 },
    )
  })

  it('is not renormalised where it is cut off', () => {
    const long = weightsOf(discretisedGamma(5, 3, 40)).weights
    expect(weightsOf(discretisedGamma(5, 3, 4)).weights).toEqual(long.slice(0, 5))
  })

  it('needs a mean above one step and a deviation', () => {
    expect(discretisedGamma(1, 0.5, 10)).toEqual({ reason: 'mean_not_above_one_step' })
    expect(discretisedGamma(Number.NaN, 0.5, 10)).toEqual({ reason: 'mean_not_above_one_step' })
    expect(() => discretisedGamma(2, 0, 10)).toThrow(RangeError)
  })

  it('measured: a delay belongs to the step in which it ends, at least the first', () => {
    const delays = [
      [0, 1],
      [10, 1],
      [10.1, 2],
      [100, 4],
    ] as const
    const interval = weightsOf(measuredInterval(delays, 10))
    expect([...interval.weights]).toEqual([0, 2 / 8, 2 / 8, 0, 0, 0, 0, 0, 0, 0, 4 / 8])
    expect(interval.meanSteps).toBeCloseTo(2 / 8 + 4 / 8 + 40 / 8, 12)
  })

  it('measured: the delays behind K, those of few left out', () => {
    const counts = fc.array(fc.tuple(fc.nat({ max: 700 }), fc.integer({ min: 1, max: 20 })), { minLength: 1, maxLength: 12 })
    const ages = fc.array(fc.tuple(fc.nat({ max: 100_000 }), fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(counts, ages, (bins, people) => {
        const cycles = new Int32Array(DELAY_BIN_MINUTES.length)
        for (const [bin, count] of bins) cycles[bin] = count
        const reachedBy = peopleAtLeast(people)
        const bringing = (minutes: number) => 1_000 / (1 + minutes)
        const delays = observedDelays(cycles, reachedBy)
        const total = delays.reduce((sum, [, weight]) => sum + weight, 0)
        const mean = delays.reduce((sum, [minutes, weight]) => sum + weight * bringing(minutes), 0) / total
        const expected = exposure(cycles, reachedBy, bringing)
        if (expected === null) expect(delays).toEqual([])
        else expect(mean / expected).toBeCloseTo(1, 12)
      }),
      { numRuns: 30 },
    )
    const few = new Int32Array(DELAY_BIN_MINUTES.length)
    few[3] = CYCLES_MIN - 1
    expect(observedDelays(few, () => 1_000)).toEqual([])
    few[3] = CYCLES_MIN
    expect(observedDelays(few, () => 1_000)).toEqual([[4, CYCLES_MIN / 1_000]])
  })

  it('measured: no step above a quarter of the mean delay', () => {
    expect(measuredInterval([[40, 3]], 10)).not.toHaveProperty('reason')
    expect(measuredInterval([[40, 3]], 10.01)).toEqual({ reason: 'step_too_long' })
    expect(measuredInterval([], 10)).toEqual({ reason: 'too_few_cycles' })
  })
})

describe('the reproduction number', () => {
  const interval = intervalOf(Float64Array.from([0, 0.5, 0.5]))
  const arrivals = { local: [0, 0, 1, 2, 0, 3], imported: [4, 0, 0, 2, 0, 0] }

  it('counts everybody who came earlier, and only those who were brought', () => {
    expect([...infectiousness(totalArrivals(arrivals), interval)]).toEqual([0, 2, 2, 0.5, 2.5, 2])
    const [estimate] = reproductionNumber(arrivals, interval, [{ from: 2, to: 4 }], { mean: 2, sd: 1 })
    // Shape 4 + 3, rate 2 + 2.5.
    expect(estimate).toMatchObject({ from: 2, to: 4, mean: expect.closeTo(7 / 4.5, 12), sd: expect.closeTo(Math.sqrt(7) / 4.5, 12) })
  })

  it('is withheld with the reason where the field withholds it', () => {
    const late = intervalOf(Float64Array.from([0, 0, 0, 1]))
    const reasons = (windows: { from: number; to: number }[], of: GenerationInterval) =>
      reproductionNumber(arrivals, of, windows).map((outcome) => ('reason' in outcome ? outcome.reason : 'given'))
    expect(
      reasons(
        [
          { from: 1, to: 3 },
          { from: 1, to: 4 },
          { from: 0, to: 4 },
          { from: 4, to: 5 },
        ],
        late,
      ),
    ).toEqual(['before_mean_interval', 'given', 'no_earlier_step', 'no_exposure'])
    expect(() => reasons([{ from: 3, to: 3 }], late)).toThrow(RangeError)
    expect(() => reasons([{ from: 3, to: 7 }], late)).toThrow(RangeError)
  })

  it('has quantiles in order around its median, whatever came', () => {
    const count = fc.nat({ max: 50_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), { minLength: 4, maxLength: 12 }), (steps) => {
        const series = { local: steps.map(([local]) => local), imported: steps.map(([, imported]) => imported + 1) }
        for (const outcome of reproductionNumber(series, interval, [{ from: 2, to: steps.length }])) {
          if ('reason' in outcome) throw new Error(outcome.reason)
          const { lower95, lower90, lower50, median, upper50, upper90, upper95 } = outcome
          const ascending = [0, lower95, lower90, lower50, median, upper50, upper90, upper95]
          expect(ascending).toEqual([...ascending].sort((a, b) => a - b))
        }
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    // Computed with 40 digits.
    [0.5, 1, Math.LN2],
    [0.025, 2.5, 0.415_605_806_743_331_2],
    [0.975, 20, 29.670_853_571_585_6],
    [0.025, 1_999, 1_912.320_626_373_291],
    [0.975, 1_999, 2_087.573_611_361_353],
    [0.025, 2_000.000_001, 1_913.298_710_603_717],
    [0.975, 100_000, 100_620.741_640_773_7],
  ])('quantile %d of a gamma of shape %d', (probability, shape, value) => {
    expect(gammaQuantile(probability, shape, 3) / 3 / value).toBeCloseTo(1, 10)
  })

  it('has quantiles without a step where the way to compute them changes', () => {
    for (const probability of [0.025, 0.25, 0.5, 0.75, 0.975]) {
      const below = gammaQuantile(probability, 2_000 - 1e-9, 1)
      expect(gammaQuantile(probability, 2_000, 1) / below).toBeCloseTo(1, 10)
    }
  })
})

describe('the case reproduction number', () => {
  const interval = intervalOf(Float64Array.from([0, 0.5, 0.5]))
  const arrivals = { local: [0, 1, 3, 0], imported: [2, 0, 0, 0] }

  it('shares those who were brought among those who came earlier', () => {
    // Step 1: Lambda 1, all by step 0. Step 2: Lambda 1.5, 1 of it by step 0 (2 people), 0.5 by step 1.
    const byStep = caseReproductionByStep(arrivals, interval)
    expect(byStep[0]).toBeCloseTo(0.5 + 1, 12)
    expect(byStep[1]).toBeCloseTo(1, 12)
    expect(byStep.slice(2)).toEqual([0, null])
    expect(caseReproductionOver(byStep, arrivals, { from: 0, to: 2 })).toBeCloseTo(4 / 3, 12)
    expect(caseReproductionOver(byStep, arrivals, { from: 3, to: 4 })).toBeNull()
  })

  it('credits everybody who was brought exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { minLength: 2, maxLength: 20 }), (counts) => {
        // Somebody comes by itself at every step, so that each step has somebody who can have brought it.
        const series = { local: counts.map((count, step) => (step === 0 ? 0 : count)), imported: counts.map(() => 1) }
        const byStep = caseReproductionByStep(series, interval)
        const total = totalArrivals(series)
        const brought = byStep.reduce<number>((sum, value, step) => sum + (value ?? 0) * (total[step] as number), 0)
        expect(brought).toBeCloseTo(
          series.local.reduce((sum, count) => sum + count, 0),
          8,
        )
      }),
    )
  })
})

describe('early growth', () => {
  it('finds the rate of an exponential series, up or down', () => {
    for (const rate of [-0.3, 0, 0.01, 0.5, 3]) {
      const estimate = growthRate(Array.from({ length: 12 }, (_, step) => 1_000 * Math.exp(rate * (rate > 0 ? step - 11 : step))))
      expect(estimate?.value).toBeCloseTo(rate, 9)
      expect(estimate?.lower).toBeLessThan(rate)
      expect(estimate?.upper).toBeGreaterThan(rate)
    }
    expect(growthRate([0, 7, 0])).toBeNull()
    expect(growthRate([])).toBeNull()
  })

  it('R of a rate: more in growth, less in decline, 1 for none', () => {
    const interval = intervalOf(Float64Array.from([0, 0.2, 0.5, 0.3]))
    expect(reproductionOfRate(0, interval)).toBeCloseTo(1, 12)
    expect(reproductionOfRate(1e-9, interval)).toBeCloseTo(1, 7)
    expect(reproductionOfRate(0.1, interval)).toBeGreaterThan(1.2)
    expect(reproductionOfRate(-0.1, interval)).toBeLessThan(0.8)
  })

  it('R by likelihood: people over exposure, between its limits', () => {
    const interval = intervalOf(Float64Array.from([0, 0.5, 0.5]))
    const estimate = likelihoodReproduction([10, 10, 20, 30], interval)
    expect(estimate?.value).toBeCloseTo(60 / (5 + 10 + 15), 12)
    expect(estimate?.lower).toBeCloseTo(1.53569154, 6)
    expect(estimate?.upper).toBeCloseTo(2.54961355, 6)
    expect(likelihoodReproduction([10, 0, 0], interval)).toBeNull()
    expect(likelihoodReproduction([0, 5], interval)).toBeNull()
  })

  it('the doubling time is that of the whole distribution of delays', () => {
    // All after the same delay: K per delay, exactly.
    expect(doublingTime(2, [[3_600, 5]])).toEqual({ value: expect.closeTo(3_600, 6) })
    expect(doublingTime(4, [[3_600, 5]])).toEqual({ value: expect.closeTo(1_800, 6) })
    // Exponential delays of mean 1: K = 1 + rate.
    const exponential = Array.from({ length: 4_000 }, (_, i) => [-Math.log(1 - (i + 0.5) / 4_000), 1] as const)
    expect(doublingTime(1.5, exponential).value).toBeCloseTo(Math.LN2 / 0.5, 2)
    expect(doublingTime(1 + 1e-9, exponential).value).toBeGreaterThan(1e8)
    expect(doublingTime(1, exponential)).toEqual({ value: null, reason: 'k_at_most_one' })
    expect(doublingTime(null, exponential)).toEqual({ value: null, reason: 'k_unknown' })
    expect(doublingTime(2, [])).toEqual({ value: null, reason: 'too_few_cycles' })
  })
})
