/**
 * A task that is stopped just as it builds a workspace anew: what the state built anew has to tell the workspace's home is
 * in a commit, and not only in the memory of who is stopped.
 */
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { Runner } from '../../processors/runner.ts'
import { MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { encodeTaskRecord } from '../../processors/task-message.ts'
import { homeOf } from '../../processors/workspace-topology.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { memorySnapshots } from './memory-snapshots.ts'
import { RecordingSink } from './recording-sink.ts'
import { append, history, START_MS } from './shop-history.ts'

const PARTITIONS = 2
const HOME = homeOf('shop', PARTITIONS)
const OTHER = 1 - HOME
/** For a machine that has other things to do. */
const PATIENT = { timeout: 10_000 }

/** Shares of a year ago, which the state no longer holds. */
function importOfLastYear(): LogRecord[] {
  const told = { v: 1, workspace: 'shop', received_at: START_MS + 8 * HOUR_MS, import_id: 'm' } as const
  const shares = ['p1', 'p2', 'p3', 'p4'].map((actor): LogRecord => {
    const what = { type: 'share', event_id: `old-${actor}`, actor_id: actor, content_id: 'x' } as const
    return { ...told, ...what, occurred_at: START_MS - 365 * DAY_MS }
  })
  return [...shares, { ...told, type: 'import_end' }]
}

/** Time goes on far enough that every window of the history closes. */
function timeGoesOn(): LogRecord[] {
  return [{ v: 1, type: 'tick', workspace: '*', received_at: START_MS + 3 * DAY_MS }]
}

function cluster() {
  const log = createMemoryLog({ partitions: PARTITIONS })
  const exchange = createMemoryLog({ partitions: PARTITIONS })
  const sink = new RecordingSink()
  const stores = Array.from({ length: PARTITIONS }, () => ({ commits: new MemoryCommitStore(), snapshots: memorySnapshots() }))
  const shared = {
    log,
    sink,
    live: { publish: () => {}, subscribe: () => () => {} },
    clock: { nowMs: () => performance.now() },
    sleep: () => new Promise<void>((done) => setImmediate(done)),
    onError: (message: string, error: unknown) => expect.unreachable(`${message}: ${String(error)}`),
  }
  const started = async (runner: Runner) => {
    await runner.start()
    return runner
  }
  return {
    log,
    exchange,
    sink,
    task: (partition: number, commitIntervalMs = 1) =>
      started(
        new Runner({
          ...shared,
          ...(stores[partition] as (typeof stores)[number]),
          exchange,
          local: [partition],
          limits: { commitIntervalMs, liveIntervalMs: 1 },
        }),
      ),
    whole: () =>
      started(
        new Runner({
          ...shared,
          commits: new MemoryCommitStore(),
          snapshots: memorySnapshots(),
          limits: { commitIntervalMs: 1, liveIntervalMs: 1 },
        }),
      ),
  }
}

async function committedAll(runner: Runner, log: Log, partition: number): Promise<void> {
  const end = await log.endOffset(partition)
  await expect.poll(() => runner.status.committed[0], PATIENT).toBe(end)
}

/** What the home has heard of is all there is. */
async function settle(home: Runner, exchange: Log): Promise<void> {
  const settled = home.topology.taken.map((sequence, from) => (from === HOME ? home.status.committedSequence : sequence))
  await exchange.append([{ partition: HOME, value: encodeTaskRecord({ settled }) }])
}

it('has told the workspace`s home when it is taken up again', async () => {
  const { log, exchange, sink, task } = cluster()
  const [early, later] = [history().slice(0, 90), history().slice(90)]
  await append(log, [...early, ...importOfLastYear()])
  const before = await task(OTHER)
  await committedAll(before, log, OTHER)
  await before.stop()

  const home = await task(HOME)
  await committedAll(home, log, HOME)
  await settle(home, exchange)
  await expect.poll(() => home.topology.rebuilds, PATIENT).toBe(1)
  await expect.poll(() => exchange.endOffset(OTHER), PATIENT).toBeGreaterThan(0)
  // Takes the order to rebuild with the commit of its stop, and builds anew with what came after the order.
  await append(log, later)
  const stopped = await task(OTHER, HOUR_MS)
  const end = await log.endOffset(OTHER)
  await expect.poll(() => stopped.status.processed[0], PATIENT).toBe(end)
  await stopped.stop()
  expect(stopped.topology.rebuilds).toBe(1)

  const other = await task(OTHER)
  await append(log, timeGoesOn())
  const alone = cluster()
  await append(alone.log, [...early, ...importOfLastYear(), ...later, ...timeGoesOn()])
  const whole = await alone.whole()
  await whole.waitFor(await Promise.all([0, 1].map((partition) => alone.log.endOffset(partition))))
  const growth = async () => {
    await settle(home, exchange)
    return sink.growth()
  }
  await expect.poll(growth, { ...PATIENT, interval: 200 }).toEqual(alone.sink.growth())
  for (const runner of [home, other, whole]) await runner.stop()
})
