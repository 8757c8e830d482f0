/**
 * When what broke off by a bug of ours may be started again: after a second, then twice as long each time in a row, up to a
 * minute, so that a bug that comes again and again leaves the machine and the servers beside it alone.
 */
const PAUSE_MS = { first: 1_000, max: 60_000 }

export class RestartPauses {
  #pauseMs = 0
  #startMs = Number.NEGATIVE_INFINITY

  /**
   * It broke off now, by a clock that never jumps: returns for how many milliseconds it is to be left. What has run for
   * over a minute since the last pause begins with a short one.
   */
  brokeOff(nowMs: number): number {
    const hasRun = nowMs - this.#startMs >= PAUSE_MS.max
    this.#pauseMs = hasRun ? PAUSE_MS.first : Math.min(this.#pauseMs * 2, PAUSE_MS.max)
    this.#startMs = nowMs + this.#pauseMs
    return this.#pauseMs
  }
}
