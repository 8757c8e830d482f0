/**
 * What one inviter's credited signups add to the statistics of K: the sum of squares behind the dispersion, people
 * credited who are not of the cohort, and cycle times. Keyed by the inviter.
 *
 * Two credits of one inviter in panes p <= q meet in the window ends [q, p + panes): there (c + 1)^2 - c^2 = 2c + 1
 * makes each pair count twice and each credit once.
 */
import { COHORT_DAYS } from '../../metrics/delay-bins.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { DISPERSION, PANE_WINDOWS, paneOfMs, type PaneWindow } from './measures.ts'
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

/** Credits by pane, ascending; one list for each length of pane. */
interface PaneCounts {
  readonly panes: number[]
  readonly counts: number[]
}

export interface InviterCredits {
  /** Signups credited, ascending. */
  readonly childMs: number[]
  readonly byPaneMs: Map<number, PaneCounts>
}

/** By actor id, as somebody credited may never act. */
export type CreditsSnapshot = Map<string, InviterCredits>

const PANE_LENGTHS_MS = [...new Set(PANE_WINDOWS.map(({ paneMs }) => paneMs))]

export class Credits {
  readonly #totals: CreditTotals
  #inviters: Map<string, InviterCredits>

  constructor(totals: CreditTotals, from?: CreditsSnapshot) {
    this.#totals = totals
    this.#inviters = from ?? new Map()
  }

  /** A signup at `childMs` is credited to the inviter (sign 1), or no longer (-1). */
  add(inviterId: string, arrival: Arrival, childMs: number, sign: 1 | -1): void {
    const credits = this.#of(inviterId)
    if (sign < 0) this.#insert(credits, childMs, -1)
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(childMs, window.paneMs)
      const list = credits.byPaneMs.get(window.paneMs) as PaneCounts
      this.#addSquares(list, window, pane, sign)
      this.#addOutside(list, window, pane, arrival, sign)
    }
    if (sign > 0) this.#insert(credits, childMs, 1)
    this.#totals.cycleTimes.add(childMs, arrival.firstMs, arrival.signupMs, sign)
  }

  /** The inviter's arrival became another: what depends on it is taken back and added anew. */
  arrivalChanged(inviterId: string, before: Arrival, after: Arrival): void {
    const credits = this.#inviters.get(inviterId)
    if (credits === undefined) return
    for (const childMs of credits.childMs) {
      this.#totals.cycleTimes.add(childMs, before.firstMs, before.signupMs, -1)
      this.#totals.cycleTimes.add(childMs, after.firstMs, after.signupMs, 1)
    }
    for (const window of PANE_WINDOWS) {
      const { panes } = credits.byPaneMs.get(window.paneMs) as PaneCounts
      for (const [index, pane] of panes.entries()) {
        const to = Math.min(pane + window.panes, panes[index + 1] ?? Number.POSITIVE_INFINITY)
        this.#addOutsideCohort(window, pane, to, before, -1)
        this.#addOutsideCohort(window, pane, to, after, 1)
      }
    }
  }

  snapshot(): CreditsSnapshot {
    return this.#inviters
  }

  #of(inviterId: string): InviterCredits {
    let credits = this.#inviters.get(inviterId)
    if (credits === undefined) {
      credits = { childMs: [], byPaneMs: new Map(PANE_LENGTHS_MS.map((paneMs) => [paneMs, { panes: [], counts: [] }])) }
      this.#inviters.set(inviterId, credits)
    }
    return credits
  }

  #insert(credits: InviterCredits, childMs: number, sign: 1 | -1): void {
    const at = insertionIndex(credits.childMs, childMs)
    if (sign > 0) credits.childMs.splice(at, 0, childMs)
    else credits.childMs.splice(at, 1)
    for (const [paneMs, { panes, counts }] of credits.byPaneMs) {
      const pane = paneOfMs(childMs, paneMs)
      const index = insertionIndex(panes, pane)
      if (panes[index] !== pane) {
        panes.splice(index, 0, pane)
        counts.splice(index, 0, 1)
      } else if ((counts[index] as number) + sign === 0) {
        panes.splice(index, 1)
        counts.splice(index, 1)
      } else counts[index] = (counts[index] as number) + sign
    }
  }

  #addSquares({ panes, counts }: PaneCounts, window: PaneWindow, pane: number, sign: number): void {
    const sink = this.#totals.dispersion[window.index] as IntervalSink
    sink.add(DISPERSION.credits_squared, pane, pane + window.panes, sign)
    for (let index = insertionIndex(panes, pane - window.panes + 1); index < panes.length; index += 1) {
      const other = panes[index] as number
      if (other >= pane + window.panes) break
      const from = Math.max(pane, other)
      const to = Math.min(pane, other) + window.panes
      sink.add(DISPERSION.credits_squared, from, to, sign * 2 * (counts[index] as number))
    }
  }

  /** Window ends in which this credit alone makes the inviter credited, and in which it is not of the cohort. */
  #addOutside({ panes }: PaneCounts, window: PaneWindow, pane: number, arrival: Arrival, sign: number): void {
    const index = insertionIndex(panes, pane)
    if (panes[index] === pane) return
    const from = Math.max(pane, (panes[index - 1] ?? Number.NEGATIVE_INFINITY) + window.panes)
    const to = Math.min(pane + window.panes, panes[index] ?? Number.POSITIVE_INFINITY)
    this.#addOutsideCohort(window, from, to, arrival, sign)
  }

  #addOutsideCohort(window: PaneWindow, from: number, to: number, arrival: Arrival, sign: number): void {
    if (from >= to) return
    const sink = this.#totals.dispersion[window.index] as IntervalSink
    sink.add(DISPERSION.credited_outside_cohort, from, to, sign)
    for (const [inFrom, inTo] of cohortEnds(arrival, window.paneMs)) {
      sink.add(DISPERSION.credited_outside_cohort, Math.max(from, inFrom), Math.min(to, inTo), -sign)
    }
  }
}

/**
 * Window ends, in panes, as of which the person belongs to the cohort: it has arrived by then, after the start of that
 * UTC day minus 90 days. A later signup makes it arrive again.
 */
function cohortEnds({ firstMs, signupMs }: Arrival, paneMs: number): [from: number, to: number][] {
  const ends: [number, number][] = []
  const add = (arrivalMs: number, untilMs: number) => {
    const leavesMs = (Math.ceil(arrivalMs / DAY_MS) + COHORT_DAYS) * DAY_MS
    const to = Math.ceil(Math.min(leavesMs, untilMs) / paneMs)
    ends.push([Math.ceil(arrivalMs / paneMs), to])
  }
  if (!Number.isNaN(signupMs)) add(signupMs, Number.POSITIVE_INFINITY)
  if (!Number.isNaN(firstMs) && firstMs !== signupMs) add(firstMs, Number.isNaN(signupMs) ? Number.POSITIVE_INFINITY : signupMs)
  return ends
}

/** Index of the first element >= `value`; looks from the end, where in-order events go. */
function insertionIndex(sorted: readonly number[], value: number): number {
  if (sorted.length === 0 || (sorted.at(-1) as number) < value) return sorted.length
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
