/**
 * B(x), the people who arrived at or before x, as of any instant (METRICS "K and its interval"). A person's arrival is
 * its first activity until it signs up and its counted signup from then on: as of an instant before the signup, the
 * first activity is what was known, and so it stays for the windows that end there.
 */
import { MINUTE_MS } from '../../schemas/windows.ts'
import { Timeline, type TimelineSnapshot } from './timeline.ts'

export interface ArrivalsSnapshot {
  readonly timeline: TimelineSnapshot
  readonly counts: Float64Array
  readonly firstMinute: number
  readonly before: number
}

/** Minutes of history that a window end can ask for: cohort, longest window, lateness, and the running days. */
const REACH_MINUTES = (90 + 30 + 7 + 3) * 1440

export class Arrivals {
  readonly #timeline = new Timeline((arrivalMs, _, sign) => this.#count(arrivalMs, sign))
  /** Arrivals in the minute that ends at `firstMinute + index`. */
  #counts: Float64Array = new Float64Array(1440)
  #firstMinute = Number.NaN
  /** Arrivals before `firstMinute`. */
  #before = 0
  #cumulative: Float64Array = new Float64Array(1440)
  /** `cumulative` holds for indexes below this. */
  #cumulativeTo = 0
  #usedTo = 0
  /** People by age in whole minutes at an origin off the grid, and the same from the oldest on; kept for one origin. */
  #offGrid: { originMs: number; byAge: Float64Array; atLeast: Float64Array; stale: boolean } | undefined

  /** A person who first acted at `firstMs` and signed up at `signupMs` (NaN: not yet); sign -1 takes it back. */
  add(firstMs: number, signupMs: number, sign: 1 | -1): void {
    this.#timeline.add(firstMs, firstMs, 0, sign)
    if (Number.isNaN(signupMs) || signupMs === firstMs) return
    this.#timeline.add(signupMs, firstMs, 0, sign === 1 ? -1 : 1)
    this.#timeline.add(signupMs, signupMs, 0, sign)
  }

  /** From now on answers are as of `atMs`. */
  moveTo(atMs: number): void {
    this.#timeline.moveTo(atMs)
  }

  /** People who arrived at or before the end of `minute` (instants on the minute only). */
  atOrBeforeMinute(minute: number): number {
    const index = minute - this.#firstMinute
    if (Number.isNaN(index) || index < 0) return this.#before
    const last = Math.min(index, this.#usedTo - 1)
    if (last >= this.#cumulativeTo) {
      let sum = this.#cumulativeTo === 0 ? this.#before : (this.#cumulative[this.#cumulativeTo - 1] as number)
      for (let at = this.#cumulativeTo; at <= last; at += 1) {
        sum += this.#counts[at] as number
        this.#cumulative[at] = sum
      }
      this.#cumulativeTo = last + 1
    }
    return last < 0 ? this.#before : (this.#cumulative[last] as number)
  }

  /** People who arrived at or before `originMs` minus whole minutes, for an origin that is not on the minute. */
  atOrBeforeOffGrid(originMs: number): (minutes: number) => number {
    if (this.#offGrid?.originMs !== originMs) {
      const length = REACH_MINUTES + 1
      this.#offGrid = { originMs, byAge: new Float64Array(length), atLeast: new Float64Array(length), stale: true }
      this.#timeline.forEachApplied((arrivalMs, _, sign) => this.#countOffGrid(arrivalMs, sign))
    }
    const { byAge, atLeast } = this.#offGrid
    if (this.#offGrid.stale) {
      let sum = 0
      for (let age = REACH_MINUTES; age >= 0; age -= 1) {
        sum += byAge[age] as number
        atLeast[age] = sum
      }
      this.#offGrid.stale = false
    }
    return (minutes) => atLeast[minutes] ?? 0
  }

  /** Earliest instant from which answers changed since the last `clearDirty`. */
  get dirtyFromMs(): number {
    return this.#timeline.dirtyFromMs
  }

  clearDirty(atMs: number): void {
    this.#timeline.clearDirty(atMs)
  }

  dropBefore(atMs: number): void {
    this.#timeline.dropBefore(atMs)
    const keepFrom = Math.floor(atMs / MINUTE_MS) - REACH_MINUTES
    const drop = keepFrom - this.#firstMinute
    if (!(drop > this.#usedTo / 4 && drop < this.#usedTo)) return
    this.#before = this.atOrBeforeMinute(keepFrom - 1)
    this.#counts.copyWithin(0, drop, this.#usedTo)
    this.#counts.fill(0, this.#usedTo - drop)
    this.#usedTo -= drop
    this.#firstMinute = keepFrom
    this.#cumulativeTo = 0
  }

  snapshot(): ArrivalsSnapshot {
    return {
      timeline: this.#timeline.snapshot(),
      counts: this.#counts.slice(0, this.#usedTo),
      firstMinute: this.#firstMinute,
      before: this.#before,
    }
  }

  restore(from: ArrivalsSnapshot): void {
    this.#timeline.restore(from.timeline)
    this.#counts = from.counts
    this.#usedTo = from.counts.length
    this.#firstMinute = from.firstMinute
    this.#before = from.before
    this.#cumulative = new Float64Array(from.counts.length)
    this.#cumulativeTo = 0
  }

  #count(arrivalMs: number, sign: number): void {
    this.#countOffGrid(arrivalMs, sign)
    const minute = Math.ceil(arrivalMs / MINUTE_MS)
    if (Number.isNaN(this.#firstMinute)) this.#firstMinute = minute
    if (minute < this.#firstMinute) this.#growDown(minute)
    const index = minute - this.#firstMinute
    if (index >= this.#counts.length) this.#growUp(index + 1)
    this.#counts[index] = (this.#counts[index] as number) + sign
    this.#usedTo = Math.max(this.#usedTo, index + 1)
    this.#cumulativeTo = Math.min(this.#cumulativeTo, index)
  }

  #growUp(length: number): void {
    const grown = Math.max(length, this.#counts.length * 2)
    const counts = new Float64Array(grown)
    counts.set(this.#counts)
    this.#counts = counts
    const cumulative = new Float64Array(grown)
    cumulative.set(this.#cumulative.subarray(0, this.#cumulativeTo))
    this.#cumulative = cumulative
  }

  #growDown(minute: number): void {
    const shift = this.#firstMinute - minute
    const counts = new Float64Array(this.#usedTo + shift + 1440)
    counts.set(this.#counts.subarray(0, this.#usedTo), shift)
    this.#counts = counts
    this.#cumulative = new Float64Array(counts.length)
    this.#cumulativeTo = 0
    this.#usedTo += shift
    this.#firstMinute = minute
  }

  #countOffGrid(arrivalMs: number, sign: number): void {
    const offGrid = this.#offGrid
    if (offGrid === undefined || arrivalMs > offGrid.originMs) return
    const age = Math.min(REACH_MINUTES, Math.floor((offGrid.originMs - arrivalMs) / MINUTE_MS))
    offGrid.byAge[age] = (offGrid.byAge[age] as number) + sign
    offGrid.stale = true
  }
}
