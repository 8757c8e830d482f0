/**
 * Event-id dedupe within one log: each id of a workspace is taken once in 7 days by `received_at`. Ids are claimed as a
 * commit is put together and given back when it fails, so that a duplicate is told only once the first is durable.
 */
import type { Clock } from '../../schemas/ports/clock.ts'
import { DEDUPE_HORIZON_MS, HOUR_MS } from '../../schemas/windows.ts'
import type { CompanionLog, CompanionWrite } from '../log/companions.ts'
import { EventIdHash, type HashState, workspaceHashState } from './event-id-hash.ts'
import type { EventIdIndex } from './event-id-index.ts'
import { EventIdJournal, eventIdSeed } from './event-id-journal.ts'

const HORIZON_HOURS = DEDUPE_HORIZON_MS / HOUR_MS

/** Hash of one idempotency key: three words of 32 bits, which may be signed. */
export interface EventKey {
  readonly h0: number
  readonly h1: number
  readonly h2: number
}

export class DedupeStep {
  readonly #index: EventIdIndex
  readonly #journal: EventIdJournal
  readonly #seed: Uint8Array
  readonly #clock: Clock
  readonly #hash = new EventIdHash()
  readonly #states = new Map<string, HashState>()
  /** Words claimed since the last commit. */
  #claimed: number[] = []

  private constructor(index: EventIdIndex, journal: EventIdJournal, seed: Uint8Array, clock: Clock) {
    this.#index = index
    this.#journal = journal
    this.#seed = seed
    this.#clock = clock
  }

  /** Loads what the log knows of the last 7 days. */
  static async open(log: CompanionLog, clock: Clock, randomBytes: (length: number) => Uint8Array): Promise<DedupeStep> {
    const seed = await eventIdSeed(log, randomBytes)
    const { journal, index } = EventIdJournal.load(log, HORIZON_HOURS, Math.floor(clock.nowMs() / HOUR_MS))
    return new DedupeStep(index, journal, seed, clock)
  }

  /** Ids known, and the bytes that they take. */
  get stats(): { readonly ids: number; readonly bytes: number } {
    return { ids: this.#index.size, bytes: this.#index.bytes }
  }

  /** The key of an event id of a workspace. */
  keyOf(workspace: string, eventId: string): EventKey {
    this.#hash.hash(this.#stateOf(workspace), eventId)
    return { h0: this.#hash.h0, h1: this.#hash.h1, h2: this.#hash.h2 }
  }

  /** The same of an id in UTF-8, from `start` to `end` of `bytes`; what it gives holds until the next call of any method here. */
  keyOfBytes(workspace: string, bytes: Buffer, start: number, end: number): EventKey {
    this.#hash.hashBytes(this.#stateOf(workspace), bytes, start, end)
    return this.#hash
  }

  /** The key of something else than an event that must happen once in a workspace; never that of an event id. */
  keyOfOther(workspace: string, name: string): EventKey {
    return this.keyOf(workspace, `\u0000${name}`)
  }

  /** Takes a key for the commit that is being put together; false when it is taken. */
  claim({ h0, h1, h2 }: EventKey): boolean {
    return this.claimWords(h0, h1, h2)
  }

  /** The same of the words of a key. */
  claimWords(h0: number, h1: number, h2: number): boolean {
    if (!this.#index.claim(h0, h1, h2, this.#hour())) return false
    this.#claimed.push(h0, h1, h2)
    return true
  }

  /** What the commit has to write beside its records. */
  prepareCommit(): CompanionWrite[] {
    return this.#journal.prepare(new Uint32Array(this.#claimed), this.#hour())
  }

  committed(): void {
    this.#claimed = []
    this.#journal.committed()
  }

  /** Gives the keys of the failed commit back. */
  failed(): void {
    for (let i = 0; i < this.#claimed.length; i += 3) {
      this.#index.release(this.#claimed[i] ?? 0, this.#claimed[i + 1] ?? 0, this.#claimed[i + 2] ?? 0)
    }
    this.#claimed = []
    this.#journal.failed()
  }

  #stateOf(workspace: string): HashState {
    let state = this.#states.get(workspace)
    if (!state) {
      state = workspaceHashState(this.#seed, workspace)
      this.#states.set(workspace, state)
    }
    return state
  }

  #hour(): number {
    return Math.floor(this.#clock.nowMs() / HOUR_MS)
  }
}
