/** Latency of `/v1/growth` over all the events, one request at a time. */
import { createRandom } from '../../simulate/random.ts'
import { bareTrips } from './bench-bare-trips.ts'
import type { BenchCase } from './bench-case.ts'
import type { EventFile } from './bench-events.ts'
import { atMost, type Figure, percentile } from './bench-figures.ts'

const MINUTE_MS = 60_000
const WINDOWS = ['1h', '24h', '7d', '30d'] as const
const DIMENSIONS = ['channel', 'campaign', 'variant'] as const

interface QueryKind {
  readonly name: string
  readonly p95MsMax: number
  /** The n-th question of this kind, whose window ends at `atMs`. */
  readonly ask: (number: number, atMs: number) => Readonly<Record<string, string>>
}

const turn = <Value>(values: readonly [Value, ...Value[]], number: number): Value => values[number % values.length] ?? values[0]

const KINDS: readonly QueryKind[] = [
  {
    name: 'live windows',
    p95MsMax: 10,
    ask: (number) => ({ window: turn(WINDOWS, number), ...(number % 2 === 0 ? {} : { by: 'channel' }) }),
  },
  { name: 'any instant, whole', p95MsMax: 100, ask: (number, atMs) => ({ window: turn(WINDOWS, number), at: String(atMs) }) },
  {
    name: 'any instant, by one dimension',
    p95MsMax: 100,
    ask: (number, atMs) => ({ window: turn(WINDOWS, number), at: String(atMs), by: turn(DIMENSIONS, number) }),
  },
  {
    name: 'any instant, of one channel and campaign by variant',
    p95MsMax: 1_000,
    ask: (number, atMs) => ({ window: turn(WINDOWS, number), at: String(atMs), channel: 'email', campaign: 'launch', by: 'variant' }),
  },
]

export const queries: BenchCase = {
  name: 'queries',
  measures: 'p95 of /v1/growth with all the events in the warehouse: running windows, windows at any minute, slices.',
  async run(context) {
    const { product } = await context.imported()
    const events = await context.events()
    const ask = (paths: readonly string[]) => context.part('roundTrips', { ...product.address, key: product.readKey, paths })
    const bare = await bareTrips(context, product)
    const figures: Figure[] = []
    for (const { name, p95MsMax, ask: question } of KINDS) {
      const paths = minutesOf(events, context.sizes.queries).map((atMs, number) => pathOf(question(number, atMs)))
      // Once before the clock counts: the first question of a kind is compiled.
      const tookMs = (await ask([...paths.slice(0, WINDOWS.length), ...paths])).slice(Math.min(WINDOWS.length, paths.length))
      figures.push({
        name,
        unit: 'ms',
        value: percentile(tookMs, 95),
        limit: atMost(p95MsMax),
        baseline: bare.p95,
      })
    }
    return figures
  },
}

const pathOf = (asked: Readonly<Record<string, string>>) => `/v1/growth?${new URLSearchParams(asked)}`

/** Minutes at random over the time of the events, the same in every run. */
function minutesOf({ fromMs, toMs }: EventFile, count: number): number[] {
  const random = createRandom(count)
  return Array.from({ length: count }, () => Math.round((fromMs + random.uniform() * (toMs - fromMs)) / MINUTE_MS) * MINUTE_MS)
}
