/** Snapshots that instances share: whoever takes a task up finds the newest that is whole, whatever was broken off or damaged. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { SharedSnapshotStore } from '../../processors/runtime/shared-snapshot-store.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import { type SnapshotLog, SnapshotTopic } from '../../processors/runtime/snapshot-topic.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { forgettingLog } from './forgetting-log.ts'

const PARTITION = 1
/** More than one chunk, and little when compressed. */
const names = Array.from({ length: 30_000 }, (_, index) => `an actor with a name of some length, ${index}`)
type State = { readonly names: readonly string[] }

let folder: string
let log: SnapshotLog
let errors: string[]
let ids: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-shared-'))
  log = forgettingLog(createMemoryLog({ partitions: 2 }))
  errors = []
  ids = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function storeOf(instance: string, seen: SnapshotLog = log): SharedSnapshotStore<State> {
  const onError = (message: string, error: unknown) => void errors.push(`${message}: ${String(error)}`)
  const newId = () => {
    ids += 1
    return `snapshot-${ids}`
  }
  const topic = new SnapshotTopic({ log: seen, partition: PARTITION, newId, onError })
  return new SharedSnapshotStore({ files: new FileSnapshotStore<State>(join(folder, instance)), topic, onError })
}
const snapshotOf = (commit: number) => ({
  commit,
  positions: [commit * 10, 0],
  place: { owner: 'a', offset: commit * 2 },
  state: { names: [...names, String(commit)] },
})
async function written(store: SharedSnapshotStore<State>, ...commits: number[]): Promise<void> {
  for (const commit of commits) await (await store.write(snapshotOf(commit))).keep()
  await store.close()
}
/** The commit that an instance goes on from; its state is checked. */
async function restored(store: SharedSnapshotStore<State>): Promise<number | undefined> {
  const snapshot = await store.restore()
  expect(await store.readNewest()).toBe(snapshot)
  if (snapshot !== undefined) expect(snapshot).toEqual(snapshotOf(snapshot.commit))
  return snapshot?.commit
}
/** A log that takes so many appends and no more. */
function takes(appends: number): SnapshotLog {
  let left = appends
  return {
    ...log,
    async append(messages) {
      if (left === 0) throw new LogUnavailableError('away')
      left -= 1
      return log.append(messages)
    },
  }
}

describe('snapshots in a topic', () => {
  it('are found by an instance that has nothing, the newest first, and by one that has an older one', async () => {
    expect(await restored(storeOf('one'))).toBeUndefined()
    await written(storeOf('one'), 5)
    expect(await restored(storeOf('two'))).toBe(5)
    await written(storeOf('one'), 9)
    expect(await restored(storeOf('two'))).toBe(9)
    expect(await restored(storeOf('three'))).toBe(9)
    expect(errors).toEqual([])
  })

  it('give way to a newer one on the disk', async () => {
    const one = storeOf('one', takes(2))
    await written(one, 5, 9) // chunks and record of the first
    expect(errors).toEqual([expect.stringContaining('could not be shared')])
    expect(await restored(storeOf('one'))).toBe(9)
    expect(await restored(storeOf('two'))).toBe(5)
  })

  it('are small records, of which those of the two newest stay', async () => {
    const one = storeOf('one')
    await written(one, 1)
    const records = await log.endOffset(PARTITION)
    expect(records).toBeGreaterThan(2)
    for (const { value } of await log.read(PARTITION, 0, 100)) expect(value.length).toBeLessThan(512 * 1024)
    await written(one, 2, 3, 4)
    expect(await log.startOffset(PARTITION)).toBe(2 * records)
    expect(await log.endOffset(PARTITION)).toBe(4 * records)
    expect(await log.endOffset(0)).toBe(0)
  })

  it('that stay are those that can be read: what was restored, and what came after it', async () => {
    await written(storeOf('one'), 1, 2)
    const two = storeOf('two')
    await restored(two)
    await written(two, 3)
    await rm(join(folder, 'two'), { recursive: true })
    expect((await log.read(PARTITION, await log.startOffset(PARTITION), 100)).length).toBe((2 * (await log.endOffset(PARTITION))) / 3)
    expect(await restored(storeOf('three'))).toBe(3)
  })

  it.each([0, 1, 2])('that were broken off after %i appends are passed over, and the next is written', async (appends) => {
    await written(storeOf('one'), 5)
    const broken = storeOf('two', takes(appends))
    await restored(broken)
    await written(broken, 9)
    const expected = appends < 2 ? 5 : 9
    expect(errors.length).toBe(appends < 2 ? 1 : 0)
    const three = storeOf('three')
    expect(await restored(three)).toBe(expected)
    await written(three, 12)
    expect(await restored(storeOf('four'))).toBe(12)
  })

  it('of two instances that write at once are both whole, and an older one that lands last does no harm', async () => {
    const [one, two] = [storeOf('one'), storeOf('two')]
    await Promise.all([written(one, 5), written(two, 6)])
    expect(await restored(storeOf('three'))).toBeGreaterThanOrEqual(5)
    await written(two, 7, 8)
    await written(one, 5) // was held up; what it kept is deleted long since
    expect(await restored(storeOf('four'))).toBeGreaterThanOrEqual(5)
    expect(errors).toEqual([])
  })

  it('that are damaged give way to the one before', async () => {
    await written(storeOf('one'), 5, 9)
    const messages = await log.read(PARTITION, 0, 100)
    const damaged = forgettingLog(createMemoryLog({ partitions: 2 }))
    await damaged.append(
      messages.map(({ value }, index) => ({ partition: PARTITION, value: index === messages.length - 2 ? cut(value) : value })),
    )
    const two = storeOf('two', damaged)
    expect(await restored(two)).toBe(5)
    expect(errors).toEqual([expect.stringContaining('commit 9 could not be fetched whole')])
  })

  it('that are damaged on the disk only are fetched again', async () => {
    await written(storeOf('one'), 5)
    const [name = ''] = await readdir(join(folder, 'one'))
    const bytes = await readFile(join(folder, 'one', name))
    await writeFile(join(folder, 'one', name), bytes.subarray(0, bytes.length / 2))
    expect(await restored(storeOf('one'))).toBe(5)
  })
})

/** The same record with a body that is cut short. */
function cut(value: Uint8Array): Uint8Array {
  return value.subarray(0, value.length - 20)
}
