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

  /** The inviter's arrival became another. Only window ends whose sums change are touched: a touched one is looked at again. */
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
      const changes = cohortChanges(before, after, window)
      const sink = this.#totals.dispersion[window.index] as IntervalSink
      const tally = this.#panesOf(window)
      let newer = Number.POSITIVE_INFINITY
      for (let entry = tally.newest(inviter); entry !== NONE; entry = tally.older(entry)) {
        const pane = tally.pane(entry)
        const to = Math.min(pane + window.panes, newer)
        for (const change of changes)
          sink.add(DISPERSION.credited_outside_cohort, Math.max(pane, change.from), Math.min(to, change.to), -change.n)
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

  #addOutsideCohort(window: PaneWindow, from: number, to: number, arrival: Arrival, sign: number): void {
    if (from >= to) return
    const sink = this.#totals.dispersion[window.index] as IntervalSink
    sink.add(DISPERSION.credited_outside_cohort, from, to, sign)
    for (const inside of cohortEnds(arrival, window, sign))
      sink.add(DISPERSION.credited_outside_cohort, Math.max(from, inside.from), Math.min(to, inside.to), -inside.n)
  }
}

/** Window ends, in panes, [from, to) with what counts in them. */
interface Ends {
  readonly from: number
  readonly to: number
  readonly n: number
}

/**
 * Window ends as of which the person belongs to the cohort: it has arrived by then, after the start of that UTC day
 * minus 90 days. A later signup makes it arrive again.
 */
function cohortEnds({ firstMs, signupMs }: Arrival, window: PaneWindow, n: number): Ends[] {
  const ends: Ends[] = []
  if (!Number.isNaN(signupMs)) ends.push(arrivedEnds(signupMs, Number.POSITIVE_INFINITY, window, n))
  if (!Number.isNaN(firstMs) && firstMs !== signupMs)
    ends.push(arrivedEnds(firstMs, Number.isNaN(signupMs) ? Number.POSITIVE_INFINITY : signupMs, window, n))
  return ends
}

function arrivedEnds(arrivalMs: number, untilMs: number, { paneMs }: PaneWindow, n: number): Ends {
  const leavesMs = (Math.ceil(arrivalMs / DAY_MS) + COHORT_DAYS) * DAY_MS
  return { from: paneOfMs(arrivalMs, paneMs), to: paneOfMs(Math.min(leavesMs, untilMs), paneMs), n }
}

/** Window ends as of which the person belongs to the cohort more (1) or less (-1) often than before; where nothing changed there are none. */
function cohortChanges(before: Arrival, after: Arrival, window: PaneWindow): Ends[] {
  const all = [...cohortEnds(before, window, -1), ...cohortEnds(after, window, 1)]
  const bounds = [...new Set(all.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
  const changes: Ends[] = []
  for (const [index, from] of bounds.entries()) {
    const to = bounds[index + 1] ?? from
    let n = 0
    for (const each of all) if (each.from <= from && to <= each.to) n += each.n
    if (from < to && n !== 0) changes.push({ from, to, n })
  }
  return changes
}
