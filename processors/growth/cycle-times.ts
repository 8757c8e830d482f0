/**
 * Cycle times behind G (METRICS "K and its interval"), by bin of delay, of the people who arrived in the cohort, as of
 * any instant. A cycle counts from the signup of the invited on. If the inviter, who had only acted so far, signs up
 * later than that, its arrival is then after the child's and the cycle counts no more from there.
 */
import { COHORT_DAYS, DELAY_BIN_MINUTES, delayBinOfMs } from '../../metrics/delay-bins.ts'
import { ALLOWED_LATENESS_MS, DAY_MS } from '../../schemas/windows.ts'
import { Timeline, type TimelineSnapshot } from './timeline.ts'

export interface CycleTimesSnapshot {
  readonly timeline: TimelineSnapshot
  readonly byDay: Map<number, Int32Array>
}

export class CycleTimes {
  readonly #timeline = new Timeline((day, bin, sign) => this.#count(day, bin, sign))
  /** Cycles by bin, for each UTC day (numbered by its end) on which the inviter arrived. */
  #byDay = new Map<number, Int32Array>()
  /** Sum of the days after `#sumAfterDay`. */
  #sum = new Int32Array(DELAY_BIN_MINUTES.length)
  #sumAfterDay = Number.NaN

  /** A child that signed up at `childMs`, credited to somebody who first acted and signed up at the given instants (NaN: never). */
  add(childMs: number, parentFirstMs: number, parentSignupMs: number, sign: 1 | -1): void {
    if (parentSignupMs <= childMs) {
      this.#add(childMs, childMs, parentSignupMs, sign)
    } else if (parentFirstMs <= childMs) {
      this.#add(childMs, childMs, parentFirstMs, sign)
      if (!Number.isNaN(parentSignupMs)) this.#add(parentSignupMs, childMs, parentFirstMs, sign === 1 ? -1 : 1)
    }
  }

  /** Cycles by bin as of `atMs`, of inviters who arrived after the start of its UTC day minus 90 days. */
  at(atMs: number): Int32Array {
    this.#timeline.moveTo(atMs)
    const afterDay = Math.floor(atMs / DAY_MS) - COHORT_DAYS
    if (afterDay !== this.#sumAfterDay) {
      this.#sum.fill(0)
      for (const [day, bins] of this.#byDay) {
        if (day > afterDay)
          for (let bin = 0; bin < bins.length; bin += 1) this.#sum[bin] = (this.#sum[bin] as number) + (bins[bin] as number)
      }
      this.#sumAfterDay = afterDay
    }
    return this.#sum
  }

  get dirtyFromMs(): number {
    return this.#timeline.dirtyFromMs
  }

  clearDirty(atMs: number): void {
    this.#timeline.clearDirty(atMs)
  }

  dropBefore(atMs: number): void {
    this.#timeline.dropBefore(atMs)
    const firstDay = Math.floor((atMs - ALLOWED_LATENESS_MS) / DAY_MS) - COHORT_DAYS
    for (const day of this.#byDay.keys()) if (day < firstDay) this.#byDay.delete(day)
  }

  snapshot(): CycleTimesSnapshot {
    return { timeline: this.#timeline.snapshot(), byDay: this.#byDay }
  }

  restore(from: CycleTimesSnapshot): void {
    this.#timeline.restore(from.timeline)
    this.#byDay = from.byDay
    this.#sumAfterDay = Number.NaN
  }

  #add(fromMs: number, childMs: number, parentMs: number, sign: 1 | -1): void {
    const delayMs = childMs - parentMs
    // Older than any cohort: it could never count.
    if (delayMs > (COHORT_DAYS + 1) * DAY_MS) return
    this.#timeline.add(fromMs, Math.ceil(parentMs / DAY_MS), delayBinOfMs(delayMs), sign)
  }

  #count(day: number, bin: number, sign: number): void {
    let bins = this.#byDay.get(day)
    if (bins === undefined) {
      bins = new Int32Array(DELAY_BIN_MINUTES.length)
      this.#byDay.set(day, bins)
    }
    bins[bin] = (bins[bin] as number) + sign
    if (day > this.#sumAfterDay) this.#sum[bin] = (this.#sum[bin] as number) + sign
  }
}
