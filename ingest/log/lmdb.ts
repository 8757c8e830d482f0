/**
 * The embedded log. One LMDB environment holds all partitions, so that a commit over several of them is one atomic
 * transaction and one sync. Keys are (partition, first offset), values whole batches (`batch-frame.ts`).
 *
 * Durability: with `overlappingSync: false` LMDB syncs inside the commit, so an awaited write is on disk. Writing runs on
 * LMDB's own thread. Measured beside `await put` + `await flushed` and `transactionSync`: 102, 128 and 74 us a commit
 * of 200 bytes, 0.79, 0.96 and 0.73 ms for 1 MB; the synchronous form stops the event loop during every sync and so is
 * no choice on disks whose sync takes milliseconds.
 */
import { chmod, mkdir } from 'node:fs/promises'
import { open, type RootDatabase } from 'lmdb'
import { PARTITIONER_VERSION } from '../../schemas/partitioner.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { AppendQueue, type PartitionAppend } from './append-queue.ts'
import { batchKey, encodeBatch } from './batch-frame.ts'
import type { CompanionLog, CompanionWrite } from './companions.ts'
import { assertRoomFor, freeBytesAt } from './disk-space.ts'
import { FileRoom } from './lmdb-room.ts'
import { markMade, mendLength, naming, refuseHeadless, syncFile } from './lmdb-file.ts'
import { type Binary, environmentOf, openRecords, PartitionReader } from './lmdb-partition.ts'

const LAYOUT_VERSION = 1
/** Batches are cut here, so that one read never has to hold much more. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024

/** The log of one machine, which can say why it takes nothing. */
export interface EmbeddedLog extends CompanionLog {
  /** Why the log takes no records now, or none until the next start; undefined when it does. */
  trouble(): string | undefined
}

/** Cuts the values of one partition into batches of bounded size. */
function* batchesOf({ partition, firstOffset, values }: PartitionAppend): Generator<{ key: Buffer; frame: Buffer }> {
  let from = 0
  while (from < values.length) {
    let bytes = 0
    let to = from
    do bytes += values[to++]?.byteLength ?? 0
    while (to < values.length && bytes + (values[to]?.byteLength ?? 0) <= BATCH_BYTES_MAX)
    const key = batchKey(partition, firstOffset + from)
    yield { key, frame: encodeBatch(key, values.slice(from, to)) }
    from = to
  }
}

/** Checks or, in a new log, writes what must not change: layout, partition count and partitioner. */
async function settleLayout(root: RootDatabase<Buffer, Buffer>, path: string, partitions: number): Promise<void> {
  const [layout, found] = naming(
    () => `the log in ${path} is damaged`,
    () => {
      const opened = root.openDB<{ version: number; partitions: number; partitioner: number }, string>({ name: 'layout', encoding: 'json' })
      return [opened, opened.get('log')] as const
    },
  )
  if (found === undefined) {
    await layout.put('log', { version: LAYOUT_VERSION, partitions, partitioner: PARTITIONER_VERSION })
    return
  }
  if (found.version !== LAYOUT_VERSION || found.partitioner !== PARTITIONER_VERSION) {
    throw new Error(`the log in ${path} has a layout that this version does not know`)
  }
  if (found.partitions !== partitions) {
    throw new Error(
      `the log in ${path} was made with ${found.partitions} partitions; it can't be opened with ${partitions}: that number is fixed`,
    )
  }
}

/**
 * Opens the log in folder `path`, or makes it. Only one process may write to it.
 * @throws Error when the log was made with another number of partitions or by a later version; LogCorruptError when its file was cut or damaged.
 */
export async function openLmdbLog(options: {
  readonly path: string
  readonly partitions: number
  /** Free bytes where the log is; by default what the file system says. */
  readonly freeBytes?: (path: string) => number
}): Promise<EmbeddedLog> {
  const { path, partitions, freeBytes = freeBytesAt } = options
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 65_535)
    throw new RangeError(`${partitions} partitions are not possible`)
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  await refuseHeadless(path)
  const damaged = () => `the log in ${path} is damaged`
  const root = naming(damaged, () => open<Buffer, Buffer>(environmentOf(path)))
  try {
    await mendLength(root, path)
    await syncFile(path)
    await settleLayout(root, path, partitions)
    await markMade(path)
  } catch (error) {
    await root.close()
    throw error
  }
  const records = openRecords(root)
  const blobs: Binary = root.openDB({ name: 'companions', encoding: 'binary', keyEncoding: 'binary' })
  const readers = Array.from({ length: partitions }, (_, partition) => new PartitionReader(records, partition))
  const readerOf = (partition: number): PartitionReader => {
    const reader = readers[partition]
    if (!reader) throw new RangeError(`there is no partition ${partition}`)
    return reader
  }

  const room = await FileRoom.open(root, path)
  let halted: string | undefined
  const commit = async (appends: readonly PartitionAppend[], companions: readonly CompanionWrite[]): Promise<void> => {
    if (halted !== undefined) throw new LogUnavailableError(halted)
    const batches = appends.flatMap((append) => [...batchesOf(append)])
    const bytes =
      batches.reduce((sum, { frame }) => sum + frame.byteLength, 0) +
      companions.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0)
    const free = freeBytes(path)
    assertRoomFor(bytes, free)
    // Commits come one after the other: nothing else is being written.
    await room.keepFor(bytes, free)
    try {
      // The writes inside of a batch settle with it: theirs is the one promise.
      await root.batch(() => {
        for (const { key, frame } of batches) void records.put(key, frame)
        for (const { key, value } of companions)
          void (value ? blobs.put(Buffer.from(key), Buffer.from(value)) : blobs.remove(Buffer.from(key)))
      })
    } catch (error) {
      const { reason, mayPass } = await commitFailure(error)
      if (!mayPass) halted = `the log can't be written: ${reason}; what of it is on the disk is not known: check the disk, then start again`
      throw new LogUnavailableError(halted ?? `the log can't be written: ${reason}`, { cause: error })
    }
    root.resetReadTxn()
  }
  let ends: number[]
  try {
    ends = readers.map((reader) => reader.end())
  } catch (error) {
    await room.close()
    await root.close()
    throw error
  }
  const queue = new AppendQueue(ends, commit)

  return {
    partitions,
    append: (messages, companions) => queue.append(messages, companions),
    read: (partition, offset, limit) => readerOf(partition).read(offset, limit, queue.endOffset(partition)),
    endOffset: (partition) => queue.endOffset(partition),
    startOffset: (partition) => readerOf(partition).start() ?? queue.endOffset(partition),
    onAppend: (listener) => queue.onAppend(listener),
    trouble() {
      if (halted !== undefined) return halted
      try {
        assertRoomFor(0, freeBytes(path))
        return undefined
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    },
    *companions(prefix) {
      const start = Buffer.from(prefix)
      for (const { key, value } of blobs.getRange({ start })) {
        if (!key.subarray(0, start.byteLength).equals(start)) return
        yield { key: Buffer.from(key), value: Buffer.from(value) }
      }
    },
    async close() {
      await queue.close()
      await room.close()
      await root.close()
    },
  }
}

/** Errors of the system after which all that failed was the room (ENOMEM, ENOSPC, EDQUOT): nothing was written that is in doubt. */
const NO_ROOM = new Set([12, 28, 122])

/**
 * LMDB hands the reason of a failed commit over as a promise that rejects. After a write or a sync that failed for another
 * reason than room, a later sync may succeed though pages were lost (Rebello et al., "Can Applications Recover from fsync
 * Failures?", USENIX ATC 2020): such a log takes nothing more.
 */
async function commitFailure(error: unknown): Promise<{ readonly reason: string; readonly mayPass: boolean }> {
  let cause = error
  if (error instanceof Error && 'commitError' in error) {
    try {
      await error.commitError
    } catch (reason) {
      cause = reason
    }
  }
  const code = cause instanceof Error && 'code' in cause ? Number(cause.code) : Number.NaN
  return { reason: cause instanceof Error ? cause.message : String(cause), mayPass: NO_ROOM.has(code) }
}
