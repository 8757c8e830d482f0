/** The first credited signup is the least instant that was credited more often than taken back, whatever came when. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FirstCredit } from '../../processors/growth/first-credit.ts'

const changes = fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom<1 | -1>(1, 1, -1)), { maxLength: 60 })

function leastOf(counts: ReadonlyMap<number, number>): number {
  return Math.min(...[...counts].filter(([, count]) => count > 0).map(([atMs]) => atMs))
}

it('is the least that stands, after every change and after a restart in between', () => {
  fc.assert(
    fc.property(changes, fc.nat(60), (all, restartAt) => {
      let first = new FirstCredit()
      const counts = new Map<number, number>()
      for (const [index, [atMs, sign]] of all.entries()) {
        if (index === restartAt) {
          const snapshot = structuredClone(first.snapshot())
          first = new FirstCredit()
          first.restore(snapshot)
        }
        first.add(atMs, sign)
        counts.set(atMs, (counts.get(atMs) ?? 0) + sign)
        expect(first.ms).toBe(leastOf(counts))
      }
    }),
  )
})

it('stands once no window can start before it', () => {
  const first = new FirstCredit()
  expect(first.settleBefore(10)).toBe(false)
  first.add(5, 1)
  expect([first.settleBefore(5), first.settleBefore(6)]).toEqual([false, true])
  first.add(5, -1)
  first.add(3, 1)
  expect(first.ms).toBe(5)
})
