/**
 * Many requests, one commit: what arrives while a commit runs waits and shares the next one; when nothing runs, a
 * request is committed at once. Dedupe happens as a commit is put together, so one request's duplicate of another's
 * event is answered only when that event is durable, and fails with it when it is not.
 */
import { RequestError } from '../schemas/errors.ts'
import type { LogMessage } from '../schemas/ports/log.ts'
import { LogUnavailableError } from '../schemas/ports/log.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import type { CompanionLog } from './log/companions.ts'
import type { RecordBatch } from './record-batch.ts'

/** What a commit was, for metrics. */
export interface CommitObserver {
  committed(seconds: number): void
  waiting(bytes: number): void
}

interface Submission {
  readonly records: RecordBatch
  readonly release: () => void
  readonly resolve: (duplicates: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/** A group takes no further request from here on, so that one commit stays short. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024
const RETRY_AFTER_SECONDS = 1
const LOG_RETRY_AFTER_SECONDS = 5

export class GroupCommitter {
  readonly #log: CompanionLog
  readonly #dedupe: DedupeStep
  readonly #waitingBytesMax: number
  readonly #observer: CommitObserver | undefined
  #queue: Submission[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined

  constructor(deps: {
    readonly log: CompanionLog
    readonly dedupe: DedupeStep
    /** Bytes that may wait or be under way before `overloaded`. */
    readonly waitingBytesMax: number
    readonly observer?: CommitObserver | undefined
  }) {
    this.#log = deps.log
    this.#dedupe = deps.dedupe
    this.#waitingBytesMax = deps.waitingBytesMax
    this.#observer = deps.observer
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /**
   * Counts bytes that a request is about to hold (its body) and returns how to give them back.
   * @throws RequestError `overloaded` when that would be more than may wait.
   */
  reserve(bytes: number): () => void {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#waitingBytesMax) {
      throw new RequestError('overloaded', undefined, RETRY_AFTER_SECONDS)
    }
    this.#count(bytes)
    let held = true
    return () => {
      if (held) this.#count(-bytes)
      held = false
    }
  }

  /**
   * Commits the records, all or none; resolves once they are on disk, with 1 for each record that was a duplicate.
   * Rejects with RequestError `overloaded` (nothing was taken) or `log_unavailable`.
   */
  submit(records: RecordBatch): Promise<Uint8Array> {
    if (records.size === 0) return Promise.resolve(new Uint8Array())
    return new Promise<Uint8Array>((resolve, reject) => {
      const release = this.reserve(records.byteLength)
      this.#queue.push({ records, release, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  #count(bytes: number): void {
    this.#waitingBytes += bytes
    this.#observer?.waiting(this.#waitingBytes)
  }

  async #drain(): Promise<void> {
    // Requests of the same turn come together before the first commit starts.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#commit(this.#nextGroup())
    this.#running = undefined
  }

  #nextGroup(): Submission[] {
    let bytes = 0
    let count = 0
    for (const submission of this.#queue) {
      if (count > 0 && bytes + submission.records.byteLength > GROUP_BYTES_MAX) break
      bytes += submission.records.byteLength
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  async #commit(group: readonly Submission[]): Promise<void> {
    const startedMs = performance.now()
    const messages: LogMessage[] = []
    const duplicates = group.map(({ records }) => {
      const marks = new Uint8Array(records.size)
      for (let record = 0; record < records.size; record++) {
        if (records.claim(record, this.#dedupe)) messages.push(records.message(record))
        else marks[record] = 1
      }
      return marks
    })
    try {
      if (messages.length > 0) {
        await this.#log.append(messages, this.#dedupe.prepareCommit())
        this.#observer?.committed((performance.now() - startedMs) / 1000)
      }
      this.#dedupe.committed()
    } catch (error) {
      this.#dedupe.failed()
      const failure = error instanceof LogUnavailableError ? new RequestError('log_unavailable', undefined, LOG_RETRY_AFTER_SECONDS) : error
      for (const { release, reject } of group) {
        release()
        reject(failure)
      }
      return
    }
    for (const [i, { release, resolve }] of group.entries()) {
      release()
      resolve(duplicates[i] ?? new Uint8Array())
    }
  }
}
