/** The file of the embedded log as the disk holds it: what a cut or a damage of it would do to the process is met here. */
import { open, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { LogCorruptError } from '../../schemas/ports/log.ts'

/** LMDB's file begins with two pages of its own, of 4096 bytes or more. */
const HEAD_BYTES = 2 * 4096

/** The file of the environment in folder `path`. */
export function dataFileOf(path: string): string {
  return join(path, 'data.mdb')
}

/** How far LMDB uses its file, as of the newest transaction. */
export function usedBytes(root: RootDatabase<Buffer, Buffer>): number {
  const { lastPageNumber, pageSize } = root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number }
  return (lastPageNumber + 1) * pageSize
}

/** Stands beside the file from the moment at which the log was made whole. */
const markOf = (path: string) => join(path, 'made')

const FULL = new Set(['ENOSPC', 'EDQUOT'])

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Throws LogCorruptError when the file in folder `path` does not even hold its head: LMDB would end the process, or begin a
 * new log in the place of one that held records. No file, or an empty one, is a new log only where none was made before.
 */
export async function refuseHeadless(path: string): Promise<void> {
  const size = await sizeOf(dataFileOf(path))
  if ((size ?? 0) >= HEAD_BYTES) return
  const isNew = (size ?? 0) === 0 && (await sizeOf(markOf(path))) === undefined
  if (isNew) return
  const what = size === undefined ? 'is gone' : size === 0 ? 'is empty' : `is cut to ${size} bytes`
  throw new LogCorruptError(
    `the log in ${path} is damaged: its file data.mdb ${what}; put back a copy of it, or, to begin with no events at all, move the whole data folder away`,
  )
}

/** From now on the log in folder `path` is one that was made. A process that dies before begins again with the empty file that it left. */
export async function markMade(path: string): Promise<void> {
  if ((await sizeOf(markOf(path))) !== undefined) return
  try {
    const mark = await open(markOf(path), 'a', 0o600)
    await mark.sync()
    await mark.close()
  } catch (error) {
    // On a full disk a log starts, and says that it takes nothing: the mark then waits for the next start.
    if (!FULL.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/**
 * A file that is shorter than its newest transaction says was cut; reading what is missing through the memory map would end
 * the process (SIGBUS). It is made as long as it was, with nothing in it: pages that were in use are then found to be
 * damaged and named, and free ones at the end, which LMDB may never have written, do no harm.
 */
export async function mendLength(root: RootDatabase<Buffer, Buffer>, path: string): Promise<void> {
  const wanted = usedBytes(root)
  if ((await stat(dataFileOf(path))).size < wanted) await truncate(dataFileOf(path), wanted)
}

/**
 * Puts on disk what the file holds. A process that was killed while it wrote may have left a transaction that every reader
 * sees and that a power failure would still undo: what is derived from it must not be durable before it is itself.
 */
export async function syncFile(path: string): Promise<void> {
  const file = await open(dataFileOf(path), 'r+')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** What `work` gives; an error of LMDB's own, which means that its pages do not add up, becomes a LogCorruptError that begins with `what`. */
export function naming<Result>(what: () => string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof Error && /^MDB_/.test(error.message)) throw new LogCorruptError(`${what()}: ${error.message}`, { cause: error })
    throw error
  }
}
