/**
 * The sums of one workspace, whatever partitions they come from: one global operator that partitions send additive
 * changes to. `k-window.ts` reads K off it, `publisher.ts` decides which window ends are written.
 */
import type { Dimension, KStatistics } from '../../schemas/records.ts'
import { exposure } from '../../metrics/k-factor.ts'
import { cohortStartMs } from '../../metrics/delay-bins.ts'
import { DAY_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { Arrivals, type ArrivalsSnapshot } from './arrivals.ts'
import { CycleTimes, type CycleTimesSnapshot } from './cycle-times.ts'
import { FirstCredit, type FirstCreditSnapshot } from './first-credit.ts'
import { DISPERSION, DISPERSION_WIDTH, MEASURE, PANE_WINDOWS, type PaneWindow } from './measures.ts'
import type { PaneGrid, PaneGridSnapshot } from './pane-grid.ts'
import type { PeopleTotals } from './people.ts'
import { dispersionGrids, restoreGrids, ScopeGrids, type ScopeGridsSnapshot } from './scope-grids.ts'
import type { ScopesOf, SliceKey } from './slices.ts'
import { SplitScopes, type SplitScopesSnapshot } from './split-scopes.ts'

/** What partitions send additive changes to: the totals themselves, or what carries the changes to where they are. */
export interface PartitionTotals extends PeopleTotals {
  readonly scopesOf: ScopesOf
}

export interface WindowTotalsSnapshot {
  /** The whole and the values with sums of their own. */
  readonly scopes: readonly ScopeGridsSnapshot[]
  readonly split: SplitScopesSnapshot
  readonly dispersion: readonly PaneGridSnapshot[]
  readonly arrivals: ArrivalsSnapshot
  readonly cycleTimes: CycleTimesSnapshot
  readonly firstCredit: FirstCreditSnapshot
}

export class WindowTotals implements PartitionTotals {
  readonly whole: ScopeGrids
  readonly arrivals = new Arrivals()
  readonly cycleTimes = new CycleTimes()
  readonly firstCredit = new FirstCredit()
  readonly dispersion: readonly PaneGrid[]
  readonly #scopes = new Map<string, ScopeGrids>()
  readonly #split: SplitScopes<ScopeGrids>

  constructor(from?: WindowTotalsSnapshot) {
    for (const snapshot of from?.scopes ?? []) this.#scopes.set(scopeKey(snapshot.dimension, snapshot.value), ScopeGrids.restore(snapshot))
    this.whole = this.scope('', '')
    this.#split = new SplitScopes(
      this.whole,
      (dimension, value) => this.#keep(ScopeGrids.sharing(this.whole, dimension, value)),
      (dimension, value) => this.scope(dimension, value),
    )
    if (from === undefined) {
      this.dispersion = dispersionGrids()
    } else {
      this.#split.restore(from.split)
      this.dispersion = restoreGrids(from.dispersion, DISPERSION_WIDTH, 'float64')
      this.arrivals.restore(from.arrivals)
      this.cycleTimes.restore(from.cycleTimes)
      this.firstCredit.restore(from.firstCredit)
    }
  }

  readonly scopesOf = (key: SliceKey): readonly ScopeGrids[] => this.#split.scopesOf(key)

  /** The sums of a dimension's value, made when new; dimension '' is the whole workspace, of which a value may have the sums. */
  scope(dimension: Dimension | '', value: string): ScopeGrids {
    return this.#scopes.get(scopeKey(dimension, value)) ?? this.#keep(new ScopeGrids(dimension, value))
  }

  /** Every value has sums of its own from now on: what comes is told apart already. */
  splitAll(): void {
    this.#split.splitAll()
  }

  /** Every value of every dimension, without the whole. */
  *slices(): Generator<ScopeGrids> {
    for (const scope of this.#scopes.values()) if (scope.dimension !== '') yield scope
  }

  /** The statistics of K over the window that ends at `end` (METRICS "K and its interval"), as of that end. */
  kAt(window: PaneWindow, end: number): KStatistics {
    const atMs = end * window.paneMs
    const cycleCounts = this.cycleTimes.at(atMs)
    const { arrivals } = this
    arrivals.moveTo(atMs)
    const endMinute = atMs / MINUTE_MS
    const beforeCohort = arrivals.atOrBeforeMinute(cohortStartMs(atMs) / MINUTE_MS)
    const startMs = atMs - window.lengthMs
    const firstMs = this.firstCredit.ms
    const startMinute = startMs / MINUTE_MS
    const atOrBeforeStart =
      firstMs > startMs && firstMs <= atMs
        ? arrivals.atOrBeforeOffGrid(firstMs - 1)
        : (minutes: number) => arrivals.atOrBeforeMinute(startMinute - minutes)
    let cycles = 0
    for (let bin = 0; bin < cycleCounts.length; bin += 1) cycles += cycleCounts[bin] as number
    const counts = this.whole.counts(window.index).at(end)
    const dispersion = this.#dispersionOf(window).at(end)
    return {
      credits:
        (counts[MEASURE.via_invite] as number) +
        (counts[MEASURE.via_code] as number) +
        (counts[MEASURE.via_share] as number) +
        (counts[MEASURE.via_referrer] as number),
      credits_squared: dispersion[DISPERSION.credits_squared] as number,
      people: arrivals.atOrBeforeMinute(endMinute) - beforeCohort + (dispersion[DISPERSION.credited_outside_cohort] as number),
      cycles,
      exposure: exposure(
        cycleCounts,
        (minutes) => Math.max(0, arrivals.atOrBeforeMinute(endMinute - minutes) - beforeCohort),
        (minutes) => arrivals.atOrBeforeMinute(endMinute - minutes) - atOrBeforeStart(minutes),
      ),
    }
  }

  /** The first window end whose K may have changed since `clearDirty`. */
  kDirtyFrom(window: PaneWindow): number {
    const changedMs = Math.min(this.arrivals.dirtyFromMs, this.cycleTimes.dirtyFromMs)
    return Math.min(Math.ceil(changedMs / window.paneMs), this.#dispersionOf(window).dirtyFrom)
  }

  /** What changed among window ends before `atMs` has been written. */
  clearDirty(atMs: number): void {
    this.arrivals.clearDirty(atMs)
    this.cycleTimes.clearDirty(atMs)
    for (const window of PANE_WINDOWS) this.#dispersionOf(window).clearDirty(atMs / window.paneMs)
    for (const scope of this.#scopes.values()) scope.clearDirty(atMs)
  }

  /** Forgets what window ends from `atMs` on do not need. */
  dropBefore(atMs: number): void {
    for (const window of PANE_WINDOWS) this.#dispersionOf(window).dropBefore(atMs / window.paneMs)
    for (const scope of this.#scopes.values()) scope.dropBefore(atMs)
    // Exact instants are needed until no window reaches back to the first credit.
    if (!this.firstCredit.settleBefore(atMs - 31 * DAY_MS)) return
    this.arrivals.dropBefore(atMs)
    this.cycleTimes.dropBefore(atMs)
  }

  #dispersionOf(window: PaneWindow): PaneGrid {
    return this.dispersion[window.index] as PaneGrid
  }

  #keep(scope: ScopeGrids): ScopeGrids {
    this.#scopes.set(scopeKey(scope.dimension, scope.value), scope)
    return scope
  }

  snapshot(): WindowTotalsSnapshot {
    const split = this.#split.snapshot()
    const own = [...this.#scopes.values()].filter(({ dimension }) => dimension === '' || split.split.includes(dimension))
    return {
      scopes: own.map((scope) => scope.snapshot()),
      split,
      dispersion: this.dispersion.map((grid) => grid.snapshot()),
      arrivals: this.arrivals.snapshot(),
      cycleTimes: this.cycleTimes.snapshot(),
      firstCredit: this.firstCredit.snapshot(),
    }
  }
}

/** What a scope is kept under. */
export function scopeKey(dimension: Dimension | '', value: string): string {
  return `${dimension}:${value}`
}
