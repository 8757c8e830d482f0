/** Pauses before what broke off is started again. */
import { expect, it } from 'vitest'
import { RestartPauses } from '../../processors/runtime/restart-pauses.ts'

it('double while it breaks off at once, up to a minute, and are short again for what has run for over a minute', () => {
  const pauses = new RestartPauses()
  let nowMs = 5_000_000
  const breakOffAfter = (ranMs: number): number => {
    nowMs += ranMs
    const pauseMs = pauses.brokeOff(nowMs)
    nowMs += pauseMs
    return pauseMs
  }
  expect([0, 10, 500, 59_000, 10, 10, 10, 10, 10].map(breakOffAfter)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ])
  expect([60_000, 10, 3_600_000].map(breakOffAfter)).toEqual([1_000, 2_000, 1_000])
})
