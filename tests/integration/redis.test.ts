/** What instances share through a real Redis, and what happens to them when it is killed, emptied, full or hanging. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMemoryLimits } from '../../ingest/limits/memory-limits.ts'
import { createRedisLimits, type RedisLimits } from '../../ingest/limits/redis-limits.ts'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { LiveEvent } from '../../schemas/ports/live.ts'
import { createRedisBus, type RedisBus } from '../../warehouse/live/redis-bus.ts'
import { describeRateLimitsContract } from '../contract/rate-limits-contract.ts'
import { type RunningRedis, startRedis } from '../support/redis-server.ts'

let redis: RunningRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  redis.thaw()
  await redis.stop()
})

const systemClock = { nowMs: () => Date.now() }
const within = (check: () => void | Promise<void>, timeout = 15_000) => vi.waitFor(check, { timeout, interval: 20 })

describeRateLimitsContract({
  name: 'Redis',
  async open(clock) {
    const limits = createRedisLimits({ url: redis.url, clock, local: createMemoryLimits(clock) })
    await untilShared(limits)
    return {
      limits,
      close: async () => {
        // What stands above was decided by Redis.
        expect(limits.localCalls).toBeLessThan(100)
        limits.close()
      },
    }
  },
})

/** Until calls are counted in Redis; those before are under a name of their own. */
async function untilShared(limits: RedisLimits): Promise<void> {
  await within(async () => {
    const before = limits.localCalls
    await limits.take({ name: 'probe', max: 1_000_000, perMs: 60_000 }, 'probe')
    expect(limits.localCalls).toBe(before)
  })
}

function event(workspace: string, version: number, windows: readonly string[] = ['24h']): LiveEvent {
  const rows = windows.map((window) => ({
    workspace,
    window,
    dimension: '' as const,
    value: '',
    end_ms: 0,
    final: false,
    version,
    watermark_ms: version,
    counts: EMPTY_COUNTS,
    k: null,
  }))
  return { kind: 'growth', workspace, watermarkMs: version, rows }
}

describe('the live bus of two instances', () => {
  let one: RedisBus
  let two: RedisBus
  let troubles: string[]
  /** Newest version of each window that a listener heard of, and how often it was called. */
  function heardBy(bus: RedisBus, workspace: string) {
    const heard = { newest: {} as Record<string, number>, calls: 0 }
    bus.subscribe(workspace, ({ rows }) => {
      heard.calls += 1
      for (const row of rows) heard.newest[row.window] = Math.max(heard.newest[row.window] ?? 0, row.version)
    })
    return heard
  }
  beforeEach(async () => {
    troubles = []
    one = createRedisBus({ url: redis.url, instanceId: 'one', onTrouble: (message) => troubles.push(message) })
    two = createRedisBus({ url: redis.url, instanceId: 'two' })
    await within(() => expect([one.isConnected, two.isConnected]).toEqual([true, true]))
  })
  afterEach(() => {
    one.close()
    two.close()
  })

  test('each hears of the other, and of itself once and at once', async () => {
    const here = heardBy(one, 'acme')
    const there = heardBy(two, 'acme')
    const elsewhere = heardBy(two, 'other')
    one.publish(event('acme', 1))
    expect(here.calls).toBe(1)
    await within(() => expect(there.newest).toEqual({ '24h': 1 }))
    two.publish(event('acme', 2))
    await within(() => expect(here.newest).toEqual({ '24h': 2 }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([here.calls, elsewhere.calls]).toEqual([2, 0])
  })

  test('who comes later is told what was said before', async () => {
    one.publish(event('late', 1, ['1h', '24h']))
    one.publish(event('late', 2, ['24h']))
    await within(() => expect(one.counts.sent).toBeGreaterThan(0))
    const there = heardBy(two, 'late')
    await within(() => expect(there.newest).toEqual({ '1h': 1, '24h': 2 }))
  })

  test('who stopped listening hears no more', async () => {
    let calls = 0
    const stop = two.subscribe('quiet', () => (calls += 1))
    one.publish(event('quiet', 1))
    await within(() => expect(calls).toBeGreaterThan(0))
    const before = calls
    stop()
    stop()
    one.publish(event('quiet', 2))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(calls).toBe(before)
  })

  test('Redis is killed and comes back empty: publishing goes on, the last state arrives', async () => {
    const here = heardBy(one, 'killed')
    const there = heardBy(two, 'killed')
    await redis.kill()
    for (let version = 1; version <= 5_000; version += 1) one.publish(event('killed', version, [version % 2 === 0 ? '1h' : '24h']))
    expect(here.calls).toBe(5_000)
    await within(() => expect(troubles).toHaveLength(1))
    expect(there.calls).toBe(0)
    await redis.restart()
    await within(() => expect(there.newest).toEqual({ '1h': 5_000, '24h': 4_999 }))
    expect(one.counts.superseded).toBeGreaterThan(4_900)
    expect(one.counts.dropped).toBe(0)
  })

  test('Redis hangs: nobody waits, little is kept, and the last state arrives', async () => {
    const here = heardBy(one, 'hung')
    const there = heardBy(two, 'hung')
    const large = event('hung', 1)
    const rows = Array.from({ length: 500 }, () => large.rows[0]).filter((row) => row !== undefined)
    redis.freeze()
    const memoryBefore = process.memoryUsage().rss
    const startedAt = performance.now()
    // A state of some 200 KB each: 400 MB, should all be kept.
    for (let version = 1; version <= 2_000; version += 1) {
      one.publish({ ...large, watermarkMs: version, rows: rows.map((row) => ({ ...row, version })) })
      if (version % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const publishingMs = performance.now() - startedAt
    expect(here.calls).toBe(2_000)
    expect(publishingMs).toBeLessThan(5_000)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(200e6)
    redis.thaw()
    await within(() => expect(there.newest).toEqual({ '24h': 2_000 }))
  })

  test('Redis is out of memory: live goes on', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    const there = heardBy(two, 'full')
    one.publish(event('full', 1))
    await within(() => expect(there.newest).toEqual({ '24h': 1 }))
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  })

  test('what others send and nobody can read harms nobody', async () => {
    const there = heardBy(two, 'odd')
    await within(async () => expect(await redis.command('PUBSUB', 'NUMSUB', 'kappa:live:odd')).toEqual(['kappa:live:odd', 1]))
    for (const text of [
      '',
      '{',
      'null',
      '{"v":1,"from":"x"}',
      '{"v":1,"from":"x","event":{"workspace":"acme","rows":[]}}',
      '{"v":99,"from":"x"}',
    ]) {
      await redis.command('PUBLISH', 'kappa:live:odd', text)
    }
    await redis.command('PUBLISH', 'kappa:live:ASK', '{"v":1,"from":"x","workspaces":["nobody"]}')
    await within(() => expect(two.counts.dropped).toBe(6))
    one.publish(event('odd', 1))
    await within(() => expect(there.newest).toEqual({ '24h': 1 }))
  })
})

describe('rate limits of two instances', () => {
  const open = () => createRedisLimits({ url: redis.url, clock: systemClock, local: createMemoryLimits(systemClock) })
  const hour = (name: string) => ({ name, max: 10, perMs: 3_600_000 })
  const allowed = async (limits: RedisLimits, name: string, times: number) => {
    let count = 0
    for (let index = 0; index < times; index += 1) if ((await limits.take(hour(name), 'key')).isAllowed) count += 1
    return count
  }
  let one: RedisLimits
  let two: RedisLimits
  beforeEach(async () => {
    one = open()
    two = open()
    await Promise.all([untilShared(one), untilShared(two)])
  })
  afterEach(() => {
    one.close()
    two.close()
  })

  test('count together', async () => {
    expect(await allowed(one, 'together', 6)).toBe(6)
    expect(await allowed(two, 'together', 6)).toBe(4)
  })

  test('decide as the limits in memory do', async () => {
    let nowMs = 0
    const clock = { nowMs: () => nowMs }
    const shared = createRedisLimits({ url: redis.url, clock, local: createMemoryLimits(clock) })
    await untilShared(shared)
    const memory = createMemoryLimits(clock)
    const limit = { name: 'alike', max: 7, perMs: 1_000 }
    for (let step = 0; step < 500; step += 1) {
      nowMs += (step * 37) % 251
      expect(await shared.take(limit, 'key'), `step ${step}`).toEqual(await memory.take(limit, 'key'))
    }
    shared.close()
  })

  test.each<[string, () => Promise<void> | void, () => Promise<void> | void]>([
    ['killed', () => redis.kill(), () => redis.restart()],
    ['hanging', () => redis.freeze(), () => redis.thaw()],
    [
      'out of memory',
      async () => void (await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')),
      async () => void (await redis.command('CONFIG', 'SET', 'maxmemory', '0')),
    ],
  ])('with Redis %s each instance counts on its own, without waiting; later they count together again', async (name, breakIt, mendIt) => {
    await breakIt()
    const startedAt = performance.now()
    expect(await allowed(one, name, 100)).toBe(10)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(one.localCalls).toBeGreaterThan(90)
    await mendIt()
    await untilShared(one)
    await untilShared(two)
    expect((await allowed(one, `${name} again`, 6)) + (await allowed(two, `${name} again`, 6))).toBe(10)
  })
})
