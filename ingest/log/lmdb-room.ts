/**
 * Room at the end of the embedded log's file, written ahead. A sync of a file that has just grown waits for the journal of
 * the file system, and with it for what everybody else wrote (ext4, `data=ordered`); a sync of bytes that have their place
 * takes half as long, and a third at its slowest. LMDB uses no page behind its last one, so zeros there mean nothing to it.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { RootDatabase } from 'lmdb'
import { dataFileOf, usedBytes } from './lmdb-file.ts'

/** Written at a time. */
const STEP_BYTES = 2 * 1024 * 1024
/** With less than this left the next step is due. */
const LEFT_BYTES_MIN = 512 * 1024
/** A commit of more pays little for the growth of the file, and room for it would be written twice. */
const SMALL_COMMIT_BYTES = 256 * 1024

export class FileRoom {
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #file: FileHandle
  #size: number

  private constructor(root: RootDatabase<Buffer, Buffer>, file: FileHandle, size: number) {
    this.#root = root
    this.#file = file
    this.#size = size
  }

  /** Of the environment in folder `path`, which is open. */
  static async open(root: RootDatabase<Buffer, Buffer>, path: string): Promise<FileRoom> {
    const file = await open(dataFileOf(path), 'r+')
    return new FileRoom(root, file, (await file.stat()).size)
  }

  /**
   * Sees that a commit of so many bytes finds room. Only while nothing else writes to the log: what is written begins behind
   * everything that the file holds at that moment. `freeBytes`: on the disk. Never rejects: without room a commit only takes longer.
   */
  async keepFor(bytes: number, freeBytes: number): Promise<void> {
    if (bytes > SMALL_COMMIT_BYTES || freeBytes < 2 * STEP_BYTES) return
    if (this.#size - usedBytes(this.#root) >= LEFT_BYTES_MIN) return
    try {
      // As it is now, and not as it was: LMDB lets it grow too.
      const { size } = await this.#file.stat()
      const from = Math.max(size, usedBytes(this.#root))
      await this.#file.write(Buffer.alloc(STEP_BYTES), 0, STEP_BYTES, from)
      this.#size = from + STEP_BYTES
    } catch {
      // Said by the commit itself when it finds no room.
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
