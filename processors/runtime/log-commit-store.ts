/**
 * Commits of a task on a log that instances share (`commit-records.ts`), which is also what fences them: an instance that
 * was held up and wakes to write a commit finds the claim of the one that took over, and writes nothing more.
 */
import type { Log } from '../../schemas/ports/log.ts'
import { type CommitRecord, ClaimReader, decodeCommitRecord, encodeCommitRecord } from './commit-records.ts'
import { type CommitEntry, type CommitNote, type CommitStore, FencedError, MemoryCommitStore } from './commit-store.ts'

const READ_RECORDS = 5_000

export interface LogCommitStoreOptions {
  readonly log: Log
  readonly partition: number
  /** Another one at each opening. */
  readonly owner: string
}

export class LogCommitStore implements CommitStore {
  readonly #options: LogCommitStoreOptions
  readonly #reader = new ClaimReader()
  readonly #memory = new MemoryCommitStore()
  /** Offset of the next record that was not seen. */
  #next = 0
  /** Commits that stand in the log, by number. */
  readonly #positions = new Map<number, readonly number[]>()

  private constructor(options: LogCommitStoreOptions) {
    this.#options = options
  }

  /** Claims the task and reads what was committed. Rejects with LogUnavailableError, or with FencedError when another claimed it meanwhile. */
  static async open(options: LogCommitStoreOptions): Promise<LogCommitStore> {
    const store = new LogCommitStore(options)
    store.#next = await options.log.startOffset(options.partition)
    await store.#append({ v: 1, claim: options.owner })
    return store
  }

  after(sequence: number): CommitEntry[] {
    return this.#memory.after(sequence)
  }

  async intend(sequence: number, positions: readonly number[]): Promise<void> {
    // A try of which the answer was lost may stand in the log.
    if (this.#positions.has(sequence)) return
    await this.#append({ v: 1, owner: this.#options.owner, intend: sequence, positions: [...positions] })
  }

  async done(sequence: number, note: CommitNote): Promise<void> {
    const positions = this.#positions.get(sequence)
    if (positions === undefined) throw new Error(`commit ${sequence} was not intended`)
    await this.#append({ v: 1, owner: this.#options.owner, done: sequence, positions: [...positions], note })
    this.#positions.delete(sequence - 1)
  }

  async dropThrough(sequence: number): Promise<void> {
    await this.#memory.dropThrough(sequence)
  }

  async close(): Promise<void> {}

  /** Appends a record, and takes all up to it into account. */
  async #append(record: CommitRecord): Promise<void> {
    const { log, partition, owner } = this.#options
    const [offset] = await log.append([{ partition, value: encodeCommitRecord(record) }])
    // What is next to what was seen last has nothing of others before it.
    if (offset === this.#next) await this.#take(record)
    else await this.#readThrough(offset as number)
    this.#next = (offset as number) + 1
    if (this.#reader.owner !== owner) throw new FencedError(`partition ${partition} is processed by another instance now`)
  }

  async #readThrough(last: number): Promise<void> {
    const { log, partition } = this.#options
    for (let at = this.#next; at <= last; ) {
      const messages = await log.read(partition, at, READ_RECORDS)
      if (messages.length === 0) throw new Error(`commits of partition ${partition} end at ${at}, before the one at ${last}`)
      for (const message of messages) {
        if (message.offset > last) return
        await this.#take(decodeCommitRecord(message.value))
        at = message.offset + 1
      }
    }
  }

  async #take(record: CommitRecord): Promise<void> {
    const counted = this.#reader.read(record)
    if (counted === undefined || 'claim' in counted) return
    if ('done' in counted) return this.#memory.done(counted.done)
    // The first of a number counts.
    if (this.#positions.has(counted.intend)) return
    this.#positions.set(counted.intend, counted.positions)
    await this.#memory.intend(counted.intend, counted.positions)
  }
}
