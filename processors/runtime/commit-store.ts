/**
 * Where each commit of the processors ends in the log. A commit is written down before its rows go out and marked when
 * they are in, so that after a crash the same rows go out again under the same token, and the state is brought back
 * through the same steps.
 *
 * On disk it is a file of checksummed lines, appended and synced; a torn last line is cut off. Marks need no sync: a
 * commit whose mark was lost is sent again, which changes nothing.
 */
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

export interface CommitEntry {
  readonly sequence: number
  /** Offset of the next record of each partition, after the commit. */
  readonly positions: readonly number[]
  readonly done: boolean
  /** Records that the commit left out (`poison-records.ts`). */
  readonly skipped?: readonly SkippedRecord[]
}

/** A record that was left out, and why. */
export interface SkippedRecord {
  readonly partition: number
  readonly offset: number
  readonly reason: string
}

/** What others are told with a commit that is done. */
export interface CommitNote {
  /** Settlings that took effect so far, and whether something waits for another. */
  readonly settlings: number
  readonly hasUnsettled: boolean
  /** Rebuilds that were asked for so far, the ones under way included. */
  readonly rebuilds: number
}

/** A place in a log of commits that several instances read: the owner of the task there, and the offset of what comes next. */
export interface CommitsPlace {
  readonly owner: string
  readonly offset: number
}

export interface CommitStore {
  /** Behind all that was written so far, in a log that others write to as well. Ask for it when no commit is under way. */
  readonly place?: CommitsPlace | undefined
  /** Entries after `sequence`, in order; only the last can be open. */
  after(sequence: number): CommitEntry[]
  /**
   * Resolves when the commit stands on disk; rejects when it can't be written now (disk full, broker away): the caller tries
   * again with the same arguments, or with FencedError when it must not.
   */
  intend(sequence: number, positions: readonly number[], skipped?: readonly SkippedRecord[]): Promise<void>
  /** The rows of the commit are in, and other tasks were told. Rejects as `intend`. */
  done(sequence: number, note: CommitNote): Promise<void>
  dropThrough(sequence: number): Promise<void>
  close(): Promise<void>
}

/** Another instance owns the partition now: nothing more may be written for it here. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
}

/** Commits in memory, for the test driver; what the file form keeps beside its file. */
export class MemoryCommitStore implements CommitStore {
  readonly #commits = new Map<number, { positions: readonly number[]; done: boolean; skipped?: readonly SkippedRecord[] }>()

  after(sequence: number): CommitEntry[] {
    return [...this.#commits].filter(([key]) => key > sequence).map(([key, value]) => ({ sequence: key, ...value }))
  }

  async intend(sequence: number, positions: readonly number[], skipped: readonly SkippedRecord[] = []): Promise<void> {
    this.#commits.set(sequence, { positions: [...positions], done: false, ...withSkipped(skipped) })
  }

  async done(sequence: number): Promise<void> {
    const entry = this.#commits.get(sequence)
    if (entry) entry.done = true
  }

  async dropThrough(sequence: number): Promise<void> {
    for (const key of this.#commits.keys()) if (key <= sequence) this.#commits.delete(key)
  }

  async close(): Promise<void> {}
}

type Line = { intend: number; positions: readonly number[]; skipped?: readonly SkippedRecord[] } | { done: number }

/** Left out where there are none, as nearly always. */
function withSkipped(skipped: readonly SkippedRecord[]): { skipped?: readonly SkippedRecord[] } {
  return skipped.length === 0 ? {} : { skipped: [...skipped] }
}

export class FileCommitStore implements CommitStore {
  readonly #path: string
  readonly #memory = new MemoryCommitStore()
  #file: FileHandle
  #length: number

  private constructor(path: string, file: FileHandle, length: number) {
    this.#path = path
    this.#file = file
    this.#length = length
  }

  /** Opens the file or makes it. */
  static async open(path: string): Promise<FileCommitStore> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'a+', 0o600)
    const { lines, length } = parse(await readFile(path))
    await file.truncate(length)
    const store = new FileCommitStore(path, file, length)
    for (const line of lines) await store.#remember(line)
    return store
  }

  after(sequence: number): CommitEntry[] {
    return this.#memory.after(sequence)
  }

  async intend(sequence: number, positions: readonly number[], skipped: readonly SkippedRecord[] = []): Promise<void> {
    await this.#append({ intend: sequence, positions, ...withSkipped(skipped) })
    await this.#file.datasync()
  }

  async done(sequence: number): Promise<void> {
    await this.#append({ done: sequence })
  }

  /** Writes what is left into a new file that takes the old one's place. */
  async dropThrough(sequence: number): Promise<void> {
    await this.#memory.dropThrough(sequence)
    const lines = this.#memory.after(sequence).flatMap((entry): Line[] => {
      const intent = { intend: entry.sequence, positions: entry.positions, ...withSkipped(entry.skipped ?? []) }
      return entry.done ? [intent, { done: entry.sequence }] : [intent]
    })
    const text = Buffer.concat(lines.map(encode))
    const part = `${this.#path}.part`
    const file = await open(part, 'w', 0o600)
    await file.write(text)
    await file.sync()
    await file.close()
    await rename(part, this.#path)
    await this.#file.close()
    this.#file = await open(this.#path, 'a+', 0o600)
    this.#length = text.length
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #append(line: Line): Promise<void> {
    const bytes = encode(line)
    try {
      await this.#file.write(bytes)
    } catch (error) {
      await this.#file.truncate(this.#length) // nothing of a half-written line stays
      throw error
    }
    this.#length += bytes.length
    await this.#remember(line)
  }

  #remember(line: Line): Promise<void> {
    return 'done' in line ? this.#memory.done(line.done) : this.#memory.intend(line.intend, line.positions, line.skipped)
  }
}

function encode(line: Line): Buffer {
  const json = JSON.stringify(line)
  return Buffer.from(`${crc32(json)} ${json}\n`)
}

/** The whole lines of the file, and their length in bytes: what follows was cut off while it was being written. */
function parse(bytes: Buffer): { lines: Line[]; length: number } {
  const lines: Line[] = []
  let length = 0
  for (;;) {
    const end = bytes.indexOf(10, length)
    if (end < 0) return { lines, length }
    const text = bytes.toString('utf8', length, end)
    const space = text.indexOf(' ')
    const json = text.slice(space + 1)
    if (Number(text.slice(0, space)) !== crc32(json)) return { lines, length }
    lines.push(JSON.parse(json) as Line)
    length = end + 1
  }
}
