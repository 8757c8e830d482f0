/** Sums that values share with the whole: whatever is added, through a snapshot or not, every value has what was added under it. */
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDelta, TotalsRecorder } from '../../processors/growth/totals-delta.ts'
import { WindowTotals, type WindowTotalsSnapshot } from '../../processors/growth/window-totals.ts'
import { DIMENSIONS, type Dimension } from '../../schemas/records.ts'

const FIRST = 30_000_000
const value = fc.constantFrom('', 'a', 'b')
const added = fc.record({ channel: value, campaign: value, variant: fc.constantFrom('', 'a'), n: fc.integer({ min: 1, max: 9 }) })
const step = fc.oneof({ weight: 4, arbitrary: added }, { weight: 1, arbitrary: fc.constant('restart' as const) })
type Added = { channel: string; campaign: string; variant: string; n: number }

/** The definition: what was added under the value, or, for the whole, everything. */
const naive = (all: readonly Added[], dimension: Dimension | '', of: string) =>
  all.filter((each) => dimension === '' || each[dimension] === of).reduce((sum, { n }) => sum + n, 0)

function expectSums(totals: WindowTotals, all: readonly Added[]): void {
  for (const scope of [totals.whole, ...totals.slices()]) {
    const where = `${scope.dimension}:${scope.value}`
    expect(scope.activeUsers(0, FIRST), where).toBe(naive(all, scope.dimension, scope.value))
    if (scope.dimension !== '') expect(scope.countsAt(0, FIRST).revenue, where).toEqual({ EUR: naive(all, scope.dimension, scope.value) })
  }
  const met = DIMENSIONS.flatMap((dimension) => [...new Set(all.map((each) => `${dimension}:${each[dimension]}`))])
  expect([...totals.slices()].map((scope) => `${scope.dimension}:${scope.value}`).sort()).toEqual(met.sort())
}

describe('scopes that share the sums of the whole', () => {
  it('has of each value what was added under it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let totals = new WindowTotals()
        const all: Added[] = []
        for (const each of steps) {
          if (each === 'restart') totals = new WindowTotals(deserialize(serialize(totals.snapshot())) as WindowTotalsSnapshot)
          else {
            all.push(each)
            for (const scope of totals.scopesOf(each)) {
              scope.counts(0).add(0, FIRST, FIRST + 60, each.n)
              scope.money('EUR', 0).add(0, FIRST, FIRST + 60, each.n)
            }
          }
          expectSums(totals, all)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('tells of each value what was added under it, beside what the totals share themselves', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(added, fc.constantFrom('here', 'elsewhere', 'sent')), { maxLength: 12 }), (steps) => {
        const totals = new WindowTotals()
        const recorder = new TotalsRecorder()
        const all: Added[] = []
        for (const [each, where] of steps) {
          for (const scope of (where === 'here' ? totals : recorder).scopesOf(each)) {
            scope.counts(0).add(0, FIRST, FIRST + 60, each.n)
            scope.money('EUR', 0).add(0, FIRST, FIRST + 60, each.n)
          }
          all.push(each)
          if (where === 'sent') send(recorder, totals)
        }
        send(recorder, totals)
        expectSums(totals, all)
      }),
      { numRuns: 40 },
    )
  })
})

function send(from: TotalsRecorder, to: WindowTotals): void {
  const delta = from.take()
  if (delta !== undefined) addDelta(to, JSON.parse(JSON.stringify(delta)))
}
