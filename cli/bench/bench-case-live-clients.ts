/** Ten thousand who watch at once. */
import { bareTrips } from './bench-bare-trips.ts'
import type { BenchCase } from './bench-case.ts'
import { atMost } from './bench-figures.ts'

const UPDATE_MS_MAX = 300

export const liveClients: BenchCase = {
  name: 'live-clients',
  measures: 'From the 202 of an event to its update at each of many clients of /v1/live, all connected at once.',
  async run(context) {
    const { liveClients: clients, liveRounds: rounds } = context.sizes
    return context.withProduct(async (product) => {
      const { address, serverKey, readKey } = product
      const bare = await bareTrips(context, product)
      const report = await context.part('liveClients', { ...address, serverKey, readKey, clients, rounds })
      return [
        { name: 'clients', unit: 'count', value: clients },
        { name: 'p50', unit: 'ms', value: report.p50Ms },
        { name: 'p99', unit: 'ms', value: report.p99Ms },
        {
          name: 'last client of all rounds',
          unit: 'ms',
          value: report.maxMs,
          limit: atMost(UPDATE_MS_MAX),
          baseline: bare.slowest,
        },
        { name: 'from the first client to the last', unit: 'ms', value: report.spreadMs },
        { name: 'memory of the product for a client', unit: 'KB', value: report.serverKbPerClient },
        { name: 'until all were connected', unit: 's', value: report.connectSeconds },
      ]
    })
  },
}
