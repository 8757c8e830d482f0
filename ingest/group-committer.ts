/**
 * Many requests, one commit: what arrives while a commit runs waits and shares the next one; when nothing runs, a
 * request is committed at once. Dedupe happens as a commit is put together, so one request's duplicate of another's
 * event is answered only when that event is durable, and fails with it when it is not.
 */
import { RequestError } from '../schemas/errors.ts'
import type { LogMessage } from '../schemas/ports/log.ts'
import { LogUnavailableError } from '../schemas/ports/log.ts'
import type { DedupeStep, EventKey } from './dedupe/dedupe-step.ts'
import type { CompanionLog } from './log/companions.ts'

/** A record that is ready for the log. */
export interface PreparedRecord {
  readonly message: LogMessage
  /** Stored only when none of the keys was taken before; no keys: always. */
  readonly key: EventKey | undefined
  /** Marked as taken together with `key`, but does not make this record a duplicate. */
  readonly alsoKey?: EventKey | undefined
}

/** What a commit was, for metrics. */
export interface CommitObserver {
  committed(seconds: number): void
  waiting(bytes: number): void
}

interface Submission {
  readonly records: readonly PreparedRecord[]
  readonly bytes: number
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
  submit(records: readonly PreparedRecord[]): Promise<Uint8Array> {
    if (records.length === 0) return Promise.resolve(new Uint8Array())
    let bytes = 0
    for (const { message } of records) bytes += message.value.byteLength
    let release: () => void
    try {
      release = this.reserve(bytes)
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise<Uint8Array>((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject })
      this.#running ??= this.#drain()
    }).finally(release)
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
      if (count > 0 && bytes + submission.bytes > GROUP_BYTES_MAX) break
      bytes += submission.bytes
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  async #commit(group: readonly Submission[]): Promise<void> {
    const startedMs = performance.now()
    const messages: LogMessage[] = []
    const duplicates = group.map(({ records }) => {
      const marks = new Uint8Array(records.length)
      records.forEach(({ message, key, alsoKey }, i) => {
        if (key && !this.#dedupe.claim(key)) {
          marks[i] = 1
          return
        }
        if (alsoKey) this.#dedupe.claim(alsoKey)
        messages.push(message)
      })
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
      for (const { reject } of group) reject(failure)
      return
    }
    for (const [i, { resolve }] of group.entries()) resolve(duplicates[i] ?? new Uint8Array())
  }
}
