import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CreditHistogram, dispersion, fractionBehind, TOP_FRACTIONS, topShare } from '../../metrics/dispersion.ts'
import { expectedTopShare, extinctionProbability, poissonQuantile } from '../../metrics/offspring-distribution.ts'

/** Probabilities of 0, 1, ... credits under a negative binomial, times `people`. */
function negativeBinomial(mean: number, k: number, people: number, size = 400): CreditHistogram {
  const rows: [number, number][] = []
  let probability = (k / (k + mean)) ** k
  for (let y = 0; y < size; y += 1) {
    rows.push([y, probability * people])
    probability *= ((k + y) / (y + 1)) * (mean / (k + mean))
  }
  return rows
}

const histograms = fc.array(fc.tuple(fc.nat(40), fc.nat(20)), { minLength: 1, maxLength: 12 })

/** One row for each number of credits, in order, as a plain count would give it. */
function merged(histogram: CreditHistogram): CreditHistogram {
  const people = new Map<number, number>()
  for (const [credits, count] of histogram) people.set(credits, (people.get(credits) ?? 0) + count)
  return [...people].sort((a, b) => a[0] - b[0])
}

describe('top shares', () => {
  it.each<[string, CreditHistogram, number, number | null]>([
    ['nobody was credited', [[0, 12]], 0.2, null],
    ['nobody at all', [], 0.2, null],
    [
      'one person has it all',
      [
        [0, 99],
        [7, 1],
      ],
      0.01,
      1,
    ],
    ['all alike: 20 of 100', [[3, 100]], 0.2, 0.2],
    ['a part of a person is a whole one', [[1, 11]], 0.1, 2 / 11],
    ['a whole number stays itself: 0.1 x 30', [[1, 30]], 0.1, 0.1],
    [
      'a group is cut',
      [
        [0, 5],
        [1, 3],
        [4, 2],
      ],
      0.3,
      9 / 11,
    ],
  ])('%s', (_name, histogram, fraction, expected) => {
    const share = topShare(histogram, fraction)
    if (expected === null) expect(share).toBeNull()
    else expect(share).toBeCloseTo(expected, 14)
  })

  it('are those of the sorted people, however the histogram is written', () => {
    fc.assert(
      fc.property(histograms, fc.constantFrom(...TOP_FRACTIONS, 1), (histogram, fraction) => {
        const people = histogram.flatMap(([credits, count]) => Array.from({ length: count }, () => credits)).sort((a, b) => b - a)
        const total = people.reduce((a, b) => a + b, 0)
        const best = people.slice(0, Math.ceil(Number((fraction * people.length).toFixed(9)))).reduce((a, b) => a + b, 0)
        expect(topShare(histogram, fraction)).toBe(total === 0 ? null : best / total)
      }),
    )
  })

  it('and the people behind a share undo each other for equals', () => {
    expect(fractionBehind([[2, 50]], 0.8)).toBeCloseTo(0.8, 14)
    expect(
      fractionBehind(
        [
          [0, 90],
          [1, 10],
        ],
        0.8,
      ),
    ).toBeCloseTo(0.08, 14)
    expect(fractionBehind([[0, 3]], 0.5)).toBeNull()
    expect(
      fractionBehind(
        [
          [1, 2],
          [3, 1],
        ],
        1,
      ),
    ).toBeCloseTo(1, 14)
  })
})

describe('k of the negative binomial', () => {
  it.each([
    ['too_few_people', [[4, 1]]],
    ['too_few_people', []],
    ['no_referred_signups', [[0, 50]]],
    ['not_overdispersed', [[1, 40]]],
    [
      'not_overdispersed',
      [
        [0, 1],
        [1, 2],
        [2, 1],
      ],
    ],
    // Mean and variance over n are both 1; over n - 1 it would be more.
    [
      'not_overdispersed',
      [
        [0, 3],
        [1, 3],
        [2, 1],
        [3, 1],
      ],
    ],
  ] as [string, CreditHistogram][])('%s', (reason, histogram) => {
    expect(dispersion(histogram)).toEqual({ value: null, lower: null, upper: null, reason })
  })

  it.each([
    [0.3, 0.05],
    [0.95, 0.18],
    [2, 0.5],
    [0.1, 1],
    [1, 3],
    [4, 20],
  ])('of the very distribution (mean %f) is its k, %f', (mean, k) => {
    const { value, lower, upper } = dispersion(negativeBinomial(mean, k, 1e6, 1500))
    expect(value).toBeCloseTo(k, 3)
    expect(lower).toBeLessThan(k)
    expect(upper).toBeGreaterThan(k)
  })

  it('has an interval that is open above where luck alone may have done it', () => {
    const { value, lower, upper } = dispersion([
      [0, 12],
      [1, 5],
      [2, 2],
      [3, 1],
    ])
    expect(value).toBeGreaterThan(1)
    expect(lower).toBeGreaterThan(0)
    expect(upper).toBeNull()
  })

  it('has an interval that narrows as people are added', () => {
    const widths = [200, 2000, 20_000].map((people) => {
      const { lower, upper } = dispersion(negativeBinomial(1, 0.2, people))
      return Math.log((upper as number) / (lower as number))
    })
    // Widths go with 1 / sqrt(n).
    expect((widths[0] as number) / (widths[1] as number)).toBeCloseTo(Math.sqrt(10), 0)
    expect((widths[1] as number) / (widths[2] as number)).toBeCloseTo(Math.sqrt(10), 1)
  })

  it('is one number however the histogram is split, inside its interval, and the best there is', () => {
    const logLikelihood = (histogram: CreditHistogram, k: number) => {
      const people = histogram.reduce((a, [, count]) => a + count, 0)
      const mean = histogram.reduce((a, [each, count]) => a + each * count, 0) / people
      let total = people * k * Math.log(k / (k + mean))
      for (const [each, count] of histogram) {
        let term = each === 0 ? 0 : each * Math.log(mean / (k + mean))
        for (let i = 0; i < each; i += 1) term += Math.log(k + i)
        total += count * term
      }
      return total
    }
    fc.assert(
      fc.property(histograms, (histogram) => {
        const fit = dispersion(histogram)
        expect(dispersion(merged(histogram))).toEqual(fit)
        if (fit.value === null) return
        const best = logLikelihood(histogram, fit.value)
        for (const factor of [0.5, 0.9, 1.1, 2]) expect(logLikelihood(histogram, fit.value * factor)).toBeLessThanOrEqual(best + 1e-7)
        expect(fit.lower).toBeLessThanOrEqual(fit.value)
        if (fit.upper !== null) {
          expect(fit.upper).toBeGreaterThanOrEqual(fit.value)
          expect(best - logLikelihood(histogram, fit.upper)).toBeCloseTo(1.92073, 3)
        }
        expect(best - logLikelihood(histogram, fit.lower as number)).toBeCloseTo(1.92073, 3)
      }),
      { numRuns: 60 },
    )
  })
})

describe('what the distribution foretells', () => {
  it('is that evenly infectious people bring their own share', () => {
    expect(expectedTopShare(1e4, 0.2)).toBeCloseTo(0.2, 1)
    // Exponential (k = 1): the top f bring f (1 - ln f).
    expect(expectedTopShare(1, 0.2)).toBeCloseTo(0.2 * (1 - Math.log(0.2)), 9)
    expect(expectedTopShare(0.5, 0)).toBe(0)
    expect(expectedTopShare(0.5, 1)).toBe(1)
  })

  it('is an end for sure at R <= 1, and a root of the generating function above', () => {
    expect(extinctionProbability(1, 0.3)).toBe(1)
    expect(extinctionProbability(0.5, 0.3, 4)).toBe(1)
    // Geometric (k = 1): 1 / R.
    for (const r of [1.001, 1.5, 3, 40]) expect(extinctionProbability(r, 1)).toBeCloseTo(1 / r, 9)
    expect(extinctionProbability(3, 1, 5)).toBeCloseTo(3 ** -5, 9)
  })

  it.each([
    [0, 0.99, 0],
    [0.5, 0.99, 3],
    [1, 0.99, 4],
    [3, 0.5, 3],
    [20, 0.99, 31],
  ])('Poisson(%f) at %f: %i', (mean, probability, expected) => {
    expect(poissonQuantile(mean, probability)).toBe(expected)
  })
})
