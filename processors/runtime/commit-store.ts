/**
 * Where each commit of the processors ends in the log. A commit is written down before its rows go out and marked when
 * they are in, so that after a crash the same rows go out again under the same token, and the state is brought back
 * through the same steps.
 */
import { type Database, open, type RootDatabase } from 'lmdb'

export interface CommitEntry {
  readonly sequence: number
  /** Offset of the next record of each partition, after the commit. */
  readonly positions: readonly number[]
  readonly done: boolean
}

export interface CommitStore {
  /** Entries after `sequence`, in order; only the last can be open. */
  after(sequence: number): CommitEntry[]
  intend(sequence: number, positions: readonly number[]): Promise<void>
  done(sequence: number): Promise<void>
  dropThrough(sequence: number): Promise<void>
  close(): Promise<void>
}

interface Stored {
  positions: number[]
  done: boolean
}

/** Commits in an LMDB environment of their own; on disk before `intend` resolves. */
export class LmdbCommitStore implements CommitStore {
  readonly #root: RootDatabase<Stored, number>
  readonly #commits: Database<Stored, number>

  constructor(path: string) {
    this.#root = open<Stored, number>({ path, encoding: 'msgpack' })
    this.#commits = this.#root.openDB<Stored, number>({ name: 'commits', encoding: 'msgpack' })
  }

  after(sequence: number): CommitEntry[] {
    return [...this.#commits.getRange({ start: sequence + 1 })].map(({ key, value }) => ({ sequence: key, ...value }))
  }

  async intend(sequence: number, positions: readonly number[]): Promise<void> {
    await this.#put(sequence, { positions: [...positions], done: false })
  }

  async done(sequence: number): Promise<void> {
    const entry = this.#commits.get(sequence)
    if (entry) await this.#put(sequence, { ...entry, done: true })
  }

  async dropThrough(sequence: number): Promise<void> {
    for (const key of [...this.#commits.getKeys({ end: sequence + 1 })]) await this.#commits.remove(key)
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  async #put(sequence: number, entry: Stored): Promise<void> {
    await this.#commits.put(sequence, entry)
    await this.#root.flushed
  }
}

/** Commits in memory, for the test driver. */
export class MemoryCommitStore implements CommitStore {
  readonly #commits = new Map<number, Stored>()

  after(sequence: number): CommitEntry[] {
    return [...this.#commits].filter(([key]) => key > sequence).map(([key, value]) => ({ sequence: key, ...value }))
  }

  async intend(sequence: number, positions: readonly number[]): Promise<void> {
    this.#commits.set(sequence, { positions: [...positions], done: false })
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
