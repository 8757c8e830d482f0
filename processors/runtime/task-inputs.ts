/**
 * What a task reads, as one list of inputs with a position each: its partitions of the log, then, where partitions are
 * processed apart, its partition of the repartition topic. Within a commit the log comes first and messages of other tasks
 * last, so that a commit processed again meets everything in the same order.
 */
import { type LogReader, LogUnavailableError, type StoredMessage } from '../../schemas/ports/log.ts'

export class TaskInputs {
  readonly #log: LogReader
  readonly #local: readonly number[]
  readonly #exchange: LogReader | undefined

  /** `exchange` is given when `local` is one partition of several. */
  constructor(log: LogReader, local: readonly number[], exchange: LogReader | undefined) {
    this.#log = log
    this.#local = local
    this.#exchange = exchange
  }

  get count(): number {
    return this.#local.length + (this.#exchange === undefined ? 0 : 1)
  }

  /** Indexes of the inputs that are partitions of the log. */
  get logIndexes(): readonly number[] {
    return [...this.#local.keys()]
  }

  /** Index of the repartition topic; undefined where there is none. */
  get exchangeIndex(): number | undefined {
    return this.#exchange === undefined ? undefined : this.#local.length
  }

  indexOf(partition: number): number {
    return this.#local.indexOf(partition)
  }

  /** Messages of an input from `offset` on; none while the log gives none: whoever reads on looks again. */
  async read(index: number, offset: number, limit: number): Promise<StoredMessage[]> {
    const { source, partition } = this.#at(index)
    try {
      return await source.read(partition, offset, limit)
    } catch (error) {
      if (error instanceof LogUnavailableError) return []
      throw error
    }
  }

  /** All messages of an input in [offset, end), in pieces. Throws when the log no longer has them. */
  async *between(index: number, offset: number, end: number, limit: number): AsyncGenerator<StoredMessage[]> {
    const { source, partition } = this.#at(index)
    const start = await source.startOffset(partition)
    if (offset < end && start > offset)
      throw new Error(`records of partition ${partition} from offset ${offset} are needed and were deleted: the log begins at ${start}`)
    for (let at = offset; at < end; ) {
      const messages = (await source.read(partition, at, Math.min(limit, end - at))).filter((message) => message.offset < end)
      const last = messages.at(-1)
      if (last === undefined) {
        // Offsets may have gaps on Kafka; behind the end of the log there is nothing to come.
        if ((await source.endOffset(partition)) >= end) return
        throw new Error(`the log ends at offset ${at} of partition ${partition}, before the last commit at ${end}`)
      }
      yield messages
      at = last.offset + 1
      await new Promise<void>((resolve) => setImmediate(resolve)) // who asks how far it is gets an answer
    }
  }

  /**
   * Throws when the log ends before these positions: it was cut, or an older copy of it was put back. Its new records would
   * come under offsets that are taken to be processed, and count nowhere.
   */
  async refuseShortened(positions: readonly number[]): Promise<void> {
    for (const [index, position] of positions.entries()) {
      const { source, partition } = this.#at(index)
      const end = await source.endOffset(partition)
      if (end < position)
        throw new Error(`the log ends at offset ${end} of partition ${partition}, before what the state holds: ${position}`)
    }
  }

  /** Calls back when something may have come. Returns the unsubscriber. */
  onAppend(listener: () => void): () => void {
    const stops = [this.#log.onAppend(listener), ...(this.#exchange === undefined ? [] : [this.#exchange.onAppend(listener)])]
    return () => {
      for (const stop of stops) stop()
    }
  }

  #at(index: number): { source: LogReader; partition: number } {
    if (index < this.#local.length) return { source: this.#log, partition: this.#local[index] as number }
    return { source: this.#exchange as LogReader, partition: this.#local[0] as number }
  }
}
