/** Work that depends on others, done again until it is done, a little later each time. */
export interface PatienceOptions {
  readonly sleep: (ms: number) => Promise<void>
  readonly onError: (message: string, error: unknown) => void
  /** From then on the first failure is passed on: what is written down goes on at the next start. */
  readonly isStopping: () => boolean
}

const PAUSE_MS = { first: 100, max: 10_000 }

export class Patience {
  readonly #options: PatienceOptions
  #trouble: string | null = null

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /** What does not work now; null when all does. */
  get trouble(): string | null {
    return this.#trouble
  }

  /** Resolves when the work is done; rejects with an error that may not pass by itself. */
  async until(trouble: string, work: () => Promise<void>, mayPass: (error: unknown) => boolean): Promise<void> {
    const { sleep, onError, isStopping } = this.#options
    for (let attempt = 0; ; attempt += 1) {
      try {
        await work()
        this.#trouble = null
        return
      } catch (error) {
        if (!mayPass(error) || isStopping()) throw error
        this.#trouble = `${trouble}: ${error instanceof Error ? error.message : String(error)}`
        onError(`${trouble}, trying again`, error)
        await sleep(Math.min(PAUSE_MS.max, PAUSE_MS.first * 2 ** Math.min(attempt, 10)))
      }
    }
  }
}
