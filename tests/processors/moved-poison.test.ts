/** An event that another task sent and that an operator can not process: set aside like one of the own log. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { encodeTaskRecord } from '../../processors/task-message.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { EventRecord, LogRecord } from '../../schemas/log-records.ts'
import { partitionsOfRecord } from '../support/partition-of-record.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

const PARTITIONS = 2
const LIMITS = { readRecords: 7, commitRows: 20, commitIntervalMs: 0, liveIntervalMs: 0, snapshotRecords: 10_000 }

function share(id: string, extra: object = {}): EventRecord {
  const actor = Array.from({ length: 50 }, (_, index) => `a${index}`).find(
    (name) => partitionsOfRecord(recordOf(name), PARTITIONS)[0] === 0,
  )
  function recordOf(name: string): EventRecord {
    const common = { v: 1, workspace: 'shop', event_id: id, occurred_at: START_MS, received_at: START_MS } as const
    return { ...common, type: 'share', actor_id: name, content_id: 'x', ...extra }
  }
  return recordOf(actor as string)
}

async function startedAt(folder: string) {
  const log = createMemoryLog({ partitions: PARTITIONS })
  const exchange = createMemoryLog({ partitions: PARTITIONS })
  const stores = { log, exchange, sink: new RecordingSink(), commits: new MemoryCommitStore() }
  const errors: string[] = []
  const runner = new Runner({
    ...stores,
    local: [0],
    snapshots: new FileSnapshotStore<TopologySnapshot>(folder),
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise((done) => setImmediate(done)),
    onError: (message, error) => errors.push(`${message}: ${String(error)}`),
    limits: LIMITS,
  })
  await runner.start()
  onTestFinished(async () => {
    await runner.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { ...stores, runner, errors }
}

const message = (sequence: number, records: readonly EventRecord[]) => ({
  partition: 0,
  value: encodeTaskRecord({
    from: 1,
    sequence,
    tickMs: START_MS,
    entries: [
      {
        workspace: 'shop',
        epoch: 0,
        imports: [],
        hops: records.map((record, index) => ({
          to: 'moved',
          event: { record, partition: 1, offset: sequence * 10 + index, late: false, counts: true },
        })),
      },
    ],
  }),
})

it('goes to the quarantine under its own place, and all that came with it is processed', async () => {
  const { runner, log, exchange, sink, commits } = await startedAt(await mkdtemp(join(tmpdir(), 'kappa-moved-')))
  const own = history().filter((record): record is LogRecord => partitionsOfRecord(record, PARTITIONS)[0] === 0)
  await append(log, own.slice(0, 40))
  // A share id that can't be made into text: the key of its cause throws.
  await exchange.append([message(1, [share('before'), share('poison', { share_id: { toString: null } }), share('after')])])
  await append(log, own.slice(40))
  await exchange.append([message(2, [share('later')])])
  await runner.waitFor([await log.endOffset(0), 2])
  expect(runner.status).toMatchObject({ failed: false, ready: true })
  expect(sink.quarantined().map(({ record, partition, offset }) => [record.quarantine_id, record.code, partition, offset])).toEqual([
    ['log-1-11', 'processing_failed', 1, 11],
  ])
  const ids = sink.events().map(({ record }) => record.event_id)
  expect(ids).toEqual(expect.arrayContaining(['before', 'after', 'later']))
  expect(ids).not.toContain('poison')
  expect(ids).toHaveLength(new Set(ids).size)
  expect(ids).toHaveLength(own.length + 3)
  expect(commits.after(0).flatMap(({ skipped }) => skipped ?? [])).toMatchObject([{ partition: 1, offset: 11 }])
})
