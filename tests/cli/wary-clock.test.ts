/** The wall clock leaps: what goes into the log is a time that can be believed. */
import { expect, it } from 'vitest'
import { createWaryClock } from '../../cli/wary-clock.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'

const START_MS = Date.UTC(2026, 2, 2)
const YEAR_MS = 365 * DAY_MS

function machine(startMs = START_MS) {
  const told: string[] = []
  let upMs = 5 * HOUR_MS
  let asleepMs = 0
  let aheadMs = 0
  const clock = createWaryClock({
    onError: (message) => told.push(message),
    wallMs: () => startMs + upMs - 5 * HOUR_MS + aheadMs,
    steadyMs: () => upMs - asleepMs,
    uptimeMs: () => upMs,
  })
  return {
    told,
    /** Time by the clock after so much has passed, less what it is in truth. */
    wrongAfter(ms: number): number {
      upMs += ms
      return clock.nowMs() - (startMs + upMs - 5 * HOUR_MS)
    },
    sleep(ms: number) {
      upMs += ms
      asleepMs += ms
    },
    leap(ms: number) {
      aheadMs += ms
    },
  }
}

it('a year ahead and back: time goes on as if nothing was, and both are told once', () => {
  const { told, wrongAfter, leap } = machine()
  expect(wrongAfter(MINUTE_MS)).toBe(0)
  leap(YEAR_MS)
  for (let minute = 0; minute < 9; minute += 1) expect(wrongAfter(MINUTE_MS)).toBe(0)
  leap(-YEAR_MS)
  expect([wrongAfter(1), wrongAfter(HOUR_MS)]).toEqual([0, 0])
  expect(told).toEqual([expect.stringContaining('leapt ahead'), expect.stringContaining('came back')])
})

it('a leap ahead that lasts is believed after ten minutes', () => {
  const { told, wrongAfter, leap } = machine()
  leap(YEAR_MS)
  expect(wrongAfter(1)).toBe(0)
  expect(wrongAfter(10 * MINUTE_MS)).toBe(YEAR_MS)
  expect(wrongAfter(HOUR_MS)).toBe(YEAR_MS)
  expect(told).toEqual([expect.stringContaining('leapt ahead'), expect.stringContaining('is believed now')])
})

it.each([
  ['an hour ahead', [HOUR_MS]],
  ['seven days ahead, which makes nothing late for good', [7 * DAY_MS]],
  ['an hour behind', [-HOUR_MS]],
  ['a year behind, and ahead again', [-YEAR_MS, YEAR_MS]],
])('%s is believed at once', (_, leaps) => {
  const { told, wrongAfter, leap } = machine()
  let wrongMs = 0
  for (const ms of leaps) {
    leap(ms)
    wrongMs += ms
    expect(wrongAfter(MINUTE_MS)).toBe(wrongMs)
  }
  expect(told).toEqual([])
})

it('a machine that starts without the time is set right at once, and one that slept for weeks was not set at all', () => {
  const unset = machine(HOUR_MS)
  unset.leap(56 * YEAR_MS)
  expect(unset.wrongAfter(1)).toBe(56 * YEAR_MS)
  const asleep = machine()
  asleep.sleep(30 * DAY_MS)
  expect(asleep.wrongAfter(1)).toBe(0)
  expect([...unset.told, ...asleep.told]).toEqual([])
})
