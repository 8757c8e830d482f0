/**
 * Set of 96-bit event id hashes with the hour in which each was received: open addressing with linear probing over one
 * typed array, 16 bytes a slot. Filled up to 4/5 and grown by half, so that an id costs 20 to 30 bytes.
 */

const WORDS = 4
const FILL_MAX = 0.8
const GROWTH = 1.5
const SLOTS_MIN = 1024

/** Whether a word of the table is that of a hash, whose words may be signed. */
function same(stored: number | undefined, word: number): boolean {
  return ((stored ?? 0) | 0) === (word | 0)
}

/** The whole table, as it is: not a copy. */
export interface EventIdIndexSnapshot {
  readonly table: Uint32Array
  readonly size: number
}

export class EventIdIndex {
  #table: Uint32Array
  #slots: number
  #size = 0
  readonly #horizonHours: number

  /** Ids received more than `horizonHours` before the hour that a caller names are no longer known. */
  constructor(horizonHours: number, slots = SLOTS_MIN) {
    this.#horizonHours = horizonHours
    this.#slots = Math.max(slots, SLOTS_MIN)
    this.#table = new Uint32Array(this.#slots * WORDS)
  }

  /** An empty one with room for so many ids. */
  static withRoom(horizonHours: number, ids: number): EventIdIndex {
    return new EventIdIndex(horizonHours, Math.ceil(ids / FILL_MAX) + 1)
  }

  /** Ids in the table, expired ones that were not yet swept included. */
  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#table.byteLength
  }

  /** Takes the id, three words of 32 bits, for `hour` (hours since 1970): true when it is new or known only from before the horizon. */
  claim(h0: number, h1: number, h2: number, hour: number): boolean {
    const slot = this.#find(h0, h1, h2)
    const at = slot * WORDS
    const table = this.#table
    const stored = table[at + 3] ?? 0
    if (stored !== 0) {
      if (hour - (stored - 1) <= this.#horizonHours) return false
      table[at + 3] = hour + 1
      return true
    }
    table[at] = h0
    table[at + 1] = h1
    table[at + 2] = h2
    table[at + 3] = hour + 1
    this.#size += 1
    if (this.#size > this.#slots * FILL_MAX) this.#rebuild(hour)
    return true
  }

  /** Whether the id is known at `hour`. */
  has(h0: number, h1: number, h2: number, hour: number): boolean {
    const stored = this.#table[this.#find(h0, h1, h2) * WORDS + 3] ?? 0
    return stored !== 0 && hour - (stored - 1) <= this.#horizonHours
  }

  snapshot(): EventIdIndexSnapshot {
    return { table: this.#table, size: this.#size }
  }

  static restore(horizonHours: number, { table, size }: EventIdIndexSnapshot): EventIdIndex {
    const index = new EventIdIndex(horizonHours, table.length / WORDS)
    index.#table = table
    index.#size = size
    return index
  }

  /** Gives a claimed id back, because its event did not become durable. */
  release(h0: number, h1: number, h2: number): void {
    const table = this.#table
    let hole = this.#find(h0, h1, h2)
    if (table[hole * WORDS + 3] === 0) return
    this.#size -= 1
    // Backward shift (Knuth, TAOCP 6.4 algorithm R): later entries of the run move up, so that no tombstone stays.
    for (let slot = (hole + 1) % this.#slots; table[slot * WORDS + 3] !== 0; slot = (slot + 1) % this.#slots) {
      const home = this.#home(table[slot * WORDS] ?? 0)
      const reachable = hole <= slot ? home <= hole || home > slot : home <= hole && home > slot
      if (!reachable) continue
      table.copyWithin(hole * WORDS, slot * WORDS, slot * WORDS + WORDS)
      hole = slot
    }
    table.fill(0, hole * WORDS, hole * WORDS + WORDS)
  }

  #home(h0: number): number {
    // The high bits of h0 * slots: any slot count works, not only powers of two.
    return Math.floor(((h0 >>> 0) * this.#slots) / 2 ** 32)
  }

  #find(h0: number, h1: number, h2: number): number {
    const table = this.#table
    const slots = this.#slots
    let slot = this.#home(h0)
    for (;;) {
      const at = slot * WORDS
      if (table[at + 3] === 0) return slot
      if (same(table[at], h0) && same(table[at + 1], h1) && same(table[at + 2], h2)) return slot
      slot += 1
      if (slot === slots) slot = 0
    }
  }

  /** Sweeps expired ids; grows when that does not make enough room. */
  #rebuild(hour: number): void {
    const old = this.#table
    let live = 0
    for (let at = 3; at < old.length; at += WORDS) {
      const stored = old[at] ?? 0
      if (stored !== 0 && hour - (stored - 1) <= this.#horizonHours) live += 1
    }
    if (live > this.#slots * FILL_MAX * 0.66) this.#slots = Math.ceil(this.#slots * GROWTH)
    this.#table = new Uint32Array(this.#slots * WORDS)
    this.#size = live
    for (let at = 0; at < old.length; at += WORDS) {
      const stored = old[at + 3] ?? 0
      if (stored === 0 || hour - (stored - 1) > this.#horizonHours) continue
      const h0 = old[at] ?? 0
      const h1 = old[at + 1] ?? 0
      const h2 = old[at + 2] ?? 0
      const to = this.#find(h0, h1, h2) * WORDS
      this.#table[to] = h0
      this.#table[to + 1] = h1
      this.#table[to + 2] = h2
      this.#table[to + 3] = stored
    }
  }
}
