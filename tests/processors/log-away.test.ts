/** A log that gives no records for a while, as when its brokers are away: processing waits and goes on. */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { type LogReader, LogUnavailableError } from '../../schemas/ports/log.ts'
import { memorySnapshots } from './memory-snapshots.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history } from './shop-history.ts'

it('goes on with the records when the log gives them again', async () => {
  const log = createMemoryLog({ partitions: 1 })
  await append(log, history())
  let reads = 0
  const away: LogReader = {
    ...log,
    async read(partition, offset, limit) {
      reads += 1
      if (reads === 2 || reads === 3) throw new LogUnavailableError('away')
      return log.read(partition, offset, limit)
    },
  }
  const sink = new RecordingSink()
  const runner = new Runner({
    log: away,
    sink,
    live: { publish: () => {}, subscribe: () => () => {} },
    commits: new MemoryCommitStore(),
    snapshots: memorySnapshots(),
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: () => {},
    limits: { readRecords: 60, commitIntervalMs: 0, liveIntervalMs: 1 },
  })
  await runner.start()
  await runner.waitFor([await log.endOffset(0)])
  expect(runner.status.failed).toBe(false)
  expect(sink.events()).toHaveLength(history().length)
  await runner.stop()
})
