/**
 * The workspace's first credited signup: windows of K start no earlier, so that a base imported on day one does not
 * drown it. Credits may be taken back, so the instants are kept until no window can start before the first any more.
 *
 * Only the least of them is ever asked for: they are a heap (Williams, "Algorithm 232", CACM 1964), in which one that comes in
 * order of time stays where it is put. What is taken back, which is rare, leaves the heap when it comes to the top.
 */
import { grownTo } from '../runtime/grown-cells.ts'

export interface FirstCreditSnapshot {
  readonly instants: Float64Array
  readonly takenBack: Map<number, number>
  readonly firstMs: number
  readonly settled: boolean
}

export class FirstCredit {
  /** A heap: none is before the one at (index - 1) / 2. */
  #instants: Float64Array = new Float64Array(64)
  #count = 0
  /** How often an instant that is in the heap, or is still to come, was taken back. */
  #takenBack = new Map<number, number>()
  #firstMs = Number.POSITIVE_INFINITY
  #settled = false

  /** Instant of the first credited signup; infinity before there is one. */
  get ms(): number {
    return this.#firstMs
  }

  add(signupMs: number, sign: 1 | -1): void {
    if (this.#settled) return
    if (sign > 0 && !this.#isTakenBack(signupMs)) this.#push(signupMs)
    if (sign < 0) this.#takenBack.set(signupMs, (this.#takenBack.get(signupMs) ?? 0) + 1)
    while (this.#count > 0 && this.#isTakenBack(this.#instants[0] as number)) this.#pop()
    this.#firstMs = this.#count > 0 ? (this.#instants[0] as number) : Number.POSITIVE_INFINITY
  }

  /** No window asked for from now on starts before `atMs`. Returns whether the first credit can't change any more. */
  settleBefore(atMs: number): boolean {
    if (!this.#settled && this.#firstMs < atMs) {
      this.#settled = true
      this.#instants = new Float64Array(0)
      this.#count = 0
      this.#takenBack.clear()
    }
    return this.#settled
  }

  snapshot(): FirstCreditSnapshot {
    const instants = this.#instants.slice(0, this.#count)
    return { instants, takenBack: this.#takenBack, firstMs: this.#firstMs, settled: this.#settled }
  }

  restore(from: FirstCreditSnapshot): void {
    this.#instants = from.instants
    this.#count = from.instants.length
    this.#takenBack = from.takenBack
    this.#firstMs = from.firstMs
    this.#settled = from.settled
  }

  /** Whether an instant was taken back, once less from now on. */
  #isTakenBack(atMs: number): boolean {
    const times = this.#takenBack.size === 0 ? undefined : this.#takenBack.get(atMs)
    if (times === undefined) return false
    if (times === 1) this.#takenBack.delete(atMs)
    else this.#takenBack.set(atMs, times - 1)
    return true
  }

  #push(atMs: number): void {
    this.#instants = grownTo(this.#instants, this.#count)
    const instants = this.#instants
    let place = this.#count
    this.#count += 1
    for (let above = (place - 1) >> 1; place > 0 && (instants[above] as number) > atMs; above = (place - 1) >> 1) {
      instants[place] = instants[above] as number
      place = above
    }
    instants[place] = atMs
  }

  /** Takes the least out: the last takes its place and sinks. */
  #pop(): void {
    const instants = this.#instants
    this.#count -= 1
    const last = instants[this.#count] as number
    let place = 0
    for (let below = 1; below < this.#count; below = 2 * place + 1) {
      if (below + 1 < this.#count && (instants[below + 1] as number) < (instants[below] as number)) below += 1
      if ((instants[below] as number) >= last) break
      instants[place] = instants[below] as number
      place = below
    }
    instants[place] = last
  }
}
