/** Who waits until the records before some offsets are readable in the warehouse. */
interface Waiter {
  readonly positions: readonly number[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class ReadableWaiters {
  #waiters: Waiter[] = []

  /** Resolves at the first `resolve` whose positions are as far as these; rejects with `rejectAll`. */
  wait(positions: readonly number[]): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ positions, resolve, reject }))
  }

  resolve(positions: readonly number[]): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!isAtLeast(positions, waiter.positions)) return true
      waiter.resolve()
      return false
    })
  }

  rejectAll(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }
}

/** Whether every position is as far as the one that is wanted. */
export function isAtLeast(positions: readonly number[], wanted: readonly number[]): boolean {
  return wanted.every((offset, partition) => (positions[partition] ?? 0) >= offset)
}
