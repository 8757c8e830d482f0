/**
 * Rate limits that all instances share, in Redis. One script a call, atomic; a key that is quiet goes away by itself. While
 * Redis is away, full or slow this process counts on its own: a limit never costs an answer.
 */
import { Redis } from 'ioredis'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { RateLimit, RateLimits, RateVerdict } from '../../schemas/ports/rate-limits.ts'

export interface RedisLimitsOptions {
  /** `redis://` or `rediss://`, with user, password and database as usual. */
  readonly url: string
  readonly clock: Clock
  /** Counts while Redis does not. */
  readonly local: RateLimits
}

export interface RedisLimits extends RateLimits {
  /** Calls that were counted here and not in Redis. */
  readonly localCalls: number
  close(): void
}

/** A reader waits at most so long for a count. */
const ANSWER_MS_MAX = 200
/** After a failure Redis is not asked for so long: requests must not all wait for it. */
const PAUSE_MS = 1_000
const RECONNECT_MS_MAX = 1_000

/** The arithmetic of `sliding-window.ts`. Answers 0 for a call that is let through, else the milliseconds to wait. */
const TAKE = `
local now, per, max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = math.floor(now / per)
local known = redis.call('HMGET', KEYS[1], 'window', 'current', 'previous')
local counted, current, previous = tonumber(known[1]) or window, tonumber(known[2]) or 0, tonumber(known[3]) or 0
if window > counted then
  if window == counted + 1 then previous = current else previous = 0 end
  current = 0
  counted = window
end
local elapsed = math.max(0, now - counted * per)
if previous * (per - elapsed) / per + current + 1 <= max then
  redis.call('HSET', KEYS[1], 'window', counted, 'current', current + 1, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], 2 * per)
  return 0
end
local free
if current + 1 <= max then free = per - per * (max - 1 - current) / previous
else free = 2 * per - per * math.max(0, max - 1) / current end
return math.max(1, math.ceil(free - elapsed))
`

/** Connects in the background; resolves nothing and never throws for a server that is away. */
export function createRedisLimits({ url, clock, local }: RedisLimitsOptions): RedisLimits {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: ANSWER_MS_MAX,
    retryStrategy: (times) => Math.min(50 * times, RECONNECT_MS_MAX),
    scripts: { takeOfLimit: { lua: TAKE, numberOfKeys: 1 } },
  })
  // Without a listener every failed attempt to connect would be printed; a call tells of it by counting here.
  redis.on('error', () => undefined)
  let pausedUntilMs = Number.NEGATIVE_INFINITY
  let localCalls = 0

  async function takeShared({ name, max, perMs }: RateLimit, key: string, nowMs: number): Promise<RateVerdict> {
    const run = redis as unknown as Record<'takeOfLimit', (...args: (string | number)[]) => Promise<number>>
    const waitMs = await run.takeOfLimit(`kappa:limit:${name}:${key}`, nowMs, perMs, max)
    return waitMs === 0 ? { isAllowed: true } : { isAllowed: false, retryAfterMs: waitMs }
  }

  return {
    get localCalls() {
      return localCalls
    },
    async take(limit, key) {
      const nowMs = clock.nowMs()
      if (nowMs >= pausedUntilMs && redis.status === 'ready') {
        try {
          return await takeShared(limit, key, nowMs)
        } catch {
          pausedUntilMs = nowMs + PAUSE_MS
        }
      }
      localCalls += 1
      return local.take(limit, key)
    },
    close: () => redis.disconnect(),
  }
}
