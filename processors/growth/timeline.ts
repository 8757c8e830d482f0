/**
 * A sequence of changes in event time, replayed forwards and backwards around a cursor: the state at any instant `t`
 * is the sum of the changes with `at <= t`. K is asked at window ends in the past (a restatement) as well as now, and
 * what was known as of then (who had arrived, which cycle times had been seen) must be what counts.
 *
 * Changes may come in any order; those not yet sorted in wait until the next move.
 */
export interface TimelineSnapshot {
  readonly columns: Float64Array
  readonly cursorMs: number
  readonly applied: number
  readonly dirtyFromMs: number
}

/** at, first, second, sign */
const WIDTH = 4

export class Timeline {
  readonly #apply: (first: number, second: number, sign: number) => void
  #columns: Float64Array = new Float64Array(256 * WIDTH)
  #count = 0
  /** Changes [0, applied) are in the state. */
  #applied = 0
  #cursorMs = Number.NEGATIVE_INFINITY
  #pending: number[] = []
  /** Earliest `at` of the changes sorted in since it was last taken; infinity for none. */
  #dirtyFromMs = Number.POSITIVE_INFINITY

  /** `apply` adds one change to the state the owner keeps (sign 1) or takes it back (-1). */
  constructor(apply: (first: number, second: number, sign: number) => void) {
    this.#apply = apply
  }

  /** From `atMs` on, the pair counts `sign` more. What was taken back just before and comes again leaves nothing. */
  add(atMs: number, first: number, second: number, sign: 1 | -1): void {
    const pending = this.#pending
    const last = pending.length - WIDTH
    if (pending[last + 3] === -sign && pending[last] === atMs && pending[last + 1] === first && pending[last + 2] === second)
      pending.length = last
    else pending.push(atMs, first, second, sign)
  }

  /** Earliest instant from which the state changed since the last `clearDirty`; infinity for none. */
  get dirtyFromMs(): number {
    let fromMs = this.#dirtyFromMs
    for (let at = 0; at < this.#pending.length; at += WIDTH) fromMs = Math.min(fromMs, this.#pending[at] as number)
    return fromMs
  }

  /** Brings the state to `atMs`. */
  moveTo(atMs: number): void {
    this.#settle()
    while (this.#applied < this.#count && this.#at(this.#applied) <= atMs) {
      this.#applyOne(this.#applied, 1)
      this.#applied += 1
    }
    while (this.#applied > 0 && this.#at(this.#applied - 1) > atMs) {
      this.#applied -= 1
      this.#applyOne(this.#applied, -1)
    }
    this.#cursorMs = atMs
  }

  /** What changed as of instants before `atMs` has been seen to; a change back then still stands as of later ones. */
  clearDirty(atMs: number): void {
    this.#settle()
    if (this.#dirtyFromMs < atMs) this.#dirtyFromMs = atMs
  }

  /** Visits the changes that are in the state, oldest first. */
  forEachApplied(visit: (first: number, second: number, sign: number) => void): void {
    for (let index = 0; index < this.#applied; index += 1) {
      const base = index * WIDTH
      visit(this.#columns[base + 1] as number, this.#columns[base + 2] as number, this.#columns[base + 3] as number)
    }
  }

  /** Forgets applied changes before `atMs`; they stay in the state and can't be taken back. */
  dropBefore(atMs: number): void {
    this.#settle()
    let dropped = 0
    while (dropped < this.#applied && this.#at(dropped) < atMs) dropped += 1
    if (dropped * 4 < this.#count) return // worth the copy only when a good part goes
    this.#columns.copyWithin(0, dropped * WIDTH, this.#count * WIDTH)
    this.#count -= dropped
    this.#applied -= dropped
  }

  snapshot(): TimelineSnapshot {
    this.#settle()
    return {
      columns: this.#columns.slice(0, this.#count * WIDTH),
      cursorMs: this.#cursorMs,
      applied: this.#applied,
      dirtyFromMs: this.#dirtyFromMs,
    }
  }

  /** Takes the changes over; the state itself is restored by the owner. */
  restore(from: TimelineSnapshot): void {
    this.#columns = from.columns
    this.#count = from.columns.length / WIDTH
    this.#applied = from.applied
    this.#cursorMs = from.cursorMs
    this.#dirtyFromMs = from.dirtyFromMs
  }

  #at(index: number): number {
    return this.#columns[index * WIDTH] as number
  }

  #applyOne(index: number, direction: 1 | -1): void {
    const base = index * WIDTH
    this.#apply(this.#columns[base + 1] as number, this.#columns[base + 2] as number, direction * (this.#columns[base + 3] as number))
  }

  /** Merges what waits, applying at once whatever lies at or before the cursor. */
  #settle(): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#dirtyFromMs = this.dirtyFromMs
    this.#pending = []
    const order = Array.from({ length: pending.length / WIDTH }, (_, index) => index * WIDTH)
    order.sort((a, b) => (pending[a] as number) - (pending[b] as number))
    this.#reserve(this.#count + order.length)
    // Merge from the back, so that nothing is overwritten before it moved.
    let kept = this.#count - 1
    let write = this.#count + order.length - 1
    for (let next = order.length - 1; next >= 0; write -= 1) {
      const from = order[next] as number
      if (kept >= 0 && this.#at(kept) > (pending[from] as number)) {
        this.#columns.copyWithin(write * WIDTH, kept * WIDTH, (kept + 1) * WIDTH)
        kept -= 1
        continue
      }
      for (let column = 0; column < WIDTH; column += 1) this.#columns[write * WIDTH + column] = pending[from + column] as number
      next -= 1
    }
    this.#count += order.length
    for (const from of order) {
      if ((pending[from] as number) > this.#cursorMs) break
      this.#apply(pending[from + 1] as number, pending[from + 2] as number, pending[from + 3] as number)
      this.#applied += 1
    }
  }

  #reserve(count: number): void {
    if (count * WIDTH <= this.#columns.length) return
    const columns = new Float64Array(Math.max(count * WIDTH, this.#columns.length * 2))
    columns.set(this.#columns.subarray(0, this.#count * WIDTH))
    this.#columns = columns
  }
}
