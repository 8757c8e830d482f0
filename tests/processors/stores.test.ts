import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { type CommitStore, FileCommitStore, MemoryCommitStore } from '../../processors/runtime/commit-store.ts'
import { LogCommitStore } from '../../processors/runtime/log-commit-store.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-stores-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const NOTE = { settlings: 0, hasUnsettled: false, rebuilds: 0 }
const NAMES = ['memory', 'file', 'log'] as const

describe.each(NAMES)('a store of commits: %s', (name) => {
  /** Opens the store; what it has outlives the opening. */
  let open: () => Promise<CommitStore>
  let opened: CommitStore[]
  beforeEach(() => {
    const memory = new MemoryCommitStore()
    const log = createMemoryLog({ partitions: 1 })
    opened = []
    open = async () => {
      const owner = `owner-${opened.length}`
      const store = await {
        memory: async () => memory,
        file: () => FileCommitStore.open(join(folder, 'commits.log')),
        log: () => LogCommitStore.open({ log, partition: 0, owner }),
      }[name]()
      opened.push(store)
      return store
    }
  })
  afterEach(() => Promise.all(opened.map((store) => store.close())))

  it('has them in order with what became of each, and so has who opens it next', async () => {
    const store = await open()
    expect(store.after(0)).toEqual([])
    for (const sequence of [1, 2]) {
      await store.intend(sequence, [sequence * 5, sequence])
      await store.done(sequence, NOTE)
    }
    await store.intend(3, [15, 3])
    const entries = [
      { sequence: 1, positions: [5, 1], done: true },
      { sequence: 2, positions: [10, 2], done: true },
      { sequence: 3, positions: [15, 3], done: false },
    ]
    for (const one of [store, await open()]) {
      for (const from of [0, 1, 2, 3]) expect(one.after(from)).toEqual(entries.slice(from))
    }
  })

  it('counts once what is tried again with the same arguments', async () => {
    const store = await open()
    for (let tries = 0; tries < 2; tries += 1) await store.intend(1, [5])
    for (let tries = 0; tries < 2; tries += 1) await store.done(1, NOTE)
    for (const one of [store, await open()]) expect(one.after(0)).toEqual([{ sequence: 1, positions: [5], done: true }])
  })

  it('marks what was left open, and goes on from there', async () => {
    await (await open()).intend(1, [5])
    const next = await open()
    await next.done(1, NOTE)
    await next.intend(2, [6])
    expect((await open()).after(0)).toEqual([
      { sequence: 1, positions: [5], done: true },
      { sequence: 2, positions: [6], done: false },
    ])
  })

  it('forgets what is dropped and keeps the rest, also what is under way', async () => {
    const store = await open()
    for (const sequence of [1, 2, 3]) {
      await store.intend(sequence, [sequence])
      if (sequence < 3) await store.done(sequence, NOTE)
    }
    await store.dropThrough(2)
    await store.done(3, NOTE)
    const left = [{ sequence: 3, positions: [3], done: true }]
    expect(store.after(0)).toEqual(left)
    expect((await open()).after(2)).toEqual(left)
  })
})

describe('commits on disk', () => {
  const path = () => join(folder, 'commits.log')
  const reopened = async (use: (store: FileCommitStore) => Promise<void> | void) => {
    const store = await FileCommitStore.open(path())
    await use(store)
    await store.close()
  }

  it('are there after a restart, open ones too', async () => {
    await reopened(async (store) => {
      await store.intend(1, [5])
      await store.done(1)
      await store.intend(2, [9])
    })
    await reopened((store) => {
      expect(store.after(0)).toEqual([
        { sequence: 1, positions: [5], done: true },
        { sequence: 2, positions: [9], done: false },
      ])
      expect(store.after(1)).toHaveLength(1)
    })
  })

  it('survive a line torn at any byte, which is cut off', async () => {
    await reopened(async (store) => {
      await store.intend(1, [5, 6])
      await store.done(1)
    })
    const whole = await readFile(path())
    await reopened((store) => store.intend(2, [7, 8]))
    const longer = await readFile(path())
    for (let length = whole.length; length < longer.length; length += 1) {
      await writeFile(path(), longer)
      await truncate(path(), length)
      await reopened(async (store) => {
        expect(store.after(0)).toEqual([{ sequence: 1, positions: [5, 6], done: true }])
        await store.intend(3, [9, 9])
      })
      await reopened((store) => expect(store.after(1)).toEqual([{ sequence: 3, positions: [9, 9], done: false }]))
    }
  })

  it('forget what no snapshot needs, and go on', async () => {
    await reopened(async (store) => {
      for (let sequence = 1; sequence <= 4; sequence += 1) {
        await store.intend(sequence, [sequence * 10])
        if (sequence < 4) await store.done(sequence)
      }
      await store.dropThrough(2)
      await store.done(4)
    })
    await reopened((store) => {
      expect(store.after(0)).toEqual([
        { sequence: 3, positions: [30], done: true },
        { sequence: 4, positions: [40], done: true },
      ])
    })
  })
})

describe('snapshots on disk', () => {
  const snapshot = (sequence: number) => ({
    commit: sequence * 2,
    positions: [sequence * 100],
    state: { people: new Map([['ann', sequence]]) },
  })
  const sorted = async () => (await readdir(folder)).sort()

  it('the newest comes back as it was, and two are kept', async () => {
    const store = new FileSnapshotStore(folder)
    expect(await store.readNewest()).toBeUndefined()
    for (const sequence of [1, 2, 3]) await (await store.write(snapshot(sequence))).keep()
    expect(await new FileSnapshotStore(folder).readNewest()).toEqual(snapshot(3))
    expect(await readdir(folder)).toHaveLength(2)
    expect(await store.oldestCommit()).toBe(4)
  })

  it('the place of its commits comes with it', async () => {
    const placed = { ...snapshot(1), place: { owner: 'a', offset: 17 } }
    await (await new FileSnapshotStore(folder).write(placed)).keep()
    expect(await new FileSnapshotStore(folder).readNewest()).toEqual(placed)
  })

  it('a damaged newest gives way to the one before', async () => {
    const store = new FileSnapshotStore(folder)
    for (const sequence of [1, 2]) await (await store.write(snapshot(sequence))).keep()
    const newest = join(folder, (await sorted()).at(-1) ?? '')
    const bytes = await readFile(newest)
    const damages: [string, Uint8Array][] = [
      ['longer', Buffer.concat([bytes, Buffer.from('x')])],
      ['longer by a frame', Buffer.concat([bytes, Buffer.alloc(8)])],
      ['other version', Buffer.concat([Buffer.from('kappa-state 999\n'), bytes.subarray(14)])],
    ]
    for (let at = 0; at < bytes.length; at += 3) {
      damages.push([`cut at ${at}`, bytes.subarray(0, at)])
      damages.push([`flipped at ${at}`, Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)))])
    }
    for (const [damage, damaged] of damages) {
      await writeFile(newest, damaged)
      expect(await new FileSnapshotStore(folder).readNewest(), damage).toEqual(snapshot(1))
    }
  })

  it('of ten thousand bytes and of ten million are read the same', async () => {
    for (const [sequence, count] of [200, 200_000].entries()) {
      const state = { names: Array.from({ length: count }, (_, index) => `an actor with a name of some length, ${index}`) }
      await (await new FileSnapshotStore(folder).write({ ...snapshot(sequence + 1), state })).keep()
      expect((await new FileSnapshotStore<typeof state>(folder).readNewest())?.state.names.join()).toBe(state.names.join())
    }
  })

  it('one that is damaged does not count as kept: commits since the one before stay', async () => {
    const store = new FileSnapshotStore(folder)
    for (const sequence of [1, 2]) await (await store.write(snapshot(sequence))).keep()
    await writeFile(join(folder, (await sorted()).at(-1) ?? ''), 'damaged')
    const next = new FileSnapshotStore(folder)
    expect(await next.readNewest()).toEqual(snapshot(1))
    expect(await next.oldestCommit()).toBe(0)
    await (await next.write(snapshot(3))).keep()
    expect(await next.oldestCommit()).toBe(2)
    expect(await readdir(folder)).toHaveLength(2)
    expect(await new FileSnapshotStore(folder).readNewest()).toEqual(snapshot(3))
  })

  it('the same commit may have another one: it counts', async () => {
    const store = new FileSnapshotStore(folder)
    for (const name of ['one', 'two', 'three'])
      await (await store.write({ ...snapshot(1), state: { people: new Map([[name, 1]]) } })).keep()
    expect((await new FileSnapshotStore(folder).readNewest())?.state).toEqual({ people: new Map([['three', 1]]) })
  })

  it('what was being written when the power went is not taken for a snapshot', async () => {
    const store = new FileSnapshotStore(folder)
    await (await store.write(snapshot(1))).keep()
    await writeFile(join(folder, '000000000002-4.state.part'), 'half')
    expect(await store.readNewest()).toEqual(snapshot(1))
  })
})
