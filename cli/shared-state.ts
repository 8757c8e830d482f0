/** What instances share where there is Redis, and what one process has for itself where there is none. */
import { Gauge, type Registry } from 'prom-client'
import { createMemoryLimits } from '../ingest/limits/memory-limits.ts'
import type { Config } from '../schemas/config.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { LiveBus } from '../schemas/ports/live.ts'
import type { RateLimits, RateVerdict } from '../schemas/ports/rate-limits.ts'
import { createInProcessBus } from '../warehouse/live/in-process-bus.ts'
import type { RedisBus } from '../warehouse/live/redis-bus.ts'

export interface SharedState {
  readonly live: LiveBus
  /** Counts a read of a key; undefined when the settings have no limit. */
  readonly limitReads: ((keyId: string) => Promise<RateVerdict>) | undefined
  close(): void
}

export interface SharedStateDeps {
  readonly clock: Clock
  readonly metrics: Registry
  /** Another one in each process and at each start. */
  readonly instanceId: string
  readonly onError: (message: string, error: unknown) => void
}

const MINUTE_MS = 60_000

/** Opens it at once, whether Redis answers or not: connections come and go in the background. Its client is loaded only where it is used. */
export async function openSharedState(
  { redis, readsPerMinute }: Pick<Config, 'redis' | 'readsPerMinute'>,
  deps: SharedStateDeps,
): Promise<SharedState> {
  const { clock, metrics, instanceId, onError } = deps
  const local = createMemoryLimits(clock)
  if (redis === undefined) {
    return { live: createInProcessBus(), limitReads: readLimit(local, readsPerMinute), close: () => undefined }
  }
  const [{ createRedisBus }, { createRedisLimits }] = await Promise.all([
    import('../warehouse/live/redis-bus.ts'),
    import('../ingest/limits/redis-limits.ts'),
  ])
  const live = createRedisBus({ url: redis, instanceId, onTrouble: onError })
  const limits = createRedisLimits({ url: redis, clock, local })
  registerLiveMetrics(metrics, live)
  return {
    live,
    limitReads: readLimit(limits, readsPerMinute),
    close() {
      live.close()
      limits.close()
    },
  }
}

function readLimit(limits: RateLimits, max: number): SharedState['limitReads'] {
  return max === 0 ? undefined : (keyId) => limits.take({ name: 'reads', max, perMs: MINUTE_MS }, keyId)
}

function registerLiveMetrics(metrics: Registry, live: RedisBus): void {
  new Gauge({
    name: 'kappa_redis_connected',
    help: '1 while live updates go through Redis, 0 while they stay within this process.',
    registers: [metrics],
    collect: function collect() {
      this.set(live.isConnected ? 1 : 0)
    },
  })
  new Gauge({
    name: 'kappa_live_states_total',
    help: 'States of workspaces by what became of them: sent, received, superseded by a newer one before they were sent, dropped.',
    labelNames: ['outcome'] as const,
    registers: [metrics],
    collect: function collect() {
      for (const [outcome, count] of Object.entries(live.counts)) this.set({ outcome }, count)
    },
  })
}
