/** How far the tasks of all partitions are, read from their commits (`commit-records.ts`), wherever they run. */
import type { LogReader } from '../../schemas/ports/log.ts'
import { ClaimReader, decodeCommitRecord } from './commit-records.ts'
import type { CommitNote } from './commit-store.ts'

/** The newest commit of a task that is done. */
export interface TaskCommit {
  readonly sequence: number
  /** Offset of the next event and of the next message. */
  readonly positions: readonly number[]
  readonly note: CommitNote
}

/** So many records before the end hold a done commit of whoever owns the task. */
const TAIL_RECORDS = 256
const READ_RECORDS = 1_000

export class CommitProgress {
  readonly #log: LogReader
  readonly #readers: (ClaimReader | undefined)[]
  readonly #next: number[]
  readonly #commits: (TaskCommit | undefined)[]
  #refreshing: Promise<void> | undefined

  constructor(log: LogReader) {
    this.#log = log
    this.#readers = new Array<undefined>(log.partitions).fill(undefined)
    this.#next = new Array<number>(log.partitions).fill(Number.NaN)
    this.#commits = new Array<undefined>(log.partitions).fill(undefined)
  }

  get partitions(): number {
    return this.#log.partitions
  }

  /** The newest done commit that `refresh` found; undefined before the first. It never goes back. */
  of(partition: number): TaskCommit | undefined {
    return this.#commits[partition]
  }

  /** Reads on to the end. Rejects with LogUnavailableError. */
  refresh(): Promise<void> {
    this.#refreshing ??= Promise.all(this.#next.map((_, partition) => this.#readOn(partition)))
      .then(() => undefined)
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  async #readOn(partition: number): Promise<void> {
    let at = this.#next[partition] as number
    if (Number.isNaN(at)) {
      const [start, end] = await Promise.all([this.#log.startOffset(partition), this.#log.endOffset(partition)])
      at = Math.max(start, end - TAIL_RECORDS)
    }
    for (;;) {
      const messages = await this.#log.read(partition, at, READ_RECORDS)
      for (const { value, offset } of messages) {
        this.#take(partition, value)
        at = offset + 1
      }
      this.#next[partition] = at
      if (messages.length === 0) return
    }
  }

  #take(partition: number, value: Uint8Array): void {
    const record = decodeCommitRecord(value)
    if ('claim' in record) this.#readers[partition] ??= new ClaimReader()
    // Reading begins in the middle, where nobody knows whose claim was the last. Until there is one, every mark is taken:
    // what it says is so, since nobody marks a commit that did not stand in the log and go out.
    const reader = this.#readers[partition]
    const counted = reader === undefined ? record : reader.read(record)
    if (counted === undefined || !('done' in counted)) return
    // A mark that was sent before may land after later ones.
    if (counted.done <= (this.#commits[partition]?.sequence ?? 0)) return
    this.#commits[partition] = { sequence: counted.done, positions: counted.positions, note: counted.note }
  }
}
