/** How soon somebody who watches `/v1/live` sees what was just acknowledged. */
import { bareTrips } from './bench-bare-trips.ts'
import type { BenchCase } from './bench-case.ts'
import { atMost } from './bench-figures.ts'

const P99_MS_MAX = 100
const CONNECTIONS = 32

export const acceptToSse: BenchCase = {
  name: 'accept-to-sse',
  measures: 'From the 202 of an event to the message of /v1/live that counts it, single events at a fixed rate.',
  async run(context) {
    const { watchedRate, paceSeconds } = context.sizes
    return context.withProduct(async (product) => {
      const { address, serverKey: key, readKey } = product
      const bare = await bareTrips(context, product)
      const job = { ...address, key, readKey, perSecond: watchedRate, connections: CONNECTIONS, seconds: paceSeconds, prefix: 'seen' }
      // The first second is that of the compiler.
      await context.part('pace', { ...job, seconds: 1, prefix: 'warm' })
      await product.untilReadable()
      const report = await context.part('watched', job)
      return [
        { name: 'rate', unit: 'events/s', value: watchedRate },
        { name: 'messages', unit: 'count', value: report.messages },
        { name: 'p50', unit: 'ms', value: report.p50Ms },
        {
          name: 'p99',
          unit: 'ms',
          value: report.p99Ms,
          limit: atMost(P99_MS_MAX),
          baseline: bare.slowest,
        },
        { name: 'longest', unit: 'ms', value: report.maxMs },
        { name: 'p99 from the instant of sending', unit: 'ms', value: report.fromSendP99Ms },
      ]
    })
  },
}
