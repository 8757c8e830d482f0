/**
 * How often to commit. A commit has a price whatever is in it: statements, files, and the merging of what it wrote. So it
 * may take a tenth of the time, and the rest of it is left to others: while commits are quick they come at the shortest
 * interval, and on a busy machine they become fewer and larger.
 */
import type { Clock } from '../../schemas/ports/clock.ts'

/** Of the time, for commits. */
const SHARE_MAX = 0.1
/** The longest interval, as a multiple of the shortest. */
const STRETCH_MAX = 4

export class CommitPace {
  readonly #clock: Clock
  readonly #shortestMs: number
  readonly #longestMs: number
  #tookMs = 0

  /**
   * `shortestMs`: between commits that cost nothing; the longest interval is four times that. `isAwaited`: where tasks wait for
   * one another's commits, a late one holds all of them up, and each is as early as it can be.
   */
  constructor(clock: Clock, shortestMs: number, isAwaited = false) {
    this.#clock = clock
    this.#shortestMs = shortestMs
    this.#longestMs = isAwaited ? shortestMs : STRETCH_MAX * shortestMs
  }

  /** How old what waits may become before it is committed. */
  get intervalMs(): number {
    return Math.min(Math.max(this.#shortestMs, this.#tookMs / SHARE_MAX), this.#longestMs)
  }

  /** Carries a commit out by `work`. A clock that went back tells nothing. */
  async during(work: () => Promise<void>): Promise<void> {
    const beganMs = this.#clock.nowMs()
    await work()
    this.#tookMs = Math.max(0, this.#clock.nowMs() - beganMs)
  }
}
