/** What every driver of rate limits must do (schemas/ports/rate-limits.ts). */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { RateLimit, RateLimits } from '../../schemas/ports/rate-limits.ts'

export interface RateLimitsUnderTest {
  readonly name: string
  open(clock: Clock): Promise<{ limits: RateLimits; close(): Promise<void> }>
}

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1)

export function describeRateLimitsContract(driver: RateLimitsUnderTest): void {
  describe(`${driver.name} rate limits`, () => {
    let nowMs = START
    let limits: RateLimits
    let close: () => Promise<void>
    let number = 0
    /** A limit that nothing was counted under before. */
    const limitOf = (max: number, perMs = MINUTE): RateLimit => ({ name: `limit-${++number}`, max, perMs })
    const take = async (limit: RateLimit, key = 'key') => {
      const verdict = await limits.take(limit, key)
      return verdict.isAllowed ? 0 : verdict.retryAfterMs
    }
    const takeMany = async (limit: RateLimit, times: number) => {
      let allowed = 0
      for (let index = 0; index < times; index += 1) if ((await take(limit)) === 0) allowed += 1
      return allowed
    }

    beforeAll(async () => {
      const opened = await driver.open({ nowMs: () => nowMs })
      limits = opened.limits
      close = opened.close
    })
    beforeEach(() => {
      nowMs += 10 * MINUTE
      nowMs -= nowMs % MINUTE
    })
    afterAll(() => close())

    it('lets a quiet key have its whole limit at once, and no more', async () => {
      expect(await takeMany(limitOf(600), 700)).toBe(600)
    })

    it('counts each key and each name for itself', async () => {
      const limit = limitOf(1)
      expect([await take(limit, 'a'), await take(limit, 'b'), await take(limitOf(1), 'a')]).toEqual([0, 0, 0])
      expect(await take(limit, 'a')).toBeGreaterThan(0)
    })

    it('counts what comes at the same time', async () => {
      const limit = limitOf(50)
      const waits = await Promise.all(Array.from({ length: 120 }, () => take(limit)))
      expect(waits.filter((wait) => wait === 0)).toHaveLength(50)
    })

    it('says when to come again: not earlier, not much later', async () => {
      for (const [max, already] of [
        [1, 0],
        [10, 0],
        [10, 7],
      ] as const) {
        const limit = limitOf(max)
        await takeMany(limit, already)
        nowMs += 50_000
        await takeMany(limit, max)
        const waitMs = await take(limit)
        expect(waitMs).toBeGreaterThan(0)
        nowMs += waitMs - 1
        expect(await take(limit)).toBeGreaterThan(0)
        nowMs += 1
        expect(await take(limit)).toBe(0)
      }
    })

    it('does not count what it refused', async () => {
      const limit = limitOf(10)
      await takeMany(limit, 1_000)
      nowMs += 2 * MINUTE
      expect(await takeMany(limit, 20)).toBe(10)
    })

    it('has no burst of twice the limit around the end of a window', async () => {
      const limit = limitOf(100)
      nowMs += 59_000
      expect(await takeMany(limit, 150)).toBe(100)
      nowMs += 2_000
      expect(await takeMany(limit, 150)).toBeLessThanOrEqual(2)
    })

    it('goes on when the clock is set back', async () => {
      const limit = limitOf(2)
      await takeMany(limit, 2)
      nowMs -= 3_600_000
      expect(await take(limit)).toBeGreaterThan(0)
      nowMs += 3_600_000 + 2 * MINUTE
      expect(await take(limit)).toBe(0)
    })

    it('never lets through more than the limit in a window, however calls come', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 8 }),
          fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }),
          async (max, gapsMs) => {
            const limit = limitOf(max, 1_000)
            nowMs += 10_000
            const passedAt: number[] = []
            for (const gapMs of gapsMs) {
              nowMs += gapMs
              if ((await take(limit)) === 0) passedAt.push(nowMs)
            }
            for (const atMs of passedAt) {
              const fixed = passedAt.filter((other) => Math.floor(other / 1_000) === Math.floor(atMs / 1_000))
              expect(fixed.length).toBeLessThanOrEqual(max)
            }
          },
        ),
        { numRuns: 30 },
      )
    })
  })
}
