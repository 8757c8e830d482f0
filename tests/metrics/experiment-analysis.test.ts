/** Results of experiments against published intervals and closed forms, and experiments without a difference looked at after every event. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alwaysValid, unitsFactor } from '../../metrics/always-valid.ts'
import { armInterval, differenceInterval, effectiveTrials } from '../../metrics/arm-interval.ts'
import { addArms, type ArmSums, armValue, armVariance, EMPTY_ARM, type UnitValue, withUnit } from '../../metrics/arm-sums.ts'
import { analyseExperiment, type ExperimentData } from '../../metrics/experiment-analysis.ts'
import { meanPosterior, probabilitiesBest, proportionPosterior } from '../../metrics/probability-best.ts'
import { sampleRatio } from '../../metrics/sample-ratio.ts'
import { NULL_EXPERIMENTS } from '../../simulate/null-experiments.ts'
import { peekAtEveryEvent } from '../../simulate/peeked-experiment.ts'

function armOf(units: readonly UnitValue[]): ArmSums {
  return units.reduce<ArmSums>((sums, unit) => withUnit(sums, null, unit), EMPTY_ARM)
}

/** `successes` of `trials`, each trial a unit of its own. */
function trialsOf(successes: number, trials: number): ArmSums {
  return armOf(Array.from({ length: trials }, (_, index) => ({ numerator: index < successes ? 1 : 0, denominator: 1 })))
}

function meansOf(values: readonly number[]): ArmSums {
  return armOf(values.map((numerator) => ({ numerator, denominator: 1 })))
}

function experiment(arms: Record<string, ArmSums>, overrides: Partial<ExperimentData> = {}): ExperimentData {
  const weighted = Object.entries(arms).map(([arm, sums]) => ({ arm, weight: 1, sums }))
  return { unit: 'actor', metric: 'proportion', control: 'control', arms: weighted, ...overrides }
}

describe('sums of an arm', () => {
  const unit = fc.record({ numerator: fc.integer({ min: -9, max: 9 }), denominator: fc.integer({ min: 0, max: 9 }) })

  it('do not depend on how a unit came to where it stands, nor on how units are divided', () => {
    fc.assert(
      fc.property(fc.array(fc.array(unit, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), fc.nat(12), (histories, cut) => {
        let sums = EMPTY_ARM
        for (const history of histories) {
          for (const [index, value] of history.entries()) sums = withUnit(sums, history[index - 1] ?? null, value)
        }
        const last = histories.map((history) => history.at(-1) as UnitValue)
        expect(sums).toEqual(armOf(last))
        expect(sums).toEqual(addArms(armOf(last.slice(0, cut)), armOf(last.slice(cut))))
      }),
    )
  })

  it('give the variance of a mean, and for uneven units that of a ratio', () => {
    expect(armVariance(meansOf([1, 2, 3, 4]))).toBeCloseTo(5 / 3 / 4, 12)
    const sums = armOf([
      { numerator: 1, denominator: 2 },
      { numerator: 3, denominator: 4 },
      { numerator: 0, denominator: 2 },
    ])
    // R = 1/2, residuals 0, 1, -1: 3/2 x 2 / 8^2.
    expect(armValue(sums)).toBe(0.5)
    expect(armVariance(sums)).toBeCloseTo(3 / 64, 12)
    expect(armVariance(meansOf([1]))).toBeNull()
    expect(armValue(EMPTY_ARM)).toBeNull()
  })
})

describe('intervals of one look', () => {
  // Newcombe 1998, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [10, 10, 0, 10, 0.6075, 1],
  ])('of %i/%i against %i/%i are the published ones', (a, m, b, n, lower, upper) => {
    const interval = differenceInterval(trialsOf(a, m), trialsOf(b, n), 'proportion')
    expect(interval?.lower).toBeCloseTo(lower, 4)
    expect(interval?.upper).toBeCloseTo(upper, 4)
  })

  it('of means are those of Welch', () => {
    const a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    const b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.0, 23.9]
    const interval = differenceInterval(meansOf(a), meansOf(b), 'mean')
    // Means 20.82 and 23.587, variances 7.86743 and 6.41552: 2.049361 standard errors on 27.7136 degrees of freedom.
    expect(interval?.lower).toBeCloseTo(-4.766445, 6)
    expect(interval?.upper).toBeCloseTo(-0.766888, 6)
  })

  it('are wider when the trials of a unit hang together', () => {
    const alone = trialsOf(60, 200)
    const together = armOf(Array.from({ length: 20 }, (_, unit) => ({ numerator: unit < 6 ? 10 : 0, denominator: 10 })))
    expect(armValue(together)).toBe(armValue(alone))
    expect(effectiveTrials(together)).toBeCloseTo(19, 9)
    const width = (sums: ArmSums) => (armInterval(sums, 'proportion')?.upper ?? 0) - (armInterval(sums, 'proportion')?.lower ?? 0)
    expect(width(together) / width(alone)).toBeGreaterThan(2.5)
  })

  it('take the trials of a unit for one where nobody succeeded', () => {
    expect(effectiveTrials(armOf(Array.from({ length: 20 }, () => ({ numerator: 0, denominator: 10 }))))).toBe(20)
  })
})

describe('the probability to be best', () => {
  /** P(B > A) of two beta posteriors with whole shapes, in closed form (Miller, "Formulas for Bayesian A/B testing", 2015). */
  function exactBetter(a1: number, b1: number, a2: number, b2: number): number {
    const logGamma = (n: number) => Array.from({ length: n - 1 }, (_, index) => Math.log(index + 1)).reduce((sum, term) => sum + term, 0)
    const logBeta = (x: number, y: number) => logGamma(x) + logGamma(y) - logGamma(x + y)
    const terms = Array.from({ length: a2 }, (_, i) =>
      Math.exp(logBeta(a1 + i, b1 + b2) - Math.log(b2 + i) - logBeta(1 + i, b2) - logBeta(a1, b1)),
    )
    return terms.reduce((sum, term) => sum + term, 0)
  }

  it.each([
    [0, 0, 0, 0],
    [0, 10, 0, 1],
    [0, 3, 40, 60],
    [30, 70, 40, 60],
    [5, 5, 500, 480],
    [1, 2000, 3, 10],
  ])('of %i/%i and %i/%i is the closed form', (s1, f1, s2, f2) => {
    const [first, second] = probabilitiesBest([proportionPosterior(s1, f1), proportionPosterior(s2, f2)])
    const exact = exactBetter(s1 + 1, f1 + 1, s2 + 1, f2 + 1)
    expect(second).toBeCloseTo(exact, 6)
    expect(first).toBeCloseTo(1 - exact, 6)
  })

  it('of two means is that of the normal difference', () => {
    const [first] = probabilitiesBest([meanPosterior(3, 3), meanPosterior(-2, 4)])
    expect(first).toBeCloseTo(0.8413447460685429, 8) // Phi(5 / 5)
  })

  it('is shared evenly by equal arms, and meets a narrow arm beside a wide one', () => {
    for (const share of probabilitiesBest(Array.from({ length: 4 }, () => proportionPosterior(3, 20)))) expect(share).toBeCloseTo(0.25, 7)
    const [narrow, wide] = probabilitiesBest([meanPosterior(1, 0.001), meanPosterior(0, 1)])
    expect(narrow).toBeCloseTo(0.8413446, 5)
    expect(wide).toBeCloseTo(0.1586554, 5)
  })
})

describe('numbers that are true at every look', () => {
  it('agree: the interval excludes 0 exactly when the p-value is under the level', () => {
    const positive = fc.double({ min: 1e-3, max: 10, noNaN: true })
    fc.assert(
      fc.property(fc.double({ min: -20, max: 20, noNaN: true }), positive, positive, (difference, variance, scale) => {
        const { p_value: p, half_width: half } = alwaysValid(difference, variance, scale, 0.05)
        fc.pre(Math.abs(p - 0.05) > 1e-9)
        expect(Math.abs(difference) > (half ?? Infinity)).toBe(p < 0.05)
      }),
    )
  })

  it('ask for more than one look does', () => {
    for (const scale of [0.1, 1, 3, 10, 100]) expect(alwaysValid(0, 1, scale, 0.05).half_width).toBeGreaterThan(3)
  })

  it('say nothing while nothing varies', () => {
    expect(alwaysValid(0, 0, 1, 0.05)).toEqual({ p_value: 1, half_width: null })
    expect(alwaysValid(0, 1, 0, 0.05)).toEqual({ p_value: 1, half_width: null })
    expect(unitsFactor(0, 1, 0.05)).toBeNull()
  })

  it('tell how many units it takes: there the interval and 0.84 standard errors make up the difference', () => {
    const factor = unitsFactor(4, 0.5, 0.05) ?? 0
    const variance = 4 / factor
    expect((alwaysValid(0, variance, 0.5, 0.05).half_width ?? 0) + 0.8416212 * Math.sqrt(variance)).toBeCloseTo(0.5, 6)
  })

  it.each(NULL_EXPERIMENTS)('hold for $name', (experiment) => {
    const runs = Array.from({ length: 4 }, (_, seed) => peekAtEveryEvent(experiment, seed + 1, 2_500))
    expect(runs.filter((run) => run.falsePositiveAt !== null || run.mismatched)).toEqual([])
    expect(runs.some((run) => run.firstVerdictAt !== null)).toBe(true)
  })
})

describe('shares of units', () => {
  it('give the chi-square p of one look', () => {
    // (5100 - 5000)^2 / 5000 x 2 = 4; two arms, one degree of freedom.
    const even = sampleRatio([
      { units: 5_100, weight: 1 },
      { units: 4_900, weight: 1 },
    ])
    expect(even?.p_value).toBeCloseTo(0.04550026, 7)
    expect(even?.mismatch).toBe(false)
  })

  it.each([
    ['a lost 4 %', [50_000, 48_000], [1, 1], true],
    ['the weights', [30_010, 9_990], [3, 1], false],
    ['the weights of another day', [20_000, 20_000], [3, 1], true],
    ['somebody in a closed arm', [500, 500, 1], [1, 1, 0], true],
    ['nobody in a closed arm', [500, 500, 0], [1, 1, 0], false],
  ])('tell %s', (_, units, weights, mismatch) => {
    expect(sampleRatio(units.map((count, index) => ({ units: count, weight: weights[index] as number })))?.mismatch).toBe(mismatch)
  })

  it('are not judged without units, or with one arm', () => {
    expect(sampleRatio([])).toBeNull()
    expect(sampleRatio([{ units: 5, weight: 1 }])).toBeNull()
  })
})

describe('an analysis', () => {
  const verdictOf = (data: ExperimentData) => analyseExperiment(data).differences.map(({ verdict }) => verdict)

  it.each([
    ['too early with few successes', experiment({ control: trialsOf(0, 1_000), b: trialsOf(19, 1_000) }), ['too_early']],
    ['undecided', experiment({ control: trialsOf(200, 1_000), b: trialsOf(210, 1_000) }), ['no_difference_yet']],
    ['better', experiment({ control: trialsOf(200, 1_000), b: trialsOf(320, 1_000) }), ['better']],
    ['worse', experiment({ control: trialsOf(320, 1_000), b: trialsOf(200, 1_000) }), ['worse']],
    [
      'of each arm',
      experiment({ a: trialsOf(330, 1_000), control: trialsOf(200, 1_000), b: trialsOf(205, 1_000) }),
      ['better', 'no_difference_yet'],
    ],
    ['withheld when shares are wrong', experiment({ control: trialsOf(300, 1_500), b: trialsOf(320, 1_000) }), ['sample_ratio_mismatch']],
  ])('is %s', (_, data, verdicts) => {
    expect(verdictOf(data)).toEqual(verdicts)
  })

  it('is too early while one tree holds most people, however many trees there are', () => {
    const trees = (size: number, referred: number) =>
      armOf([
        { numerator: referred, denominator: size },
        ...Array.from({ length: 999 }, (_, tree) => ({ numerator: tree % 2, denominator: 2 })),
      ])
    expect(verdictOf(experiment({ control: trees(2, 1), b: trees(40_000, 39_000) }, { unit: 'tree' }))).toEqual(['too_early'])
  })

  it('asks more of each arm when there are more of them', () => {
    const [control, b] = [trialsOf(200, 1_000), trialsOf(280, 1_000)]
    const [two] = analyseExperiment(experiment({ control, b })).differences
    const [three] = analyseExperiment(experiment({ control, b, c: control }, { effect: 0.02 })).differences
    const [same] = analyseExperiment(experiment({ control, b }, { effect: 0.02 })).differences
    expect(three?.always_valid_p_value).toBeCloseTo(2 * (same?.always_valid_p_value ?? 0), 12)
    expect(two?.units_needed).toBeGreaterThan(0)
  })

  it('says what was assigned and what that means', () => {
    const arms = { control: trialsOf(2, 10), b: trialsOf(3, 10) }
    expect(analyseExperiment(experiment(arms)).meaning).toMatch(/one by one.*may be in another arm/)
    expect(analyseExperiment(experiment(arms, { unit: 'tree' })).meaning).toMatch(/Whole referral trees/)
  })

  it('is null where there is nothing to say', () => {
    const { arms, differences } = analyseExperiment(experiment({ control: EMPTY_ARM, b: EMPTY_ARM }, { metric: 'mean' }))
    expect(arms).toEqual(
      ['control', 'b'].map((arm) => ({ arm, units: 0, value: null, lower: null, upper: null, probability_best: null, enough: false })),
    )
    expect(differences).toMatchObject([
      { difference: null, lower: null, always_valid_p_value: 1, units_needed: null, verdict: 'too_early' },
    ])
  })

  it('is refused without a control, and for a proportion above 1', () => {
    expect(() => analyseExperiment(experiment({ a: EMPTY_ARM }))).toThrow(RangeError)
    expect(() => analyseExperiment(experiment({ control: armOf([{ numerator: 3, denominator: 1 }]), b: EMPTY_ARM }))).toThrow(RangeError)
  })
})
