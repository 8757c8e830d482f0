/**
 * Commits of a task on a log that instances share (`commit-records.ts`), which is also what fences them: an instance that
 * was held up and wakes to write a commit finds the claim of the one that took over, and writes nothing more.
 */
import { type Log, LogUnavailableError } from '../../schemas/ports/log.ts'
import { type CommitRecord, ClaimReader, decodeCommitRecord, encodeCommitRecord } from './commit-records.ts'
import {
  type CommitEntry,
  type CommitNote,
  type CommitsPlace,
  type CommitStore,
  FencedError,
  MemoryCommitStore,
  type SkippedRecord,
} from './commit-store.ts'

const READ_RECORDS = 5_000
/** Reads that may find nothing in a row, where a record is known to stand. */
const EMPTY_READS_MAX = 20

export interface LogCommitStoreOptions {
  readonly log: Log
  readonly partition: number
  /** Another one at each opening. */
  readonly owner: string
  /** A snapshot, and where the commits after it stand: those before are not read. */
  readonly from?: { readonly commit: number; readonly place: CommitsPlace } | undefined
}

export class LogCommitStore implements CommitStore {
  readonly #options: LogCommitStoreOptions
  readonly #reader: ClaimReader
  readonly #memory = new MemoryCommitStore()
  /** Offset of the next record that was not seen. */
  #next: number
  /** Commits that stand in the log and were not dropped, by number. */
  readonly #positions = new Map<number, readonly number[]>()
  /** Number of the newest commit that stands. */
  #newest = 0

  private constructor(options: LogCommitStoreOptions, start: number, reader: ClaimReader) {
    this.#options = options
    this.#next = start
    this.#reader = reader
    this.#newest = options.from?.commit ?? 0
  }

  /** Claims the task and reads what was committed. Rejects with LogUnavailableError; tried again under another owner. */
  static async open(options: LogCommitStoreOptions): Promise<LogCommitStore> {
    const { log, partition, owner, from } = options
    const start = from?.place.offset ?? (await log.startOffset(partition))
    const ownerAtStart = from?.place.owner ?? (await ownerBefore(log, partition, start))
    const store = new LogCommitStore(options, start, new ClaimReader(ownerAtStart))
    await store.#append({ v: 1, claim: owner })
    return store
  }

  get place(): CommitsPlace {
    return { owner: this.#options.owner, offset: this.#next }
  }

  after(sequence: number): CommitEntry[] {
    return this.#memory.after(sequence)
  }

  /**
   * As in the port: tried again with the same arguments until it resolves or throws FencedError. The first intent of a
   * number counts, and it may be one of which the answer was lost: with other positions than it has, this throws.
   */
  async intend(sequence: number, positions: readonly number[], skipped: readonly SkippedRecord[] = []): Promise<void> {
    const intended = [...positions]
    this.#throwIfFenced()
    if (!this.#positions.has(sequence)) {
      const { owner } = this.#options
      await this.#append({ v: 1, owner, intend: sequence, positions: intended, ...(skipped.length === 0 ? {} : { skipped: [...skipped] }) })
    }
    const standing = this.#positions.get(sequence)
    if (standing?.length !== intended.length || standing.some((offset, index) => offset !== intended[index]))
      throw new Error(`commit ${sequence} stands in the log with other positions, or was dropped`)
  }

  async done(sequence: number, note: CommitNote): Promise<void> {
    this.#throwIfFenced()
    const positions = this.#positions.get(sequence)
    if (positions === undefined) throw new Error(`commit ${sequence} was not intended`)
    await this.#append({ v: 1, owner: this.#options.owner, done: sequence, positions: [...positions], note })
  }

  /** Forgets them here; in the log they stay for as long as the topic keeps records. */
  async dropThrough(sequence: number): Promise<void> {
    await this.#memory.dropThrough(sequence)
    for (const number of this.#positions.keys()) if (number <= sequence) this.#positions.delete(number)
  }

  async close(): Promise<void> {}

  /** Appends a record, and takes all up to it into account. */
  async #append(record: CommitRecord): Promise<void> {
    const { log, partition } = this.#options
    const [offset] = await log.append([{ partition, value: encodeCommitRecord(record) }])
    // What is next to what was seen last has nothing of others before it.
    if (offset === this.#next) await this.#take(record, offset)
    else await this.#readThrough(offset as number)
    this.#throwIfFenced()
  }

  #throwIfFenced(): void {
    const { partition, owner } = this.#options
    if (this.#reader.owner !== owner) throw new FencedError(`partition ${partition} is processed by another instance now`)
  }

  async #readThrough(last: number): Promise<void> {
    const { log, partition } = this.#options
    for (let emptyReads = 0; this.#next <= last; ) {
      const messages = await log.read(partition, this.#next, READ_RECORDS)
      emptyReads = messages.length === 0 ? emptyReads + 1 : 0
      if (emptyReads > EMPTY_READS_MAX)
        throw new LogUnavailableError(`commits of partition ${partition} could be read to ${this.#next} only, not to ${last}`)
      for (const { offset, value } of messages) {
        if (offset > last) return
        await this.#take(decodeCommitRecord(value), offset)
      }
    }
  }

  async #take(record: CommitRecord, offset: number): Promise<void> {
    this.#next = offset + 1
    const counted = this.#reader.read(record)
    if (counted === undefined || 'claim' in counted) return
    if ('done' in counted) return this.#memory.done(counted.done)
    // The first of a number counts; one that was sent before may land after later ones.
    if (counted.intend <= this.#newest) return
    this.#newest = counted.intend
    this.#positions.set(counted.intend, counted.positions)
    await this.#memory.intend(counted.intend, counted.positions, counted.skipped)
  }
}

/** Who is believed to own the task at `start`: where the topic has forgotten older records, a claim may be among them. */
async function ownerBefore(log: Log, partition: number, start: number): Promise<string | undefined> {
  const [first] = start > 0 ? await log.read(partition, start, 1) : []
  if (first === undefined) return undefined
  const record = decodeCommitRecord(first.value)
  return 'claim' in record ? undefined : record.owner
}
