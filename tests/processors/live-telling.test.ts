/** How often watchers hear of numbers: every interval, and less often while records wait and the numbers take long. */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { LiveTelling } from '../../processors/live-telling.ts'
import { Topology } from '../../processors/topology.ts'
import { append, history } from './shop-history.ts'

const INTERVAL_MS = 50

/** Times told of in a second in which one is asked every millisecond, when to work out the numbers takes `tookMs`. */
async function toldInASecond({ tookMs, inBacklog }: { readonly tookMs: number; readonly inBacklog: boolean }): Promise<number> {
  const log = createMemoryLog({ partitions: 1 })
  await append(log, history())
  const topology = new Topology(1)
  for (const message of await log.read(0, 0, 1_000)) topology.process(message)
  topology.take(1, 1, [0])
  await append(log, history().slice(-1))
  for (const message of await log.read(0, history().length, 1)) topology.process(message)

  let nowMs = 1_000_000
  let told = 0
  const live = {
    publish() {
      told += 1
      nowMs += tookMs
    },
    subscribe: () => () => {},
  }
  const telling = new LiveTelling({ clock: { nowMs: () => nowMs }, live }, INTERVAL_MS)
  for (const startMs = nowMs; nowMs < startMs + 1_000; nowMs += 1) telling.tell(topology, 1, inBacklog)
  return told
}

it.each([
  { tookMs: 0, inBacklog: false, told: 20 },
  { tookMs: 4, inBacklog: false, told: 20 },
  { tookMs: 0, inBacklog: true, told: 20 },
  // A hundredth of the time.
  { tookMs: 2, inBacklog: true, told: 5 },
  // At least once a second.
  { tookMs: 100, inBacklog: true, told: 1 },
])('$told times a second when it takes $tookMs ms, with records waiting: $inBacklog', async ({ told, ...when }) => {
  expect(await toldInASecond(when)).toBe(told)
})
