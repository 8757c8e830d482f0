/**
 * What every open stream needs now and then, in one walk for all of them: a sign of life, and a look at whether its
 * key still counts. Two timers a stream and a look-up of the key each would keep a core busy with ten
 * thousand streams on which nothing happens.
 */

/** A comment at least this often keeps proxies from closing a quiet connection. */
const BEAT_EVERY_MS = 15_000
/** Streams take turns within that time. */
const BEAT_SLOTS = 15
/** How often a key is looked at again: a revoked one stops within 5 s. */
const RECHECK_MS = 2_500

export interface RoundsStream {
  /** Streams with the same credentials are let in or not together. */
  readonly credentials: string
  /** Whether who opened the stream would be let in now. */
  readonly mayContinue: () => boolean
  beat(): void
  close(): void
}

export class StreamRounds {
  readonly #byCredentials = new Map<string, Set<RoundsStream>>()
  readonly #slots = Array.from({ length: BEAT_SLOTS }, () => new Set<RoundsStream>())
  #slot = 0
  #timers: readonly NodeJS.Timeout[] = []

  /** Looks after a stream from now on; returns what ends that. */
  add(stream: RoundsStream): () => void {
    const group = this.#byCredentials.get(stream.credentials) ?? new Set()
    this.#byCredentials.set(stream.credentials, group.add(stream))
    // The slot that was last served: its next turn is a whole round away.
    const slot = this.#slots[this.#slot]?.add(stream)
    if (this.#timers.length === 0) {
      this.#timers = [setInterval(() => this.#beat(), BEAT_EVERY_MS / BEAT_SLOTS), setInterval(() => this.#recheck(), RECHECK_MS)]
    }
    return () => {
      slot?.delete(stream)
      group.delete(stream)
      if (group.size === 0 && this.#byCredentials.get(stream.credentials) === group) this.#byCredentials.delete(stream.credentials)
      if (this.#byCredentials.size === 0) this.#stop()
    }
  }

  #stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  #beat(): void {
    this.#slot = (this.#slot + 1) % BEAT_SLOTS
    for (const stream of this.#slots[this.#slot] ?? []) stream.beat()
  }

  #recheck(): void {
    for (const group of [...this.#byCredentials.values()]) {
      const [any] = group
      if (any !== undefined && !any.mayContinue()) for (const stream of [...group]) stream.close()
    }
  }
}
