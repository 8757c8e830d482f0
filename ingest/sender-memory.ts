/**
 * Whom a secret stands for, remembered for a second: digests of keys take longer than the rest of a small request. A key
 * that is revoked stops within that second; one that is not known is never remembered.
 */
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal } from '../schemas/ports/workspaces.ts'

const REMEMBERED_MS = 1_000
/** Guessed secrets are not kept, so this many real ones are in use. */
const SECRETS_MAX = 10_000

interface Remembered {
  readonly principal: Principal
  readonly sinceMs: number
}

export class SenderMemory {
  readonly #clock: Clock
  readonly #known = new Map<string, Remembered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The principal behind the text in which a request carries its key, by `look` when it is not remembered; passes on what that throws. */
  principalOf(carrier: string, look: () => Principal): Principal {
    const nowMs = this.#clock.nowMs()
    const known = this.#known.get(carrier)
    // A clock that was set back forgets.
    if (known && Math.abs(nowMs - known.sinceMs) < REMEMBERED_MS) return known.principal
    this.#known.delete(carrier)
    const principal = look()
    if (this.#known.size >= SECRETS_MAX) this.#known.clear()
    this.#known.set(carrier, { principal, sinceMs: nowMs })
    return principal
  }
}
