import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { connectThreads } from '../../cli/thread-calls.ts'
import { FencedError } from '../../processors/runtime/commit-store.ts'
import { LogCorruptError, LogUnavailableError } from '../../schemas/ports/log.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'

describe('calls between threads', () => {
  let close = () => {}
  afterEach(() => close())

  function connect<Own extends object>(own: Own, transferred?: (message: unknown) => ArrayBuffer[]) {
    const { port1, port2 } = new MessageChannel()
    connectThreads(port2, own)
    const calls = connectThreads<Own, object>(port1, {}, transferred)
    close = () => {
      port1.close()
      port2.close()
    }
    return calls
  }

  it.each([WarehouseUnavailableError, LogUnavailableError, LogCorruptError, FencedError])('keep the class of %o', async (Thrown) => {
    const calls = connect({ fail: async () => Promise.reject(new Thrown('away')) })
    const error = await calls.fail().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Thrown)
    expect(error).toMatchObject({ message: 'away' })
  })

  it('keep what the warehouse says is wrong with a statement, and where it came from', async () => {
    const thrown = Object.assign(new Error('no such table'), { type: 'UNKNOWN_TABLE' })
    const calls = connect({ fail: async () => Promise.reject(thrown) })
    await expect(calls.fail()).rejects.toMatchObject({ message: 'no such table', type: 'UNKNOWN_TABLE', stack: thrown.stack })
  })

  it('move the memory that is named, and copy the rest', async () => {
    const calls = connect({ sizes: async (moved: Uint8Array, copied: Uint8Array) => [moved.byteLength, copied.byteLength] }, (message) => [
      (message as { a: Uint8Array<ArrayBuffer>[] }).a[0]?.buffer ?? new ArrayBuffer(0),
    ])
    const [moved, copied] = [new Uint8Array(10), new Uint8Array(20)]
    expect(await calls.sizes(moved, copied)).toEqual([10, 20])
    expect([moved.byteLength, copied.byteLength]).toEqual([0, 20])
  })

  it('come in the order in which they were made, whether an answer is awaited or not', async () => {
    const seen: number[] = []
    const calls = connect({
      note: (n: number) => void seen.push(n),
      all: () => [...seen],
    })
    for (let n = 0; n < 100; n += 1) void calls.note.asEvent(n)
    expect(await calls.all()).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  it('reject when the connection is closed', async () => {
    const calls = connect({ never: () => new Promise<void>(() => {}) })
    const open = calls.never()
    await new Promise((resolve) => setImmediate(resolve))
    calls.$close(new Error('processing has stopped'))
    await expect(open).rejects.toThrow('processing has stopped')
    await expect(calls.never()).rejects.toThrow('closed')
  })
})
