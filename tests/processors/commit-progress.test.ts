/** How far the tasks are, as anybody reads it from their commits: never back, and nothing of who lost its task. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { CommitProgress } from '../../processors/runtime/commit-progress.ts'
import { encodeCommitRecord } from '../../processors/runtime/commit-records.ts'
import { FencedError } from '../../processors/runtime/commit-store.ts'
import { LogCommitStore } from '../../processors/runtime/log-commit-store.ts'
import type { Log } from '../../schemas/ports/log.ts'

const NOTE = { settlings: 2, hasUnsettled: true, rebuilds: 0 }

let log: Log
beforeEach(() => {
  log = createMemoryLog({ partitions: 2 })
})

const open = (partition: number, owner: string) => LogCommitStore.open({ log, partition, owner })
async function commit(store: LogCommitStore, from: number, through: number): Promise<void> {
  for (let sequence = from; sequence <= through; sequence += 1) {
    await store.intend(sequence, [sequence * 10])
    await store.done(sequence, NOTE)
  }
}
const append = (record: Parameters<typeof encodeCommitRecord>[0]) => log.append([{ partition: 0, value: encodeCommitRecord(record) }])
async function refreshed(progress = new CommitProgress(log)): Promise<CommitProgress> {
  await progress.refresh()
  return progress
}

describe('the progress of tasks', () => {
  it('is the newest done commit of each partition, read on as they go', async () => {
    const progress = await refreshed()
    expect([progress.of(0), progress.of(1)]).toEqual([undefined, undefined])
    const [zero, one] = [await open(0, 'a'), await open(1, 'b')]
    await commit(zero, 1, 2)
    await one.intend(1, [7])
    await refreshed(progress)
    expect(progress.of(0)).toMatchObject({ sequence: 2, positions: [20], note: { settlings: 2, hasUnsettled: true } })
    expect(progress.of(1)).toBeUndefined()
    await one.done(1, NOTE)
    await refreshed(progress)
    expect(progress.of(1)).toMatchObject({ sequence: 1, positions: [7] })
  })

  it('takes nothing of an owner that was taken over from', async () => {
    const stale = await open(0, 'stale')
    await commit(stale, 1, 1)
    const owner = await open(0, 'owner')
    await expect(stale.intend(2, [999])).rejects.toThrow(FencedError)
    await append({ v: 1, owner: 'stale', done: 2, positions: [999], note: NOTE })
    expect((await refreshed()).of(0)?.sequence).toBe(1)
    await commit(owner, 2, 2)
    expect((await refreshed()).of(0)?.positions).toEqual([20])
  })

  it('does not go back for a mark that lands late', async () => {
    const store = await open(0, 'a')
    await commit(store, 1, 3)
    await append({ v: 1, owner: 'a', done: 2, positions: [20], note: NOTE })
    expect((await refreshed()).of(0)?.sequence).toBe(3)
  })

  it('begins near the end of a long topic', async () => {
    const store = await open(0, 'a')
    await commit(store, 1, 1_000)
    let reads = 0
    const counting: Log = {
      ...log,
      async read(partition, offset, limit) {
        const messages = await log.read(partition, offset, limit)
        reads += messages.length
        return messages
      },
    }
    expect((await refreshed(new CommitProgress(counting))).of(0)?.sequence).toBe(1_000)
    expect(reads).toBeLessThan(300)
  })

  it('is found whoever wrote the first record that is read', async () => {
    const stale = await open(0, 'stale')
    const owner = await open(0, 'owner')
    await expect(stale.intend(1, [999])).rejects.toThrow(FencedError)
    await commit(owner, 1, 127)
    await owner.intend(128, [1_280])
    // The claims are 257 and 256 records away, what the stale owner wrote is the first of the tail.
    expect(await log.endOffset(0)).toBe(2 + 256)
    expect((await refreshed()).of(0)?.sequence).toBe(127)
  })
})
