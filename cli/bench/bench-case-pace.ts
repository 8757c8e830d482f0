/** Latency of single events at a steady pace, by a client that waits for nobody. */
import type { BenchCase } from './bench-case.ts'
import { atMost } from './bench-figures.ts'

const P99_MS_MAX = 60
const CONNECTIONS = 64

export const httpPace: BenchCase = {
  name: 'http-pace',
  measures: 'From the instant at which a request of one event was meant to be sent to its 202, at a fixed rate.',
  async run(context) {
    const { paceRate, paceSeconds } = context.sizes
    const { path } = await context.events()
    const appended = await context.part('append', { path, eventsMax: paceRate, batch: 1, folder: context.folder })
    return context.withProduct(async ({ address, serverKey: key }) => {
      const pace = { ...address, key, perSecond: paceRate, connections: CONNECTIONS }
      // The first second is that of the compiler.
      await context.part('pace', { ...pace, seconds: 1, prefix: 'warm' })
      const report = await context.part('pace', { ...pace, seconds: paceSeconds, prefix: 'pace' })
      return [
        { name: 'rate', unit: 'requests/s', value: paceRate },
        { name: 'p50', unit: 'ms', value: report.p50Ms },
        {
          name: 'p99',
          unit: 'ms',
          value: report.p99Ms,
          limit: atMost(P99_MS_MAX),
          baseline: { name: 'a bare append', value: appended.p99Ms },
        },
        { name: 'longest', unit: 'ms', value: report.maxMs },
        { name: 'refused', unit: 'count', value: report.refused, limit: atMost(0) },
        { name: 'the generator itself was late by', unit: 'ms', value: report.lateMsMax },
      ]
    })
  },
}
