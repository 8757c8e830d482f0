/** Commits on a log that instances share: who claimed a task last owns it, and all readers agree on what was committed. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { encodeCommitRecord } from '../../processors/runtime/commit-records.ts'
import { type CommitEntry, FencedError } from '../../processors/runtime/commit-store.ts'
import { LogCommitStore } from '../../processors/runtime/log-commit-store.ts'
import { type Log, LogUnavailableError } from '../../schemas/ports/log.ts'
import { type DoubtfulLog, doubtfulLog } from './doubtful-log.ts'

const NOTE = { settlings: 0, hasUnsettled: false, rebuilds: 0 }
const PARTITION = 1

let log: DoubtfulLog
beforeEach(() => {
  log = doubtfulLog(createMemoryLog({ partitions: 2 }))
})

const open = (owner: string, from: Log = log) => LogCommitStore.open({ log: from, partition: PARTITION, owner })
/** What somebody finds who takes the task up now: in a copy, so that who owns it is left in peace. */
async function found(): Promise<CommitEntry[]> {
  const copy = createMemoryLog({ partitions: 2 })
  await copy.append(await log.read(PARTITION, 0, await log.endOffset(PARTITION)))
  return (await open('reader', copy)).after(0)
}

/** The log without its oldest records, as retention leaves it. */
function withoutBefore(source: Log, start: number): Log {
  return {
    ...source,
    read: (partition, offset, limit) => source.read(partition, Math.max(start, offset), limit),
    startOffset: () => start,
  }
}

describe('an owner that crashes', () => {
  const steps = [
    { after: 'its claim', act: async () => {}, left: [] },
    {
      after: 'an intent',
      act: async (store: LogCommitStore) => store.intend(1, [5, 0]),
      left: [{ sequence: 1, positions: [5, 0], done: false }],
    },
    {
      after: 'an intent of which the answer was lost',
      act: async (store: LogCommitStore) => {
        log.fates.push('answer lost')
        await expect(store.intend(1, [5, 0])).rejects.toThrow(LogUnavailableError)
      },
      left: [{ sequence: 1, positions: [5, 0], done: false }],
    },
    {
      after: 'an intent that was refused',
      act: async (store: LogCommitStore) => {
        log.fates.push('refused')
        await expect(store.intend(1, [5, 0])).rejects.toThrow(LogUnavailableError)
      },
      left: [],
    },
    {
      after: 'a commit',
      act: async (store: LogCommitStore) => {
        await store.intend(1, [5, 0])
        await store.done(1, NOTE)
      },
      left: [{ sequence: 1, positions: [5, 0], done: true }],
    },
    {
      after: 'the intent of the next',
      act: async (store: LogCommitStore) => {
        await store.intend(1, [5, 0])
        await store.done(1, NOTE)
        await store.intend(2, [9, 2])
      },
      left: [
        { sequence: 1, positions: [5, 0], done: true },
        { sequence: 2, positions: [9, 2], done: false },
      ],
    },
  ]
  it.each(steps)('after $after: the next one goes on from there', async ({ act, left }) => {
    await act(await open('a'))
    const next = await open('b')
    expect(next.after(0)).toEqual(left)
    const isOpen = left.at(-1)?.done === false
    if (isOpen) await next.done(left.length, NOTE)
    await next.intend(left.length + 1, [20, 20])
    expect(await found()).toEqual([
      ...left.map((entry) => ({ ...entry, done: true })),
      { sequence: left.length + 1, positions: [20, 20], done: false },
    ])
  })

  it('in another partition changes nothing here', async () => {
    const other = await LogCommitStore.open({ log, partition: 0, owner: 'other' })
    await other.intend(1, [1])
    const store = await open('a')
    expect(store.after(0)).toEqual([])
    await other.done(1, NOTE)
    await store.intend(1, [5])
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: false }])
  })

  it('leaves what the next one finds when the topic has forgotten its claim', async () => {
    const store = await open('a')
    for (let sequence = 1; sequence <= 3; sequence += 1) {
      await store.intend(sequence, [sequence])
      await store.done(sequence, NOTE)
    }
    const next = await open('b', withoutBefore(log, 3)) // claim, intent and mark of the first commit are gone
    expect(next.after(0)).toEqual([
      { sequence: 2, positions: [2], done: true },
      { sequence: 3, positions: [3], done: true },
    ])
  })
})

describe('an opening from a snapshot', () => {
  it('reads what stands behind its place, and has the commits since; rivals are heard of as ever', async () => {
    const first = await open('a')
    for (const sequence of [1, 2, 3]) {
      await first.intend(sequence, [sequence])
      await first.done(sequence, NOTE)
    }
    const { place } = first
    await first.intend(4, [4])
    let oldest = Number.POSITIVE_INFINITY
    const watched: Log = {
      ...log,
      read(partition, offset, limit) {
        oldest = Math.min(oldest, offset)
        return log.read(partition, offset, limit)
      },
    }
    const next = await LogCommitStore.open({ log: watched, partition: PARTITION, owner: 'b', from: { commit: 3, place } })
    expect(oldest).toBe(place.offset)
    expect(next.after(3)).toEqual([{ sequence: 4, positions: [4], done: false }])
    await next.done(4, NOTE)
    await next.intend(5, [5])
    await expect(first.intend(5, [6])).rejects.toThrow(FencedError)
    expect(await found()).toEqual([1, 2, 3, 4, 5].map((sequence) => ({ sequence, positions: [sequence], done: sequence < 5 })))
  })

  it('passes over an intent that was sent twice and lands behind the place', async () => {
    const first = await open('a')
    log.fates.push('lands later')
    await expect(first.intend(1, [5])).rejects.toThrow(LogUnavailableError)
    await first.intend(1, [5])
    await first.done(1, NOTE)
    const { place } = first
    await log.land()
    await first.intend(2, [7])
    const next = await LogCommitStore.open({ log, partition: PARTITION, owner: 'b', from: { commit: 1, place } })
    expect(next.after(0)).toEqual([{ sequence: 2, positions: [7], done: false }])
  })
})

describe('an owner that was taken over from', () => {
  it('is fenced at its next intent, and stays so; what it wrote is void', async () => {
    const stale = await open('stale')
    await stale.intend(1, [5])
    await stale.done(1, NOTE)
    const owner = await open('owner')
    await expect(stale.intend(2, [6])).rejects.toThrow(FencedError)
    await expect(stale.intend(2, [6])).rejects.toThrow(FencedError)
    await owner.intend(2, [8])
    await expect(stale.done(1, NOTE)).rejects.toThrow(FencedError)
    await owner.done(2, NOTE)
    expect(owner.after(1)).toEqual([{ sequence: 2, positions: [8], done: true }])
    expect(await found()).toEqual([
      { sequence: 1, positions: [5], done: true },
      { sequence: 2, positions: [8], done: true },
    ])
  })

  it('is fenced when it marks a commit, and writes no other', async () => {
    const stale = await open('stale')
    await stale.intend(1, [5])
    const owner = await open('owner')
    expect(owner.after(0)).toEqual([{ sequence: 1, positions: [5], done: false }])
    await expect(stale.done(1, NOTE)).rejects.toThrow(FencedError)
    await expect(stale.intend(1, [5])).rejects.toThrow(FencedError)
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: false }])
    await owner.done(1, NOTE)
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: true }])
  })

  it('is fenced when the answer that told of it was lost first', async () => {
    const stale = await open('stale')
    await open('owner')
    log.fates.push('answer lost')
    await expect(stale.intend(1, [5])).rejects.toThrow(LogUnavailableError)
    await expect(stale.intend(1, [5])).rejects.toThrow(FencedError)
    expect(await found()).toEqual([])
  })

  it('learns so although reading up to its record broke off', async () => {
    const breaking = doubtfulLog(log)
    let isBroken = false
    const read: Log['read'] = (partition, offset, limit) => {
      if (isBroken && offset > 1) throw new LogUnavailableError('broken off')
      return log.read(partition, offset, isBroken ? 1 : limit)
    }
    const stale = await open('stale', { ...breaking, read })
    await open('owner')
    isBroken = true
    await expect(stale.intend(1, [5])).rejects.toThrow(LogUnavailableError)
    isBroken = false
    await expect(stale.intend(1, [5])).rejects.toThrow(FencedError)
    expect(await found()).toEqual([])
  })

  it('does not trouble the owner with what it writes', async () => {
    const stale = await open('stale')
    const owner = await open('owner')
    await expect(stale.intend(1, [6])).rejects.toThrow(FencedError)
    await owner.intend(1, [8])
    expect(owner.after(0)).toEqual([{ sequence: 1, positions: [8], done: false }])
    expect(await found()).toEqual([{ sequence: 1, positions: [8], done: false }])
  })
})

describe('what is tried again', () => {
  it.each(['refused', 'answer lost', 'lands later'] as const)('counts once: %s', async (fate) => {
    const store = await open('a')
    log.fates.push(fate)
    await expect(store.intend(1, [5])).rejects.toThrow(LogUnavailableError)
    await store.intend(1, [5])
    log.fates.push(fate)
    await expect(store.done(1, NOTE)).rejects.toThrow(LogUnavailableError)
    await store.done(1, NOTE)
    await store.intend(2, [7])
    await store.done(2, NOTE)
    await store.dropThrough(1)
    await log.land()
    await store.intend(3, [9])
    const after = [
      { sequence: 2, positions: [7], done: true },
      { sequence: 3, positions: [9], done: false },
    ]
    expect(store.after(0)).toEqual(after)
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: true }, ...after])
  })

  it('with other positions is refused where a first one stands', async () => {
    const store = await open('a')
    log.fates.push('answer lost')
    await expect(store.intend(1, [5])).rejects.toThrow(LogUnavailableError)
    await expect(store.intend(1, [6])).rejects.toThrow('other positions')
    await store.intend(1, [5])
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: false }])
  })

  it('with other positions is refused where the owner before intended it', async () => {
    const before = await open('before')
    await before.intend(1, [5])
    const owner = await open('owner')
    await expect(owner.intend(1, [6])).rejects.toThrow('other positions')
    await owner.intend(1, [5])
    await owner.done(1, NOTE)
    expect(await found()).toEqual([{ sequence: 1, positions: [5], done: true }])
  })

  it('takes the positions of the call, whatever becomes of the array', async () => {
    const store = await open('a')
    const positions = [5]
    const intended = store.intend(1, positions)
    positions[0] = 6
    await intended
    const entries = [{ sequence: 1, positions: [5], done: false }]
    expect(store.after(0)).toEqual(entries)
    expect(await found()).toEqual(entries)
  })
})

it('records that this build does not know stop the opening: commits are not passed over', async () => {
  await log.append([{ partition: PARTITION, value: new TextEncoder().encode('{"v":2,"claim":"later"}') }])
  await expect(open('a')).rejects.toThrow()
  expect(new TextDecoder().decode(encodeCommitRecord({ v: 1, owner: 'a', intend: 1, positions: [5] }))).toBe(
    '{"v":1,"owner":"a","intend":1,"positions":[5]}',
  )
})
