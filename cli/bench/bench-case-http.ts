/** Durable ingest over HTTP with all processors on, the load generator on the same cores. */
import type { BenchCase } from './bench-case.ts'
import { PARSED_EVENTS_MAX } from './bench-context.ts'
import { atLeast, atMost, type FigureLimit } from './bench-figures.ts'

const CONNECTIONS = 16
/** Events under way: enough that the generator never waits for a commit, few enough that none is put off. */
const EVENTS_UNDER_WAY = 16_000
const DEPTH_MAX = 32

/** Requests of so many events each, as fast as they are acknowledged. */
export function httpBatches(batch: number, limit?: FigureLimit): BenchCase {
  return {
    name: `http-${batch}`,
    measures: `Events a second over HTTP in requests of ${batch}, acknowledged when durable, with processing on.`,
    async run(context) {
      const { path } = await context.events()
      const events = batch === 1 ? context.sizes.singleEvents : context.sizes.batchedEvents
      const depth = Math.min(DEPTH_MAX, Math.max(1, Math.floor(EVENTS_UNDER_WAY / batch / CONNECTIONS)))
      const parsed = await context.parsedPerSecond()
      const appended = await context.part('append', { path, eventsMax: PARSED_EVENTS_MAX, batch, folder: context.folder })
      return context.withProduct(async (product) => {
        const cpuBefore = await product.cpuSeconds()
        const startedAtMs = performance.now()
        const { address, serverKey: key } = product
        const load = await context.part('load', { ...address, key, path, events, batch, connections: CONNECTIONS, depth })
        const loadedAtMs = performance.now()
        await product.untilReadable()
        const behindSeconds = (performance.now() - loadedAtMs) / 1_000
        const cpuSeconds = (await product.cpuSeconds()) - cpuBefore
        const stored = await product.stored()
        context.tell(
          `http-${batch}: ${load.requests} requests in ${load.seconds.toFixed(2)} of ${((loadedAtMs - startedAtMs) / 1_000).toFixed(2)} s`,
        )
        const perSecond = load.accepted / load.seconds
        return [
          {
            name: 'acknowledged',
            unit: 'events/s',
            value: perSecond,
            ...(limit === undefined ? {} : { limit }),
            baseline: { name: 'JSON.parse of the same bytes on one core', value: parsed },
          },
          {
            name: 'acknowledged, beside the bare log',
            unit: 'events/s',
            value: perSecond,
            baseline: { name: 'a bare append of the same batches', value: appended.eventsPerSecond },
          },
          { name: 'until all is readable', unit: 'events/s', value: load.accepted / (load.seconds + behindSeconds) },
          { name: 'p99 of a request', unit: 'ms', value: load.p99Ms, baseline: { name: 'a bare append', value: appended.p99Ms } },
          { name: 'CPU of the product', unit: 'us/event', value: (cpuSeconds * 1e6) / load.accepted },
          { name: 'CPU of the generator', unit: 'us/event', value: (load.cpuSeconds * 1e6) / load.accepted },
          { name: 'requests that were put off', unit: 'count', value: load.putOff },
          { name: 'acknowledged and not stored', unit: 'count', value: load.accepted - stored.ids, limit: atMost(0) },
          { name: 'stored twice', unit: 'count', value: stored.events - stored.ids, limit: atMost(0) },
        ]
      })
    },
  }
}

export const HTTP_BATCH_CASES: readonly BenchCase[] = [
  httpBatches(1, atLeast(20_000)),
  httpBatches(100, atLeast(120_000)),
  httpBatches(1_000),
]
