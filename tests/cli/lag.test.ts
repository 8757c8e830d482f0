/** For how long records have been waiting to be readable, as looks from time to time can tell. */
import { expect, it } from 'vitest'
import { lagOf, watchLag } from '../../cli/lag-metrics.ts'

it('is the number of records that stand in the log and are not readable', () => {
  expect(lagOf([10, 5], [7, 5])).toBe(3)
  expect(lagOf([10, 5], [])).toBe(15)
  // A partition that was read on before its end was asked for takes nothing from the others.
  expect(lagOf([10, 5], [7, 9])).toBe(3)
})

it('begins when the oldest of them was seen first, also while others come all the time', () => {
  let nowMs = 0
  const lag = watchLag({ nowMs: () => nowMs })
  const at = (ms: number, ends: number[], committed: number[]) => {
    nowMs = ms
    return lag(ends, committed)
  }
  expect(at(0, [0, 0], [0, 0])).toEqual({ events: 0, ms: 0 })
  expect(at(1_000, [10, 5], [0, 0])).toEqual({ events: 15, ms: 0 })
  expect(at(2_000, [20, 9], [0, 5])).toEqual({ events: 24, ms: 1_000 })
  expect(at(3_000, [30, 9], [10, 5])).toEqual({ events: 24, ms: 1_000 }) // what was seen at 1 s is in
  expect(at(4_000, [40, 9], [30, 9])).toEqual({ events: 10, ms: 0 })
  expect(at(9_000, [40, 9], [30, 9])).toEqual({ events: 10, ms: 5_000 })
  expect(at(9_500, [40, 9], [40, 9])).toEqual({ events: 0, ms: 0 })
  expect(at(9_600, [41, 9], [40, 9])).toEqual({ events: 1, ms: 0 })
})
