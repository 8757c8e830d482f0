/**
 * What one inviter's credited signups add to the statistics of K: the sum of squares behind the dispersion, people
 * credited who are not of the cohort, and cycle times. Keyed by the inviter.
 */
import { COHORT_DAYS } from '../../metrics/delay-bins.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { NONE } from '../runtime/sorted-lists.ts'
import { DISPERSION, PANE_WINDOWS, paneOfMs, type PaneWindow } from './measures.ts'
import { PaneTally, type PaneTallySnapshot } from './pane-tally.ts'
import { SquaredCredits } from './squared-credits.ts'
import type { IntervalSink } from './slices.ts'

/** When an inviter first acted and signed up; NaN for never. */
export interface Arrival {
  readonly firstMs: number
  readonly signupMs: number
}

export interface CreditTotals {
  readonly dispersion: readonly IntervalSink[]
  readonly cycleTimes: { add(childMs: number, parentFirstMs: number, parentSignupMs: number, sign: 1 | -1): void }
}

export interface CreditsSnapshot {
  readonly children: PaneTallySnapshot
  readonly byPane: readonly PaneTallySnapshot[]
}

const PANE_LENGTHS_MS = [...new Set(PANE_WINDOWS.map(({ paneMs }) => paneMs))]
/** Of each window the index of its length of pane. */
const BY_WINDOW = PANE_WINDOWS.map(({ paneMs }) => PANE_LENGTHS_MS.indexOf(paneMs))

export class Credits {
  readonly #totals: CreditTotals
  /** Instants of the signups credited: a pane of one millisecond. */
  readonly #children: PaneTally
  /** One for each length of pane. */
  readonly #byPane: readonly SquaredCredits[]

  constructor(totals: CreditTotals, from?: CreditsSnapshot) {
    this.#totals = totals
    this.#children = new PaneTally(from?.children)
    this.#byPane = PANE_LENGTHS_MS.map((length, index) => {
      const windows = PANE_WINDOWS.filter(({ paneMs }) => paneMs === length)
      return new SquaredCredits(windows, totals.dispersion, from?.byPane[index])
    })
  }

  /** A signup at `childMs` is credited to the inviter (sign 1), or no longer (-1). Squares take effect with `settle`. */
  add(inviter: number, arrival: Arrival, childMs: number, sign: 1 | -1): void {
    if (sign < 0) this.#count(inviter, childMs, -1)
    for (const window of PANE_WINDOWS) {
      this.#addOutside(inviter, window, paneOfMs(childMs, window.paneMs), arrival, sign)
    }
    if (sign > 0) this.#count(inviter, childMs, 1)
    this.#totals.cycleTimes.add(childMs, arrival.firstMs, arrival.signupMs, sign)
  }

  /** The inviter's arrival became another: what depends on it is taken back and added anew. */
  arrivalChanged(inviter: number, before: Arrival, after: Arrival): void {
    const children = this.#children
    if (children.newest(inviter) === NONE) return
    for (let child = children.newest(inviter); child !== NONE; child = children.older(child)) {
      for (let times = children.count(child); times > 0; times -= 1) {
        this.#totals.cycleTimes.add(children.pane(child), before.firstMs, before.signupMs, -1)
        this.#totals.cycleTimes.add(children.pane(child), after.firstMs, after.signupMs, 1)
      }
    }
    for (const window of PANE_WINDOWS) {
      const tally = this.#panesOf(window)
      let newer = Number.POSITIVE_INFINITY
      for (let entry = tally.newest(inviter); entry !== NONE; entry = tally.older(entry)) {
        const pane = tally.pane(entry)
        const to = Math.min(pane + window.panes, newer)
        this.#addOutsideCohort(window, pane, to, before, -1)
        this.#addOutsideCohort(window, pane, to, after, 1)
        newer = pane
      }
    }
  }

  /** The totals have all that was added. */
  settle(): void {
    for (const squared of this.#byPane) squared.settle()
  }

  /** Call it settled. */
  snapshot(): CreditsSnapshot {
    return { children: this.#children.snapshot(), byPane: this.#byPane.map(({ panes }) => panes.snapshot()) }
  }

  #panesOf(window: PaneWindow): PaneTally {
    return (this.#byPane[BY_WINDOW[window.index] as number] as SquaredCredits).panes
  }

  #count(inviter: number, childMs: number, sign: 1 | -1): void {
    this.#children.add(inviter, childMs, sign)
    for (const squared of this.#byPane) squared.add(inviter, childMs, sign)
  }

  /** Window ends in which this credit alone makes the inviter credited, and in which it is not of the cohort. */
  #addOutside(inviter: number, window: PaneWindow, pane: number, arrival: Arrival, sign: number): void {
    const tally = this.#panesOf(window)
    let newer = Number.POSITIVE_INFINITY
    let entry = tally.newest(inviter)
    for (; entry !== NONE && tally.pane(entry) > pane; entry = tally.older(entry)) newer = tally.pane(entry)
    const older = entry === NONE ? Number.NEGATIVE_INFINITY : tally.pane(entry)
    if (older === pane) return
    this.#addOutsideCohort(window, Math.max(pane, older + window.panes), Math.min(pane + window.panes, newer), arrival, sign)
  }

  #addOutsideCohort(window: PaneWindow, from: number, to: number, { firstMs, signupMs }: Arrival, sign: number): void {
    if (from >= to) return
    const sink = this.#totals.dispersion[window.index] as IntervalSink
    sink.add(DISPERSION.credited_outside_cohort, from, to, sign)
    if (!Number.isNaN(signupMs)) addInCohort(sink, window, from, to, signupMs, Number.POSITIVE_INFINITY, -sign)
    if (!Number.isNaN(firstMs) && firstMs !== signupMs)
      addInCohort(sink, window, from, to, firstMs, Number.isNaN(signupMs) ? Number.POSITIVE_INFINITY : signupMs, -sign)
  }
}

/**
 * The window ends of [from, to) as of which the person belongs to the cohort: it has arrived by then, after the start of
 * that UTC day minus 90 days. With a later signup, at `untilMs`, it arrives again.
 */
function addInCohort(
  sink: IntervalSink,
  window: PaneWindow,
  from: number,
  to: number,
  arrivalMs: number,
  untilMs: number,
  n: number,
): void {
  const leavesMs = (Math.ceil(arrivalMs / DAY_MS) + COHORT_DAYS) * DAY_MS
  const inFrom = paneOfMs(arrivalMs, window.paneMs)
  const inTo = paneOfMs(Math.min(leavesMs, untilMs), window.paneMs)
  sink.add(DISPERSION.credited_outside_cohort, Math.max(from, inFrom), Math.min(to, inTo), n)
}
