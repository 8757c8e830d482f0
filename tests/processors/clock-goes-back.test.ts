/** The clock of the machine is set back an hour while records wait for their commit: they do not wait for an hour. */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { HOUR_MS } from '../../schemas/windows.ts'
import { memorySnapshots } from './memory-snapshots.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history } from './shop-history.ts'

it('commits what is pending, and tells watchers', async () => {
  const log = createMemoryLog({ partitions: 1 })
  const sink = new RecordingSink()
  let setBackMs = 0
  let told = 0
  const runner = new Runner({
    log,
    sink,
    live: {
      publish: () => {
        told += 1
      },
      subscribe: () => () => {},
    },
    commits: new MemoryCommitStore(),
    snapshots: memorySnapshots(),
    clock: { nowMs: () => performance.now() - setBackMs },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: () => {},
    limits: { commitIntervalMs: 10_000, liveIntervalMs: 5 },
  })
  await runner.start()
  await append(log, history())
  await expect.poll(() => runner.status.processed).toEqual([history().length])
  expect(runner.status.committed).toEqual([0])
  setBackMs = HOUR_MS
  const toldBefore = told
  await runner.waitFor([await log.endOffset(0)])
  expect(sink.events()).toHaveLength(history().length)
  await append(log, history().slice(0, 1))
  await expect.poll(() => told).toBeGreaterThan(toldBefore)
  await runner.stop()
})
