/** Somebody who has brought others signs up: only window ends from then on are looked at again, and have what they should. */
import { describe, expect, it } from 'vitest'
import { DISPERSION, PANE_WINDOWS, type PaneWindow } from '../../processors/growth/measures.ts'
import { GrowthPeople } from '../../processors/growth/people.ts'
import { SEEN } from '../../processors/growth/presence-panes.ts'
import { SliceTable } from '../../processors/growth/slices.ts'
import { WindowTotals } from '../../processors/growth/window-totals.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'

const START = Date.UTC(2026, 2, 2)
const SIGNUP = START + 5 * HOUR_MS
const HOUR = PANE_WINDOWS[0] as PaneWindow
const CHILDREN = [1, 2, 2, 4].map((hours) => START + hours * HOUR_MS)

/** An inviter who acted at `firstMs`, if ever, and is credited with the children. */
function inviter(firstMs?: number) {
  const totals = new WindowTotals()
  const slices = new SliceTable(totals.scopesOf)
  const slice = slices.indexOf({})
  const people = new GrowthPeople({ slices, totals, sendCredit: () => undefined })
  if (firstMs !== undefined) people.active(0, firstMs, slice, SEEN.share)
  for (const childMs of CHILDREN) people.credited(0, childMs, 1)
  people.settle()
  return { totals, people, slice }
}

const outsideAt = (totals: WindowTotals, atMs: number) =>
  (totals.dispersion[HOUR.index] as WindowTotals['dispersion'][number]).at(atMs / HOUR.paneMs)[DISPERSION.credited_outside_cohort]

describe('an inviter who signs up after its credits', () => {
  it('changes no window end before the signup, when it had acted before', () => {
    const { totals, people, slice } = inviter(START)
    totals.clearDirty(Number.POSITIVE_INFINITY)
    people.signup(0, { atMs: SIGNUP, referrerId: '', via: '' }, slice, 1)
    for (const window of PANE_WINDOWS) expect(totals.kDirtyFrom(window)).toBeGreaterThanOrEqual(SIGNUP / window.paneMs)
  })

  it('is out of the cohort until it arrives', () => {
    const { totals, people, slice } = inviter()
    const ends = CHILDREN.map((childMs) => childMs + HOUR_MS / 2)
    expect(ends.map((endMs) => outsideAt(totals, endMs))).toEqual([1, 1, 1, 1])
    people.signup(0, { atMs: SIGNUP, referrerId: '', via: '' }, slice, 1)
    expect(ends.map((endMs) => outsideAt(totals, endMs))).toEqual([1, 1, 1, 1])
    people.active(0, START + 2 * HOUR_MS, slice, SEEN.share)
    expect(ends.map((endMs) => outsideAt(totals, endMs))).toEqual([1, 0, 0, 0])
    people.credited(0, START + 200 * DAY_MS, 1)
    expect(outsideAt(totals, START + 200 * DAY_MS)).toBe(1)
  })

  it('has the sum of the squares of its credits, taken back or not', () => {
    const { totals, people } = inviter(START)
    const squaresAt = (atMs: number) =>
      (totals.dispersion[HOUR.index] as WindowTotals['dispersion'][number]).at(atMs / HOUR.paneMs)[DISPERSION.credits_squared]
    expect([1, 2, 3, 4].map((hours) => squaresAt(START + hours * HOUR_MS))).toEqual([1, 4, 0, 1])
    people.credited(0, START + 2 * HOUR_MS + 60_000, 1)
    people.credited(0, START + 2 * HOUR_MS, -1)
    people.settle()
    expect([2 * 60, 2 * 60 + 1, 3 * 60].map((minutes) => squaresAt(START + minutes * 60_000))).toEqual([1, 4, 1])
  })
})
