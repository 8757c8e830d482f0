import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaneGrid } from '../../processors/growth/pane-grid.ts'
import { MINUTE_MS } from '../../schemas/windows.ts'

/** Pane 0 is far enough from the start of time that intervals may begin before it. */
const FIRST = 30_000_000
const interval = fc.record({
  column: fc.integer({ min: 0, max: 1 }),
  from: fc.integer({ min: FIRST, max: FIRST + 5_000 }),
  length: fc.integer({ min: 1, max: 3_000 }),
  n: fc.integer({ min: -3, max: 5 }),
})
type Interval = { column: number; from: number; length: number; n: number }

/** The definition: a window end has what every interval over it adds. */
const naive = (intervals: readonly Interval[], column: number, end: number) =>
  intervals
    .filter((each) => each.column === column && each.from <= end && end < each.from + each.length)
    .reduce((sum, each) => sum + each.n, 0)

describe('PaneGrid', () => {
  it('has at every end what the intervals over it add, however ends are asked and intervals come', () => {
    const step = fc.oneof(interval, fc.integer({ min: FIRST - 10, max: FIRST + 9_000 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const grid = new PaneGrid(2, MINUTE_MS, 'int32')
        const added: Interval[] = []
        for (const each of steps) {
          if (typeof each === 'number') {
            const cells = grid.at(each)
            expect([cells[0], cells[1]]).toEqual([naive(added, 0, each), naive(added, 1, each)])
          } else {
            added.push(each)
            grid.add(each.column, each.from, each.from + each.length, each.n)
          }
        }
      }),
    )
  })

  it('keeps its answers over a snapshot and over forgetting what is past', () => {
    fc.assert(
      fc.property(
        fc.array(interval, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: FIRST + 1_440, max: FIRST + 6_000 }),
        (intervals, now) => {
          const grid = new PaneGrid(2, MINUTE_MS, 'int32')
          for (const { column, from, length, n } of intervals) grid.add(column, from, from + length, n)
          grid.at(now)
          grid.dropBefore(now)
          const restored = PaneGrid.restore(2, MINUTE_MS, 'int32', structuredClone(grid.snapshot()))
          for (const end of [now, now + 1, now + 700, now + 5_000]) expect(restored.at(end)[0]).toBe(naive(intervals, 0, end))
        },
      ),
    )
  })

  it('refuses an end that it has forgotten', () => {
    const grid = new PaneGrid(1, MINUTE_MS, 'int32')
    grid.add(0, FIRST, FIRST + 10, 1)
    grid.at(FIRST + 10_000)
    grid.dropBefore(FIRST + 10_000)
    expect(() => grid.at(FIRST)).toThrow(RangeError)
  })
})
