/** One check of a scenario against the numbers that somebody worked out. */
import { expect } from 'vitest'
import { kPosterior } from '../../verify/k-posterior.ts'
import { NO_COUNTS, type WindowNumbers } from '../../verify/window-numbers.ts'
import type { ScenarioCheck } from './scenario.ts'

export function expectCheck(check: ScenarioCheck, numbers: WindowNumbers): void {
  const { slice, window, at } = check
  const where = `${window} at ${at}${slice ? `, ${slice.dimension}=${slice.value}` : ''}`
  const found = slice
    ? (numbers.slices.find((each) => each.dimension === slice.dimension && each.value === slice.value)?.counts ?? NO_COUNTS)
    : numbers.whole.counts
  expect(found, where).toMatchObject(check.counts ?? {})
  // toMatchObject would let further currencies pass.
  if (check.counts?.revenue) expect(found.revenue, where).toEqual(check.counts.revenue)
  if (check.counts?.referred_revenue) expect(found.referred_revenue, where).toEqual(check.counts.referred_revenue)
  const { exposure, ...statistics } = check.k ?? {}
  expect(numbers.whole.k, where).toMatchObject(statistics)
  if (exposure === null) expect(numbers.whole.k.exposure, where).toBeNull()
  else if (exposure !== undefined) expect(numbers.whole.k.exposure, where).toBeCloseTo(exposure, 9)
  if (check.kFactor === undefined) return
  const estimate = kPosterior(numbers.whole.k)
  if (typeof check.kFactor === 'string') expect(estimate, where).toMatchObject({ value: null, reason: check.kFactor })
  else expect(estimate.value, where).toBeCloseTo(check.kFactor, 12)
}
