import { afterEach, expect, it, vi } from 'vitest'
import { createSteadyClock } from '../../cli/steady-clock.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

it('a jump of the wall clock changes nothing of what has passed', async () => {
  const clock = createSteadyClock()
  const before = clock.nowMs()
  expect(Math.abs(before - Date.now())).toBeLessThan(60_000)
  for (const jumpMs of [3_600_000, -365 * 86_400_000]) {
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + jumpMs)
    await new Promise((done) => setTimeout(done, 5))
    const passed = clock.nowMs() - before
    expect(passed).toBeGreaterThan(0)
    expect(passed).toBeLessThan(60_000)
    vi.restoreAllMocks()
  }
})
