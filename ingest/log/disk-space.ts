/**
 * Room on the disk, asked before each commit. The error path of LMDB's page writer (lmdb 3.5.6) overruns a buffer, so
 * that a write which meets a full disk may end the process: a commit that might not fit must not be tried.
 */
import { statfsSync } from 'node:fs'
import { LogUnavailableError } from '../../schemas/ports/log.ts'

/** Tree pages, free list and rounding to pages that a commit writes beside its values. */
const COMMIT_OVERHEAD_BYTES = 1024 * 1024

/** Free bytes of the file system that holds `path`. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

/** @throws LogUnavailableError when `bytes` of values might not fit into `freeBytes`. */
export function assertRoomFor(bytes: number, freeBytes: number): void {
  if (freeBytes < 2 * bytes + COMMIT_OVERHEAD_BYTES) {
    throw new LogUnavailableError(`the log can't be written: the disk has only ${Math.floor(freeBytes / 1024)} KB left`)
  }
}
