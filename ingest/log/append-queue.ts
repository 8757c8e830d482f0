/**
 * Group commit: appends that arrive while a commit runs wait for the next one and share it. When nothing runs, an
 * append is committed at once, so that an idle log adds no delay. Shared by the embedded drivers.
 */
import { LogUnavailableError, type LogMessage } from '../../schemas/ports/log.ts'
import { RECORD_BYTES_MAX } from './batch-frame.ts'
import type { CompanionWrite } from './companions.ts'

/** Values of one partition within a commit. */
export interface PartitionAppend {
  readonly partition: number
  readonly firstOffset: number
  readonly values: readonly Uint8Array[]
}

/** Makes everything durable in one atomic step, or rejects and leaves nothing. */
export type CommitStep = (appends: readonly PartitionAppend[], companions: readonly CompanionWrite[]) => Promise<void>

interface Waiting {
  readonly messages: readonly LogMessage[]
  readonly companions: readonly CompanionWrite[]
  readonly resolve: (offsets: number[]) => void
  readonly reject: (error: Error) => void
}

export class AppendQueue {
  readonly #ends: number[]
  readonly #commit: CommitStep
  readonly #listeners = new Set<() => void>()
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false

  /** `ends`: the offset that the next message of each partition gets. */
  constructor(ends: readonly number[], commit: CommitStep) {
    this.#ends = [...ends]
    this.#commit = commit
  }

  endOffset(partition: number): number {
    const end = this.#ends[partition]
    if (end === undefined) throw new RangeError(`there is no partition ${partition}`)
    return end
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws RangeError (a bug of the caller) for a partition that is not there or a record above the limit. */
  async append(messages: readonly LogMessage[], companions: readonly CompanionWrite[] = []): Promise<number[]> {
    if (this.#closed) throw new LogUnavailableError('the log is closed')
    for (const { partition, value } of messages) {
      this.endOffset(partition)
      if (value.byteLength > RECORD_BYTES_MAX) throw new RangeError(`a record of ${value.byteLength} bytes is above ${RECORD_BYTES_MAX}`)
    }
    if (messages.length === 0 && companions.length === 0) return []
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, companions, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Refuses further appends and resolves when those that wait are settled. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #drain(): Promise<void> {
    // Callers of the same turn come together before the first commit starts.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      await this.#commitGroup(group)
    }
    this.#running = undefined
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const next = [...this.#ends]
    const values = new Map<number, Uint8Array[]>()
    const offsets = group.map(({ messages }) =>
      messages.map(({ partition, value }) => {
        const list = values.get(partition)
        if (list) list.push(value)
        else values.set(partition, [value])
        const offset = next[partition] ?? 0
        next[partition] = offset + 1
        return offset
      }),
    )
    const appends = [...values].map(([partition, list]) => ({ partition, firstOffset: this.endOffset(partition), values: list }))
    try {
      await this.#commit(
        appends,
        group.flatMap(({ companions }) => companions),
      )
    } catch (error) {
      for (const { reject } of group) reject(error instanceof Error ? error : new Error(String(error)))
      return
    }
    for (const [partition, end] of next.entries()) this.#ends[partition] = end
    for (const [i, { resolve }] of group.entries()) resolve(offsets[i] ?? [])
    // Each in a turn of its own: a listener that throws must not hold up the log.
    for (const listener of this.#listeners) queueMicrotask(listener)
  }
}
