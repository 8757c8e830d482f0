/**
 * When a snapshot is due. What has been processed since the last one is what a restart processes again, so it is due
 * after a number of records; but one may take a twentieth of the time at most, so that a large state has fewer. After a
 * burst of records, when little happens, it costs nobody anything: then it is due for fewer of them.
 */
import type { Clock } from '../../schemas/ports/clock.ts'

/** Of the time, for snapshots. */
const SHARE_MAX = 0.05
/** A snapshot that takes less is not worth a thought. */
const SHORT_MS = 100
/** Little happened when in this time there were fewer than a hundredth of the records that make a snapshot due. */
const CALM_MS = 30_000
const CALM_SHARE = 0.01
/** Of the records that make a snapshot due, what is worth one when little happens. */
const WORTH_SHARE = 0.05

export class SnapshotSchedule {
  readonly #clock: Clock
  readonly #recordsMax: number
  #records = 0
  #isWanted = false
  #endedMs = Number.NEGATIVE_INFINITY
  #tookMs = 0
  /** Records at the last look at how much happens, and its time. */
  #lookMs = Number.NaN
  #lookRecords = 0

  /** `recordsMax`: records that make a snapshot due. */
  constructor(clock: Clock, recordsMax: number) {
    this.#clock = clock
    this.#recordsMax = recordsMax
  }

  /** A record was processed. */
  processed(): void {
    this.#records += 1
  }

  /** Something was done that takes long to do again: a snapshot is due as soon as there may be one. */
  want(): void {
    this.#isWanted = true
  }

  /** Whether a snapshot would hold anything new. */
  get hasNews(): boolean {
    return this.#records > 0 || this.#isWanted
  }

  /** Ask often: also to see that little happens. */
  isDue(): boolean {
    const nowMs = this.#clock.nowMs()
    const isCalm = this.#looksCalm(nowMs)
    if (this.#tookMs >= SHORT_MS && nowMs - this.#endedMs < this.#tookMs * (1 / SHARE_MAX - 1)) return false
    return this.#isWanted || this.#records >= this.#recordsMax || (isCalm && this.#records >= this.#recordsMax * WORTH_SHARE)
  }

  /** Writes one by `write`, and gives what that does; counting begins anew, also when it fails: it is tried again later. */
  async during<Written>(write: () => Promise<Written>): Promise<Written> {
    const beganMs = this.#clock.nowMs()
    this.#records = 0
    this.#isWanted = false
    this.#lookRecords = 0
    try {
      return await write()
    } finally {
      this.#endedMs = this.#clock.nowMs()
      this.#tookMs = this.#endedMs - beganMs
    }
  }

  #looksCalm(nowMs: number): boolean {
    if (nowMs - this.#lookMs < CALM_MS) return false
    const isFirst = Number.isNaN(this.#lookMs)
    const isCalm = this.#records - this.#lookRecords < this.#recordsMax * CALM_SHARE
    this.#lookMs = nowMs
    this.#lookRecords = this.#records
    return isCalm && !isFirst
  }
}
