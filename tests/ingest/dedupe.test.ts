import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { EventIdHash, workspaceHashState } from '../../ingest/dedupe/event-id-hash.ts'
import { EventIdIndex } from '../../ingest/dedupe/event-id-index.ts'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { NOW_MS, share, startIngest } from './ingest-fixture.ts'

describe('EventIdHash', () => {
  it('differs for all ids of a large set, by workspace and by seed', () => {
    const hash = new EventIdHash()
    const seen = new Set<string>()
    const states = ['a', 'b'].flatMap((workspace) => [1, 2].map((seed) => workspaceHashState(new Uint8Array(16).fill(seed), workspace)))
    for (const state of states) {
      for (let i = 0; i < 10_000; i++) {
        hash.hash(state, `id-${i}`)
        seen.add(`${hash.h0},${hash.h1},${hash.h2}`)
      }
    }
    expect(seen.size).toBe(40_000)
  })

  it('spreads its bits: each bit of each word is set in about half of all hashes', () => {
    const hash = new EventIdHash()
    const state = workspaceHashState(new Uint8Array(16).fill(7), 'w')
    const counts = new Array<number>(96).fill(0)
    for (let i = 0; i < 4_000; i++) {
      hash.hash(state, `higgs-${i}`)
      const words = [hash.h0, hash.h1, hash.h2]
      for (let bit = 0; bit < 96; bit++) counts[bit] = (counts[bit] ?? 0) + (((words[bit >> 5] ?? 0) >>> (bit & 31)) & 1)
    }
    // 2,000 expected, standard deviation 32: six of them.
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(192)
  })

  it('tells texts apart that differ in one place or in length only', () => {
    const hash = new EventIdHash()
    const state = workspaceHashState(new Uint8Array(16), 'w')
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
        hash.hash(state, a)
        const first = [hash.h0, hash.h1, hash.h2]
        hash.hash(state, b)
        expect(first.join() === [hash.h0, hash.h1, hash.h2].join()).toBe(a === b)
      }),
    )
  })
})

describe('EventIdIndex', () => {
  it('does what a map with expiry does, whatever is claimed, released and expired', () => {
    // Few distinct hashes with close homes, so that runs of slots collide, wrap around and are shifted.
    const word = fc.integer({ min: 0, max: 30 }).map((n) => (n < 15 ? n * 1_000_000 : 0xffffffff - n * 1_000_000))
    const step = fc.record({
      op: fc.constantFrom('claim', 'claim', 'claim', 'release', 'hour'),
      h0: word,
      h1: fc.integer({ min: 0, max: 40 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
        const index = new EventIdIndex(5)
        const model = new Map<string, number>()
        let hour = 100
        for (const { op, h0, h1 } of steps) {
          const name = `${h0}/${h1}`
          const known = model.get(name)
          const live = known !== undefined && hour - known <= 5
          if (op === 'hour') hour += h1 % 3
          else if (op === 'release') {
            index.release(h0, h1, 1)
            model.delete(name)
          } else {
            expect(index.claim(h0, h1, 1, hour)).toBe(!live)
            if (!live) model.set(name, hour)
            expect(index.has(h0, h1, 1, hour)).toBe(true)
          }
        }
        for (const [name, known] of model) {
          const [h0, h1] = name.split('/').map(Number)
          expect(index.has(h0 ?? 0, h1 ?? 0, 1, hour)).toBe(hour - known <= 5)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('grows, sweeps what has expired, and stays near 20 bytes an id', () => {
    const index = new EventIdIndex(168)
    const claimAll = (hour: number) => {
      let fresh = 0
      for (let i = 0; i < 200_000; i++) if (index.claim((Math.imul(i, 0x9e3779b1) ^ hour) >>> 0, i, hour, hour)) fresh += 1
      return fresh
    }
    expect(claimAll(1_000)).toBe(200_000)
    expect(claimAll(1_000)).toBe(0)
    expect(index.bytes / index.size).toBeLessThan(36)
    const before = index.bytes
    for (const hour of [1_200, 1_400, 1_600]) expect(claimAll(hour)).toBe(200_000)
    expect(index.bytes).toBeLessThanOrEqual(before * 2.3)
  })
})

describe('duplicates over HTTP', () => {
  it('within a request, between requests, and by workspace', async () => {
    const ingest = await startIngest()
    expect((await ingest.post([share({ event_id: 'a' }), share({ event_id: 'b' }), share({ event_id: 'a' })])).body).toMatchObject({
      accepted: 2,
      duplicates: 1,
    })
    expect((await ingest.post([share({ event_id: 'b' }), share({ event_id: 'c' })])).body).toMatchObject({ accepted: 1, duplicates: 1 })
    expect((await ingest.post(share({ event_id: 'a' }), { headers: { authorization: 'Bearer other-server-key' } })).body).toMatchObject({
      accepted: 1,
    })
    expect((await ingest.post([share(), share()])).body).toMatchObject({ accepted: 2 })
    expect((await ingest.records()).length).toBe(6)
    await ingest.close()
  })

  it('for 7 days by receipt, not longer', async () => {
    const ingest = await startIngest()
    await ingest.post(share({ event_id: 'a' }))
    ingest.clock.set(NOW_MS + 7 * DAY_MS)
    expect((await ingest.post(share({ event_id: 'a' }))).body).toMatchObject({ duplicates: 1 })
    ingest.clock.set(NOW_MS + 7 * DAY_MS + 2 * HOUR_MS)
    expect((await ingest.post(share({ event_id: 'a' }))).body).toMatchObject({ accepted: 1 })
    expect((await ingest.post(share({ event_id: 'a' }))).body).toMatchObject({ duplicates: 1 })
    await ingest.close()
  })

  it('is told only once the first is durable, and fails with it', async () => {
    const ingest = await startIngest()
    const append = ingest.log.append.bind(ingest.log)
    let settle: (fail: boolean) => void = () => {}
    ingest.log.append = async (...args) => {
      if (await new Promise<boolean>((resolve) => (settle = resolve))) throw new LogUnavailableError('sync failed')
      return append(...args)
    }
    const wait = () => new Promise((resolve) => setTimeout(resolve, 20))
    for (const fail of [true, false]) {
      let answered = 0
      const first = ingest.post(share({ event_id: 'x' })).finally(() => (answered += 1))
      await wait()
      const second = ingest.post(share({ event_id: 'x' })).finally(() => (answered += 1))
      await wait()
      expect(answered).toBe(0)
      settle(fail)
      if (fail) {
        expect((await first).status).toBe(503)
        // The second is now the first: its event is new, and waits for a commit of its own.
        await wait()
        expect(answered).toBe(1)
        settle(true)
        expect((await second).status).toBe(503)
      } else {
        expect((await first).body).toMatchObject({ accepted: 1, duplicates: 0 })
        expect((await second).body).toMatchObject({ accepted: 0, duplicates: 1 })
      }
    }
    expect((await ingest.records()).length).toBe(1)
    await ingest.close()
  })

  it('the answers add up and each id is stored once, however ids repeat and requests overlap', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }), { maxLength: 12 }), async (requests) => {
        const ingest = await startIngest()
        const answers = await Promise.all(requests.map((ids) => ingest.post(ids.map((id) => share({ event_id: `e${id}` })))))
        const sum = (field: string) => answers.reduce((total, { body }) => total + Number(body[field]), 0)
        const distinct = new Set(requests.flat()).size
        expect(sum('accepted')).toBe(distinct)
        expect(sum('duplicates')).toBe(requests.flat().length - distinct)
        expect((await ingest.records()).length).toBe(distinct)
        await ingest.close()
      }),
      { numRuns: 25 },
    )
  })
})

describe('DedupeStep on disk', () => {
  const folders: string[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
  })
  const folder = async () => {
    const path = await mkdtemp(join(tmpdir(), 'kappa-dedupe-'))
    folders.push(path)
    return path
  }

  it('knows after a restart what was committed, in small and large commits, and nothing of a failed one', async () => {
    const path = await folder()
    let nowMs = NOW_MS
    const clock = { nowMs: () => nowMs }
    let log = await openLmdbLog({ path, partitions: 1 })
    let dedupe = await DedupeStep.open(log, clock, randomBytes)
    const commit = async (from: number, to: number) => {
      for (let i = from; i < to; i++) expect(dedupe.claim(dedupe.keyOf('w', `e${i}`))).toBe(true)
      await log.append([{ partition: 0, value: Buffer.from('x') }], dedupe.prepareCommit())
      dedupe.committed()
    }
    for (let i = 0; i < 310; i++) await commit(i, i + 1)
    await commit(310, 5_000)
    dedupe.claim(dedupe.keyOf('w', 'failed'))
    dedupe.prepareCommit()
    dedupe.failed()
    nowMs += HOUR_MS
    await commit(5_000, 5_010)
    expect([...log.companions(Buffer.from('event-ids/'))].length).toBeLessThan(6)
    await log.close()

    log = await openLmdbLog({ path, partitions: 1 })
    dedupe = await DedupeStep.open(log, clock, randomBytes)
    expect(dedupe.stats.ids).toBe(5_010)
    expect(Array.from({ length: 5_010 }, (_, i) => dedupe.claim(dedupe.keyOf('w', `e${i}`))).filter(Boolean)).toEqual([])
    expect(dedupe.claim(dedupe.keyOf('w', 'failed'))).toBe(true)
    expect(dedupe.claim(dedupe.keyOf('v', 'e1'))).toBe(true)

    // Segments of the past go with a later commit.
    nowMs += 8 * DAY_MS
    await commit(6_000, 6_001)
    expect([...log.companions(Buffer.from('event-ids/'))].length).toBe(1)
    await log.close()
  })

  it('refuses a damaged segment', async () => {
    const log = createMemoryLog({ partitions: 1 })
    const clock = { nowMs: () => NOW_MS }
    const dedupe = await DedupeStep.open(log, clock, randomBytes)
    dedupe.claim(dedupe.keyOf('w', 'a'))
    await log.append([], dedupe.prepareCommit())
    const [segment] = [...log.companions(Buffer.from('event-ids/'))]
    const value = Uint8Array.from(segment?.value ?? [])
    value[7] = (value[7] ?? 0) ^ 1
    await log.append([], [{ key: segment?.key ?? new Uint8Array(), value }])
    await expect(DedupeStep.open(log, clock, randomBytes)).rejects.toThrow(/damaged/)
  })
})
