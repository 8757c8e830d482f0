/** How fast the state is made again from the log, when no snapshot is left. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchCase } from './bench-case.ts'

/** Snapshots of the state, in the data folder. */
const STATE_FOLDER = 'state'

export const replay: BenchCase = {
  name: 'replay',
  measures: 'Events a second of a start that has lost its snapshots, and makes the state again from the log.',
  async run(context) {
    const { events } = await context.events()
    const { data, product, parsedPerSecond } = await context.imported()
    await product.stop()
    const first = await context.start(data)
    await first.stop()
    // Without `force`: had the snapshots another place, nothing would be measured.
    await rm(join(data, STATE_FOLDER), { recursive: true })
    const again = await context.start(data)
    await again.stop()
    const seconds = Math.max(0.001, again.readySeconds - first.readySeconds)
    return [
      {
        name: 'replayed',
        unit: 'events/s',
        value: events / seconds,
        baseline: { name: 'JSON.parse of the same bytes on one core', value: parsedPerSecond },
      },
      {
        name: 'ready without snapshots',
        unit: 's',
        value: again.readySeconds,
        baseline: { name: 'ready with them', value: first.readySeconds },
      },
    ]
  },
}
