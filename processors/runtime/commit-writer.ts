/** Sends what a commit has to where it belongs, trying again for as long as others are away. */
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { CommitBatch } from '../../schemas/records.ts'
import { type CommitNote, type CommitStore, FencedError, type SkippedRecord } from './commit-store.ts'
import type { Patience } from './patience.ts'

/** A commit on its way. */
export interface Commit {
  readonly sequence: number
  readonly positions: readonly number[]
  readonly batch: CommitBatch
  /** For the tasks of other partitions. */
  readonly messages: readonly { readonly partition: number; readonly value: Uint8Array }[]
  readonly note: CommitNote
  /** Windows are left to be closed by the next one. */
  readonly hasMore: boolean
}

export interface CommitWriterOptions {
  readonly sink: Sink
  readonly exchange?: Log | undefined
  readonly commits: CommitStore
  readonly patience: Patience
}

export class CommitWriter {
  readonly #options: CommitWriterOptions

  constructor(options: CommitWriterOptions) {
    this.#options = options
  }

  /** Writes down where the commit ends and what it left out. Rejects with FencedError. */
  intend(sequence: number, positions: readonly number[], skipped: readonly SkippedRecord[]): Promise<void> {
    const { commits, patience } = this.#options
    return patience.until('a commit could not be written down', () => commits.intend(sequence, positions, skipped), unlessFenced)
  }

  /** Rows first: who hears of something finds the events behind it. All of it may happen again and changes nothing. */
  async carryOut({ sequence, batch, messages, note }: Commit): Promise<void> {
    const { commits, exchange, patience } = this.#options
    await this.write(batch)
    if (exchange !== undefined && messages.length > 0)
      await patience.until('other tasks could not be told', async () => void (await exchange.append(messages)), unlessFenced)
    await patience.until('a commit could not be marked', () => commits.done(sequence, note), unlessFenced)
  }

  /** Writes a batch to the warehouse. */
  write(batch: CommitBatch): Promise<void> {
    const { sink, patience } = this.#options
    return patience.until(
      'the warehouse did not take a commit',
      () => sink.write(batch),
      (error) => error instanceof WarehouseUnavailableError,
    )
  }
}

/** A commit that is another instance's to write is tried no more. */
function unlessFenced(error: unknown): boolean {
  return !(error instanceof FencedError)
}
