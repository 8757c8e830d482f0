/** How long a start takes: of an empty folder, and of one that holds all the events. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchCase } from './bench-case.ts'
import type { BenchContext } from './bench-context.ts'
import { atMost, type Figure } from './bench-figures.ts'

const EMPTY_SECONDS_MAX = 1.5
const WITH_EVENTS_SECONDS_MAX = 5

export const startEmpty: BenchCase = {
  name: 'start-empty',
  measures: 'From the start of the process to ready, on an empty folder; the slowest of some starts.',
  async run(context) {
    const seconds: number[] = []
    for (let start = 0; start < context.sizes.starts; start += 1) {
      seconds.push(await context.withProduct(async ({ readySeconds }) => readySeconds))
    }
    return [{ name: 'ready', unit: 's', value: Math.max(...seconds), limit: atMost(EMPTY_SECONDS_MAX), baseline: await bareStart(context) }]
  },
}

export const startWithEvents: BenchCase = {
  name: 'start-with-events',
  measures: 'From the start of the process to ready, on the folder with all the events; the slowest of some starts.',
  async run(context) {
    const { data, product } = await context.imported()
    await product.stop()
    const seconds: number[] = []
    for (let start = 0; start < context.sizes.starts; start += 1) {
      const again = await context.start(data)
      seconds.push(again.readySeconds)
      await sleep(100)
      await again.stop()
    }
    return [
      { name: 'ready', unit: 's', value: Math.max(...seconds), limit: atMost(WITH_EVENTS_SECONDS_MAX), baseline: await bareStart(context) },
    ]
  },
}

/** A process of the same Node that has nothing to do. */
async function bareStart(context: BenchContext): Promise<NonNullable<Figure['baseline']>> {
  const startedAtMs = performance.now()
  await context.part('nothing', {})
  return { name: 'a bare process of Node', value: (performance.now() - startedAtMs) / 1_000 }
}
