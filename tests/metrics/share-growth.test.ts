import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTENTS_MIN, GrowthHistory, ShareCurve } from '../../metrics/share-growth.ts'
import { createRandom } from '../../simulate/random.ts'

const DAY_S = 86_400

function curveOf(agesS: readonly number[], horizonS = DAY_S): ShareCurve {
  const curve = new ShareCurve(horizonS)
  for (const ageS of agesS) curve.add(ageS)
  return curve
}

/** Content with `early` shares spread over its first quarter of a day, and `later` over the rest. */
function content(early: number, later: number): number[] {
  const first = Array.from({ length: early }, (_, index) => ((index + 0.5) / early) * (DAY_S / 4))
  const rest = Array.from({ length: later }, (_, index) => DAY_S / 4 + ((index + 0.5) / later) * ((DAY_S * 3) / 4))
  return [...first, ...rest]
}

const ages = fc.array(fc.double({ min: 0, max: 1.2 * DAY_S, noNaN: true }), { maxLength: 60 })

describe('a curve of shares', () => {
  it('counts exactly at halves of the horizon, in any order, and never falls', () => {
    fc.assert(
      fc.property(ages, (agesS) => {
        const curve = curveOf(agesS)
        const backwards = curveOf([...agesS].reverse())
        let before = 0
        for (let ageS = DAY_S / 2 ** 15; ageS <= DAY_S; ageS *= 2) {
          expect(curve.sharesBy(ageS)).toBe(agesS.filter((each) => each <= ageS).length)
          expect(curve.sharesBy(ageS * 0.9)).toBeLessThanOrEqual(curve.sharesBy(ageS))
          expect(curve.sharesBy(ageS)).toBeGreaterThanOrEqual(before)
          expect(backwards.sharesBy(ageS * 0.77)).toBe(curve.sharesBy(ageS * 0.77))
          before = curve.sharesBy(ageS)
        }
        expect(curve.shares).toBe(agesS.filter((each) => each <= DAY_S).length)
        for (const ageS of agesS) curve.add(ageS, -1)
        expect(curve.sharesBy(DAY_S)).toBe(0)
      }),
    )
  })
})

describe('growth by history', () => {
  it.each([
    ['too_little_history', CONTENTS_MIN - 1, content(40, 40), DAY_S / 4],
    ['too_few_shares', 20, content(4, 0), DAY_S / 4],
    ['too_young', 20, [0, 0, 0, 0, 0, 0], 5],
    ['too_young', 20, [0, 0, 0, 0, 0, 0], 0],
  ] as [string, number, number[], number][])('%s', (reason, contents, agesS, atS) => {
    const history = new GrowthHistory(DAY_S)
    for (let index = 0; index < contents; index += 1) history.count(curveOf(content(20 + index, 20)))
    expect(history.forecast(curveOf(agesS.filter((ageS) => ageS <= atS)), atS)).toEqual({ value: null, lower: null, upper: null, reason })
  })

  it('foretells what always happened', () => {
    const history = new GrowthHistory(DAY_S)
    for (let index = 0; index < 15; index += 1) history.count(curveOf(content(10 * (index + 1), 20 * (index + 1))))
    const { value, lower, upper } = history.forecast(curveOf(content(70, 0)), DAY_S / 4)
    // Logarithms are kept to 1/4096.
    expect((value as number) / 210).toBeCloseTo(1, 3)
    expect((lower as number) / 210).toBeCloseTo(1, 2)
    expect((upper as number) / 210).toBeCloseTo(1, 2)
    // At the horizon it is what there is, and close to it little is left.
    expect(history.forecast(curveOf(content(70, 140)), DAY_S)).toEqual({ value: 210, lower: 210, upper: 210 })
    const late = content(70, 140).filter((ageS) => ageS <= 0.97 * DAY_S)
    expect(history.forecast(curveOf(late), 0.97 * DAY_S).value).toBeGreaterThanOrEqual(late.length)
    expect(history.forecast(curveOf(late), 0.97 * DAY_S).value).toBeLessThan(215)
  })

  it('expects more of what came lately, where it was so before', () => {
    const history = new GrowthHistory(DAY_S)
    const quiet = (size: number) => [...Array.from({ length: size }, (_, index) => index), DAY_S / 5]
    for (let index = 0; index < 12; index += 1) {
      history.count(curveOf(quiet(30 + index)))
      history.count(curveOf(content(30 + index, 60 + index)))
    }
    const gone = history.forecast(curveOf(quiet(40)), DAY_S / 4)
    const going = history.forecast(curveOf(content(41, 0)), DAY_S / 4)
    expect(gone.value).toBeLessThan(50)
    expect(going.value).toBeGreaterThan(100)
  })

  it('is the same whatever the order, and after content came and went', () => {
    fc.assert(
      fc.property(fc.array(ages, { minLength: CONTENTS_MIN, maxLength: 16 }), ages, (contents, other) => {
        const history = new GrowthHistory(DAY_S)
        const backwards = new GrowthHistory(DAY_S)
        for (const agesS of contents) history.count(curveOf(agesS))
        for (const agesS of [other, ...contents].reverse()) backwards.count(curveOf(agesS))
        backwards.count(curveOf(other), -1)
        const live = curveOf(content(9, 0))
        expect(backwards.forecast(live, DAY_S / 4)).toEqual(history.forecast(live, DAY_S / 4))
      }),
      { numRuns: 40 },
    )
  })

  it('has an interval that holds 95 % of log-normal growth', () => {
    const random = createRandom(7)
    // Twelve uniform numbers less six: near enough to a normal one.
    const normal = () => Array.from({ length: 12 }, () => random.uniform()).reduce((a, b) => a + b, -6)
    const history = new GrowthHistory(DAY_S)
    const grown = () => content(100, Math.round(100 * Math.exp(0.5 + 0.4 * normal())))
    for (let index = 0; index < 25; index += 1) history.count(curveOf(grown()))
    const { value, lower, upper } = history.forecast(curveOf(content(100, 0)), DAY_S / 4)
    expect(value).toBeGreaterThan(225)
    expect(value).toBeLessThan(305)
    const later = Array.from({ length: 2000 }, () => grown().length)
    const covered = later.filter((size) => size >= (lower as number) && size <= (upper as number)).length / later.length
    expect(covered).toBeGreaterThan(0.9)
    expect(covered).toBeLessThan(0.99)
  })

  it('refuses a curve to another horizon', () => {
    expect(() => new GrowthHistory(DAY_S).count(new ShareCurve(60))).toThrow(RangeError)
  })
})
