/**
 * What every driver of the log port must do. A driver's test calls `describeLogContract` with a way to open it; nothing
 * here knows a driver.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Log, StoredMessage } from '../../schemas/ports/log.ts'

export interface LogDriver {
  readonly name: string
  /** Makes a place for a new log and returns how to open it, again and again. */
  create(): Promise<{ open(partitions: number): Promise<Log>; dispose(): Promise<void> }>
  /** Whether what was appended is there after close and open. */
  readonly durable: boolean
}

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (message: StoredMessage | undefined) => new TextDecoder().decode(message?.value)
const message = (partition: number, value: string) => ({ partition, value: bytes(value) })

/** Everything of a partition from `offset` on, read in pieces of `limit`. */
async function readAll(log: Log, partition: number, offset = 0, limit = 1000): Promise<StoredMessage[]> {
  const all: StoredMessage[] = []
  for (let at = offset; ; ) {
    const piece = await log.read(partition, at, limit)
    expect(piece.length).toBeLessThanOrEqual(limit)
    const last = piece.at(-1)
    if (!last) return all
    all.push(...piece)
    at = last.offset + 1
  }
}

/** Registers the suite for one driver. */
export function describeLogContract(driver: LogDriver): void {
  describe(`log contract: ${driver.name}`, () => {
    let place: Awaited<ReturnType<LogDriver['create']>>
    let log: Log
    beforeEach(async () => {
      place = await driver.create()
      log = await place.open(3)
    })
    afterEach(async () => {
      await log.close()
      await place.dispose()
    })

    it('starts empty', async () => {
      expect(log.partitions).toBe(3)
      for (const partition of [0, 1, 2]) {
        expect(await log.startOffset(partition)).toBe(0)
        expect(await log.endOffset(partition)).toBe(0)
        expect(await log.read(partition, 0, 10)).toEqual([])
      }
    })

    it('gives dense offsets by partition, in the order of the messages', async () => {
      expect(await log.append([message(0, 'a'), message(2, 'b'), message(0, 'c')])).toEqual([0, 0, 1])
      expect(await log.append([message(2, 'd'), message(0, 'e')])).toEqual([1, 2])
      expect((await readAll(log, 0)).map((m) => [m.partition, m.offset, text(m)])).toEqual([
        [0, 0, 'a'],
        [0, 1, 'c'],
        [0, 2, 'e'],
      ])
      expect((await readAll(log, 2)).map((m) => [m.partition, m.offset, text(m)])).toEqual([
        [2, 0, 'b'],
        [2, 1, 'd'],
      ])
      expect(await readAll(log, 1)).toEqual([])
      expect([await log.endOffset(0), await log.endOffset(1), await log.endOffset(2)]).toEqual([3, 0, 2])
    })

    it('shows what was appended as soon as append resolves', async () => {
      for (let i = 0; i < 20; i++) {
        const [offset] = await log.append([message(1, `m${i}`)])
        expect(offset).toBe(i)
        expect(await log.endOffset(1)).toBe(i + 1)
        expect(text((await log.read(1, i, 1))[0])).toBe(`m${i}`)
      }
    })

    it('takes an empty append', async () => {
      expect(await log.append([])).toEqual([])
      expect(await log.endOffset(0)).toBe(0)
    })

    it('reads across batches, from the middle of one, and never more than the limit', async () => {
      let n = 0
      for (const size of [1, 7, 2, 30, 1, 1, 60]) await log.append(Array.from({ length: size }, () => message(0, `v${n++}`)))
      for (const limit of [1, 3, 29, 1000]) {
        for (const from of [0, 1, 5, 9, 41, 101]) {
          const all = await readAll(log, 0, from, limit)
          expect(all.map((m) => [m.offset, text(m)])).toEqual(Array.from({ length: 102 - from }, (_, i) => [from + i, `v${from + i}`]))
        }
      }
      expect((await log.read(0, 100, 10)).length).toBe(2)
      expect(await log.read(0, 102, 10)).toEqual([])
      expect(await log.read(0, 5_000, 10)).toEqual([])
      expect(await log.read(0, 0, 0)).toEqual([])
    })

    it('keeps concurrent appends whole, in order and without gaps', async () => {
      const offsets = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          log.append([message(i % 3, `${i}.0`), message((i + 1) % 3, `${i}.1`), message(i % 3, `${i}.2`)]),
        ),
      )
      const seen = new Map<string, number>()
      for (const partition of [0, 1, 2]) {
        const all = await readAll(log, partition)
        expect(all.map((m) => m.offset)).toEqual(all.map((_, i) => i))
        for (const m of all) seen.set(text(m), m.offset)
      }
      expect(seen.size).toBe(600)
      for (const [i, three] of offsets.entries()) expect(three).toEqual([seen.get(`${i}.0`), seen.get(`${i}.1`), seen.get(`${i}.2`)])
      // The appends of one caller keep their order.
      const first = await readAll(log, 0)
      const numbers = first.map((m) => Number(text(m).split('.')[0]))
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    })

    it('keeps values byte by byte: empty ones, big ones, every byte', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i)
      const big = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) & 255)
      await log.append([
        { partition: 0, value: new Uint8Array() },
        { partition: 0, value: every },
        { partition: 0, value: big },
        { partition: 0, value: big },
      ])
      const values = (await readAll(log, 0)).map((m) => Buffer.from(m.value))
      expect(values.length).toBe(4)
      expect(values[0]?.byteLength).toBe(0)
      expect(values[1]?.equals(every)).toBe(true)
      expect(values[2]?.equals(big)).toBe(true)
      expect(values[3]?.equals(big)).toBe(true)
    })

    it('keeps what a reader holds as it was, whatever is appended and read later', async () => {
      await log.append([message(0, 'held')])
      const [held] = await log.read(0, 0, 1)
      for (let i = 0; i < 50; i++) {
        await log.append([message(0, 'x'.repeat(100 + i))])
        await log.read(0, i, 5)
      }
      expect(text(held)).toBe('held')
    })

    it('does not share memory with the caller', async () => {
      const value = bytes('before')
      const appended = log.append([{ partition: 0, value }])
      await appended
      value.fill(0)
      expect(text((await log.read(0, 0, 1))[0])).toBe('before')
    })

    it('refuses a partition that does not exist and takes nothing of that append', async () => {
      await expect(log.append([message(0, 'a'), message(3, 'b')])).rejects.toThrow(RangeError)
      expect(await log.endOffset(0)).toBe(0)
      expect(await log.append([message(0, 'c')])).toEqual([0])
    })

    it('calls back after appends until unsubscribed', async () => {
      const listener = vi.fn()
      const unsubscribe = log.onAppend(listener)
      await log.append([message(0, 'a')])
      await vi.waitFor(() => expect(listener).toHaveBeenCalled())
      const calls = listener.mock.calls.length
      unsubscribe()
      await log.append([message(0, 'b')])
      await new Promise((resolve) => setImmediate(resolve))
      expect(listener.mock.calls.length).toBe(calls)
    })

    it('settles what waits when it is closed, and refuses what comes later', async () => {
      const waiting = Array.from({ length: 5 }, (_, i) => log.append([message(0, `${i}`)]))
      const closed = log.close()
      expect((await Promise.all(waiting)).flat()).toEqual([0, 1, 2, 3, 4])
      await closed
      await expect(log.append([message(0, 'late')])).rejects.toMatchObject({ name: 'LogUnavailableError' })
      if (driver.durable) log = await place.open(3)
    })

    it.runIf(driver.durable)('has everything after close and open, and goes on behind it', async () => {
      await log.append([message(0, 'a'), message(1, 'b'), message(0, 'c')])
      await log.append([message(0, 'd')])
      await log.close()
      log = await place.open(3)
      expect(await log.endOffset(0)).toBe(3)
      expect(await log.endOffset(1)).toBe(1)
      expect(await log.append([message(0, 'e')])).toEqual([3])
      expect((await readAll(log, 0)).map(text)).toEqual(['a', 'c', 'd', 'e'])
    })

    it.runIf(driver.durable)('refuses to open with another number of partitions', async () => {
      await log.close()
      await expect(place.open(5)).rejects.toThrow(/3.*5/)
      log = await place.open(3)
    })
  })
}
