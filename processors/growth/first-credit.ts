/**
 * The workspace's first credited signup: windows of K start no earlier, so that a base imported on day one does not
 * drown it. Credits may be taken back, so the instants are kept until no window can start before the first any more.
 */
export interface FirstCreditSnapshot {
  readonly counts: Map<number, number>
  readonly firstMs: number
  readonly settled: boolean
}

export class FirstCredit {
  #counts = new Map<number, number>()
  #firstMs = Number.POSITIVE_INFINITY
  #settled = false

  /** Instant of the first credited signup; infinity before there is one. */
  get ms(): number {
    return this.#firstMs
  }

  add(signupMs: number, sign: 1 | -1): void {
    if (this.#settled) return
    const count = (this.#counts.get(signupMs) ?? 0) + sign
    if (count === 0) this.#counts.delete(signupMs)
    else this.#counts.set(signupMs, count)
    if (count > 0) this.#firstMs = Math.min(this.#firstMs, signupMs)
    else if (signupMs === this.#firstMs) {
      this.#firstMs = Number.POSITIVE_INFINITY
      for (const [at, times] of this.#counts) if (times > 0 && at < this.#firstMs) this.#firstMs = at
    }
  }

  /** No window asked for from now on starts before `atMs`. Returns whether the first credit can't change any more. */
  settleBefore(atMs: number): boolean {
    if (!this.#settled && this.#firstMs < atMs) {
      this.#settled = true
      this.#counts.clear()
    }
    return this.#settled
  }

  snapshot(): FirstCreditSnapshot {
    return { counts: this.#counts, firstMs: this.#firstMs, settled: this.#settled }
  }

  restore(from: FirstCreditSnapshot): void {
    this.#counts = from.counts
    this.#firstMs = from.firstMs
    this.#settled = from.settled
  }
}
