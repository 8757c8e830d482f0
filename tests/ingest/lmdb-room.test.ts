/** Room written ahead at the end of the log's file: it is there, holds nothing, and nothing is ever lost to it. */
import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { usedBytes } from '../../ingest/log/lmdb-file.ts'
import { environmentOf } from '../../ingest/log/lmdb-partition.ts'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kappa-room-'))
})
afterEach(() => rm(path, { recursive: true, force: true }))

const value = (number: number, bytes: number) => Buffer.alloc(bytes, `${number},`)
/** Small commits with a large one now and then, so that LMDB and the room take turns in making the file longer. */
const sizes = Array.from({ length: 80 }, (_, number) => (number % 20 === 10 ? 1_500_000 : 60_000 + 700 * number))

async function append(from: number, freeBytes?: () => number): Promise<void> {
  const log = await openLmdbLog({ path, partitions: 1, ...(freeBytes && { freeBytes }) })
  for (const [number, bytes] of sizes.entries()) {
    const [offset] = await log.append([{ partition: 0, value: value(from + number, bytes) }])
    expect(offset).toBe(from + number)
  }
  await log.close()
}

async function expectAll(count: number): Promise<void> {
  const log = await openLmdbLog({ path, partitions: 1 })
  for (let offset = 0; offset < count; offset += 1) {
    const [message] = await log.read(0, offset, 1)
    expect(Buffer.compare(message?.value ?? Buffer.alloc(0), value(offset, sizes[offset % sizes.length] ?? 0))).toBe(0)
  }
  await log.close()
}

async function leftBytes(): Promise<number> {
  const root = open<Buffer, Buffer>(environmentOf(path))
  const used = usedBytes(root)
  await root.close()
  return (await stat(join(path, 'data.mdb'))).size - used
}

it('what is appended into room and behind it is all there after a restart, and what comes then', async () => {
  await append(0)
  expect(await leftBytes()).toBeGreaterThan(0)
  await expectAll(sizes.length)
  await append(sizes.length)
  await expectAll(2 * sizes.length)
})

it('room that a crash cut off is not missed', async () => {
  await append(0)
  const { size } = await stat(join(path, 'data.mdb'))
  await truncate(join(path, 'data.mdb'), size - (await leftBytes()))
  await expectAll(sizes.length)
  await append(sizes.length)
  await expectAll(2 * sizes.length)
})

it('a disk that is nearly full is left to the events', async () => {
  await append(0, () => 4_000_000 * 2)
  const withRoom = await leftBytes()
  await rm(path, { recursive: true })
  const log = await openLmdbLog({ path, partitions: 1, freeBytes: () => 3_000_000 })
  await log.append([{ partition: 0, value: value(0, 1_000) }])
  await log.close()
  expect([withRoom > 0, await leftBytes()]).toEqual([true, 0])
})
