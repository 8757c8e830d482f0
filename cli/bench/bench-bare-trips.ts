/** What stands beside latencies over HTTP: round trips of the same client to the same product that ask for nothing. */
import type { BenchContext } from './bench-context.ts'
import { type Baseline, percentile } from './bench-figures.ts'
import type { BenchProduct } from './bench-product.ts'

const TRIPS = 200

/** Of 200 round trips one after another, in ms: the slowest, and the p95. */
export async function bareTrips(
  context: BenchContext,
  { address, readKey }: Pick<BenchProduct, 'address' | 'readKey'>,
): Promise<{ readonly slowest: Baseline; readonly p95: Baseline }> {
  const tookMs = await context.part('roundTrips', { ...address, key: readKey, paths: Array.from({ length: TRIPS }, () => '/healthz') })
  return {
    slowest: { name: `the slowest of ${TRIPS} bare round trips`, value: Math.max(...tookMs) },
    p95: { name: 'a bare round trip', value: percentile(tookMs, 95) },
  }
}
