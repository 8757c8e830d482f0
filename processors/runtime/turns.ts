/** So many at a time, the others one after the other as turns come free; who is not wanted any more does not wait. */
export class Turns {
  #left: number
  readonly #waiting = new Set<() => void>()

  constructor(atOnce: number) {
    this.#left = atOnce
  }

  /** Runs `work` when it is its turn. Rejects as it does, and with the signal's reason when that comes before its turn. */
  async take<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted()
    if (this.#left > 0) this.#left -= 1
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#left += 1
      else next()
    }
  }

  /** Resolves when a turn is handed on. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(come)
        signal.removeEventListener('abort', give)
      }
      const come = () => {
        leave()
        resolve()
      }
      const give = () => {
        leave()
        reject(signal.reason as Error)
      }
      this.#waiting.add(come)
      signal.addEventListener('abort', give)
    })
  }
}
