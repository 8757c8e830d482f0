/** Rate limits of one process. */
import type { Clock } from '../../schemas/ports/clock.ts'
import type { RateLimit, RateLimits, RateVerdict } from '../../schemas/ports/rate-limits.ts'
import { takeFromWindow, type WindowCounts } from './sliding-window.ts'

/** Keys are those of the registry, so that this is far more than there are; above it the oldest go. */
const KEYS_MAX = 100_000

export function createMemoryLimits(clock: Clock): RateLimits {
  const counts = new Map<string, WindowCounts>()
  return {
    async take(limit: RateLimit, key: string): Promise<RateVerdict> {
      const nowMs = clock.nowMs()
      const name = `${limit.name}/${key}`
      let of = counts.get(name)
      if (of === undefined) {
        of = { window: Math.floor(nowMs / limit.perMs), current: 0, previous: 0 }
        counts.set(name, of)
        const [oldest] = counts.keys()
        if (counts.size > KEYS_MAX && oldest !== undefined) counts.delete(oldest)
      }
      return takeFromWindow(of, nowMs, limit)
    },
  }
}
