import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { broughtByAge, cohortK } from '../../metrics/cohort-k.ts'
import { DELAY_BIN_MINUTES, delayBinOfMinutes } from '../../metrics/delay-bins.ts'

const DAY = 1_440

/** Cycle times in whole minutes as counts by bin. */
function binned(cycles: readonly number[]): Int32Array {
  const counts = new Int32Array(DELAY_BIN_MINUTES.length)
  for (const minutes of cycles) {
    const bin = delayBinOfMinutes(minutes)
    counts[bin] = (counts[bin] as number) + 1
  }
  return counts
}

const everybody = () => 1_000

describe('what a person has brought by an age', () => {
  it('grows from nothing to all of it in 90 days', () => {
    const brought = broughtByAge(binned(Array.from({ length: 40 }, (_, index) => (index + 1) * 50)), everybody)
    expect(brought?.(0)).toBe(0)
    expect(brought?.(1_000)).toBeCloseTo(0.5, 1)
    expect(brought?.(90 * DAY)).toBe(1)
    expect(brought?.(400 * DAY)).toBe(1)
  })

  it('counts a referral over the people who are old enough for it', () => {
    // A thousand have reached an hour, a hundred a day: the later half is worth ten times the earlier.
    const brought = broughtByAge(binned([...Array<number>(20).fill(60), ...Array<number>(20).fill(1_400)]), (minutes) =>
      minutes > 100 ? 100 : 1_000,
    )
    expect(brought?.(100)).toBeCloseTo(1 / 11, 12)
  })

  it.each([
    ['fewer than 30 cycles', binned(Array<number>(29).fill(60)), everybody],
    ['ages that nobody has reached', binned(Array<number>(40).fill(60)), () => 29],
  ])('is not known with %s', (_, counts, reached) => expect(broughtByAge(counts, reached)).toBeUndefined())

  it('never falls', () => {
    const cycles = fc.array(fc.integer({ min: 1, max: 89 * DAY }), { minLength: 30, maxLength: 60 })
    fc.assert(
      fc.property(cycles, fc.array(fc.double({ min: 0, max: 200 * DAY, noNaN: true }), { minLength: 2 }), (minutes, ages) => {
        const brought = broughtByAge(binned(minutes), everybody)
        const shares = [...ages].sort((a, b) => a - b).map((age) => brought?.(age) ?? Number.NaN)
        for (const [index, share] of shares.entries()) {
          expect(share).toBeGreaterThanOrEqual(shares[index - 1] ?? 0)
          expect(share).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

describe('K of a cohort', () => {
  /** Half of what is to come comes within a day. */
  const brought = (minutes: number) => (minutes >= 90 * DAY ? 1 : minutes >= DAY ? 0.5 : 0.05)

  it.each([
    ['of whom all has come', 80, [[100 * DAY, 100]], { value: 0.8, naive: 0.8, maturity: 1, maturing: false }],
    ['half of which is to come', 40, [[2 * DAY, 100]], { value: 0.8, naive: 0.4, maturity: 0.5, maturing: true }],
    [
      'old and young',
      60,
      [
        [100 * DAY, 50],
        [2 * DAY, 50],
      ],
      { value: 0.8, naive: 0.6, maturity: 0.75, maturing: true },
    ],
    ['too young', 3, [[60, 100]], { value: null, naive: 0.03, maturity: 0.05, maturing: true, reason: 'too_young' }],
    ['of nobody', 0, [], { value: null, naive: null, maturity: null, maturing: false, reason: 'no_arrivals' }],
  ] as const)('%s', (_, referrals, ages, expected) => {
    const found = cohortK(referrals, ages as unknown as [number, number][], brought)
    expect(found).toEqual({ ...expected, ...(found.value === null ? {} : { value: expect.closeTo(expected.value as number, 12) }) })
  })

  it('without a known pace says so', () => {
    expect(cohortK(40, [[2 * DAY, 100]], undefined)).toMatchObject({ value: null, naive: 0.4, reason: 'too_few_cycles' })
  })
})
