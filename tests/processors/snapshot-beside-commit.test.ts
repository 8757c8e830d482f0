/** A snapshot is written while the rows of its commit are on their way; it counts only when they are in. */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { memorySnapshots } from './memory-snapshots.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history } from './shop-history.ts'

it('does not stand before the rows do', async () => {
  const log = createMemoryLog({ partitions: 1 })
  const sink = new RecordingSink()
  let letRowsIn = () => {}
  const rowsMayGo = new Promise<void>((resolve) => {
    letRowsIn = resolve
  })
  const snapshots = memorySnapshots()
  let isWritten = false
  const runner = new Runner({
    log,
    sink: {
      async write(batch) {
        await rowsMayGo
        await sink.write(batch)
      },
      history: (...range) => sink.history(...range),
    },
    snapshots: {
      ...snapshots,
      async write(snapshot) {
        const written = await snapshots.write(snapshot)
        isWritten = true
        return written
      },
    },
    commits: new MemoryCommitStore(),
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: () => {},
    limits: { snapshotRecords: 1, commitIntervalMs: 0 },
  })
  await runner.start()
  await append(log, history())
  await expect.poll(() => isWritten).toBe(true)
  expect(await snapshots.readNewest()).toBeUndefined()
  letRowsIn()
  await expect.poll(() => snapshots.readNewest()).toMatchObject({ positions: [history().length] })
  await runner.stop()
})
