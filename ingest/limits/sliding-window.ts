/**
 * A sliding window out of two fixed ones: the calls of the last window count by the part of it that still lies within `perMs`
 * from now, as if they had come evenly. Two numbers a key, exact for a key that was quiet before, and no burst of twice the
 * limit around the end of a window. `redis-limits.ts` has the same arithmetic in Lua.
 */
import type { RateLimit, RateVerdict } from '../../schemas/ports/rate-limits.ts'

export interface WindowCounts {
  /** Number of the window: floor(now / perMs). */
  window: number
  current: number
  previous: number
}

/** Brings the counts to the window of `nowMs`. A clock that is behind the counts stands still at their window's start. */
export function advanceWindow(counts: WindowCounts, nowMs: number, { perMs }: RateLimit): void {
  const window = Math.floor(nowMs / perMs)
  if (window <= counts.window) return
  counts.previous = window === counts.window + 1 ? counts.current : 0
  counts.current = 0
  counts.window = window
}

/** Counts a call, or says when to come again. Mutates `counts`. */
export function takeFromWindow(counts: WindowCounts, nowMs: number, limit: RateLimit): RateVerdict {
  advanceWindow(counts, nowMs, limit)
  const { max, perMs } = limit
  const { current, previous } = counts
  const elapsedMs = Math.max(0, nowMs - counts.window * perMs)
  if ((previous * (perMs - elapsedMs)) / perMs + current + 1 <= max) {
    counts.current += 1
    return { isAllowed: true }
  }
  // Within this window the previous one fades, or else this one fades in the next.
  const freeMs =
    current + 1 <= max ? perMs - (perMs * (max - 1 - current)) / previous : 2 * perMs - (perMs * Math.max(0, max - 1)) / current
  return { isAllowed: false, retryAfterMs: Math.max(1, Math.ceil(freeMs - elapsedMs)) }
}
