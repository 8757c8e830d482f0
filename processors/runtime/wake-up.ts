/** A wait that ends early when something happened, also when that was since the last look. */
export class WakeUp {
  #wake: (() => void) | undefined
  #signalled = false

  signal(): void {
    this.#signalled = true
    this.#wake?.()
  }

  /** From here on signals count for the next wait. */
  look(): void {
    this.#signalled = false
  }

  /** Resolves after `ms`, or at a signal since the last look. */
  wait(ms: number): Promise<void> {
    if (this.#signalled) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      function done() {
        clearTimeout(timer)
        resolve()
      }
      this.#wake = done
    })
  }
}
