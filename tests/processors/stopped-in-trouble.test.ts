/** A runner that is stopped as its last commit fails: the state with that commit must not be kept, or its rows never go out. */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { memorySnapshots } from './memory-snapshots.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history } from './shop-history.ts'

it('sends the rows of the commit after the next start', async () => {
  const log = createMemoryLog({ partitions: 1 })
  const stores = { log, sink: new RecordingSink(), commits: new MemoryCommitStore(), snapshots: memorySnapshots() }
  const start = async (): Promise<Runner> => {
    const runner = new Runner({
      ...stores,
      live: { publish: () => {}, subscribe: () => () => {} },
      clock: { nowMs: () => performance.now() },
      sleep: () => new Promise((done) => setImmediate(done)),
      onError: () => {},
      // No commit comes before the one at the stop.
      limits: { commitIntervalMs: 3_600_000, liveIntervalMs: 1 },
    })
    await runner.start()
    return runner
  }
  await append(log, history())
  const first = await start()
  await expect.poll(() => first.status.processed).toEqual([history().length])
  stores.sink.fateOf = () => 'refused'
  await first.stop()
  expect(stores.sink.events()).toEqual([])

  stores.sink.fateOf = () => 'taken'
  const second = await start()
  await second.stop()
  expect(stores.sink.events()).toHaveLength(history().length)
})
