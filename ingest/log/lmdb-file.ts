/** The file of the embedded log as the disk holds it: what a cut or a damage of it would do to the process is met here. */
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { LogCorruptError } from '../../schemas/ports/log.ts'

/** LMDB's file begins with two pages of its own, of 4096 bytes or more. */
const HEAD_BYTES = 2 * 4096

const fileOf = (path: string) => join(path, 'data.mdb')

/** Throws LogCorruptError when the file in folder `path` does not even hold its head: LMDB would end the process. No file, or an empty one, is a new log. */
export async function refuseHeadless(path: string): Promise<void> {
  const size = await stat(fileOf(path)).then(
    (found) => found.size,
    () => 0,
  )
  if (size > 0 && size < HEAD_BYTES) throw new LogCorruptError(`the log in ${path} is damaged: its file is cut to ${size} bytes`)
}

/**
 * A file that is shorter than its newest transaction says was cut; reading what is missing through the memory map would end
 * the process (SIGBUS). It is made as long as it was, with nothing in it: pages that were in use are then found to be
 * damaged and named, and free ones at the end, which LMDB may never have written, do no harm.
 */
export async function mendLength(root: RootDatabase<Buffer, Buffer>, path: string): Promise<void> {
  const { lastPageNumber, pageSize } = root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number }
  const wanted = (lastPageNumber + 1) * pageSize
  if ((await stat(fileOf(path))).size < wanted) await truncate(fileOf(path), wanted)
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
