/** All sums of one scope (the whole workspace, or one value of a dimension): counts and money of every live window. */
import type { Dimension, GrowthCounts, Money } from '../../schemas/records.ts'
import { DISPERSION_WIDTH, MEASURE, MEASURES, type Measure, MONEY, MONEY_WIDTH, PANE_WINDOWS } from './measures.ts'
import { PaneGrid, type PaneGridSnapshot } from './pane-grid.ts'
import type { ScopeDeltas } from './slices.ts'
import type { SharingScope } from './split-scopes.ts'

export interface ScopeGridsSnapshot {
  readonly dimension: Dimension | ''
  readonly value: string
  readonly counts: readonly PaneGridSnapshot[]
  readonly money: readonly (readonly [currency: string, grids: readonly PaneGridSnapshot[]])[]
}

const countGrids = () => PANE_WINDOWS.map(({ paneMs }) => new PaneGrid(MEASURES.length, paneMs, 'int32'))
const moneyGrids = () => PANE_WINDOWS.map(({ paneMs }) => new PaneGrid(MONEY_WIDTH, paneMs, 'float64'))
/** Grids of the sums behind the dispersion of K, one a window. */
export const dispersionGrids = () => PANE_WINDOWS.map(({ paneMs }) => new PaneGrid(DISPERSION_WIDTH, paneMs, 'float64'))

export class ScopeGrids implements ScopeDeltas, SharingScope {
  readonly dimension: Dimension | ''
  readonly value: string
  #counts = countGrids()
  #money = new Map<string, PaneGrid[]>()

  constructor(dimension: Dimension | '', value: string) {
    this.dimension = dimension
    this.value = value
  }

  /** The scope of a value whose sums are those of another scope, until it is separated. */
  static sharing(other: ScopeGrids, dimension: Dimension, value: string): ScopeGrids {
    const scope = new ScopeGrids(dimension, value)
    scope.#counts = other.#counts
    scope.#money = other.#money
    return scope
  }

  separate(): void {
    this.#counts = this.#counts.map((grid) => grid.copy())
    this.#money = new Map([...this.#money].map(([currency, grids]) => [currency, grids.map((grid) => grid.copy())]))
  }

  counts(windowIndex: number): PaneGrid {
    return this.#counts[windowIndex] as PaneGrid
  }

  money(currency: string, windowIndex: number): PaneGrid {
    let grids = this.#money.get(currency)
    if (grids === undefined) {
      grids = moneyGrids()
      this.#money.set(currency, grids)
    }
    return grids[windowIndex] as PaneGrid
  }

  /** People active in the window that ends at `end`: nothing is counted where nobody was. */
  activeUsers(windowIndex: number, end: number): number {
    return this.counts(windowIndex).at(end)[MEASURE.active_users] as number
  }

  /** The counts of the window that ends at `end`. */
  countsAt(windowIndex: number, end: number): GrowthCounts {
    const cells = this.counts(windowIndex).at(end)
    const cell = (measure: Measure) => cells[MEASURE[measure]] as number
    return {
      active_users: cell('active_users'),
      new_users: cell('new_users'),
      inviters: cell('inviters'),
      sharers: cell('sharers'),
      spreaders: cell('spreaders'),
      invites_sent: cell('invites_sent'),
      shares: cell('shares'),
      via_invite: cell('via_invite'),
      via_code: cell('via_code'),
      via_share: cell('via_share'),
      via_referrer: cell('via_referrer'),
      revenue: this.#moneyAt(windowIndex, end, MONEY.revenue),
      referred_revenue: this.#moneyAt(windowIndex, end, MONEY.referred_revenue),
    }
  }

  /** Changed window ends that `clearDirty` has not passed: [from, to), empty when from >= to. */
  dirtyEnds(windowIndex: number): { from: number; to: number } {
    let { dirtyFrom: from, dirtyTo: to } = this.counts(windowIndex)
    for (const grids of this.#money.values()) {
      const grid = grids[windowIndex] as PaneGrid
      from = Math.min(from, grid.dirtyFrom)
      to = Math.max(to, grid.dirtyTo)
    }
    return { from, to }
  }

  clearDirty(atMs: number): void {
    for (const window of PANE_WINDOWS) {
      const end = atMs / window.paneMs
      this.counts(window.index).clearDirty(end)
      for (const currency of this.#money.keys()) this.money(currency, window.index).clearDirty(end)
    }
  }

  /** Forgets what ends before `atMs`. */
  dropBefore(atMs: number): void {
    for (const window of PANE_WINDOWS) {
      const end = Math.floor(atMs / window.paneMs)
      this.counts(window.index).dropBefore(end)
      for (const currency of this.#money.keys()) this.money(currency, window.index).dropBefore(end)
    }
  }

  snapshot(): ScopeGridsSnapshot {
    return {
      dimension: this.dimension,
      value: this.value,
      counts: this.#counts.map((grid) => grid.snapshot()),
      money: [...this.#money].map(([currency, grids]) => [currency, grids.map((grid) => grid.snapshot())]),
    }
  }

  static restore(from: ScopeGridsSnapshot): ScopeGrids {
    const scope = new ScopeGrids(from.dimension, from.value)
    scope.#counts = restoreGrids(from.counts, MEASURES.length, 'int32')
    for (const [currency, grids] of from.money) scope.#money.set(currency, restoreGrids(grids, MONEY_WIDTH, 'float64'))
    return scope
  }

  #moneyAt(windowIndex: number, end: number, column: number): Money {
    if (this.#money.size === 0) return NO_MONEY
    const money: Record<string, number> = {}
    for (const currency of [...this.#money.keys()].sort()) {
      const amount = this.money(currency, windowIndex).at(end)[column] as number
      if (amount !== 0) money[currency] = amount
    }
    return money
  }
}

const NO_MONEY: Money = Object.freeze({})

/** Grids of every live window from their snapshots. */
export function restoreGrids(from: readonly PaneGridSnapshot[], width: number, cellType: 'int32' | 'float64'): PaneGrid[] {
  return PANE_WINDOWS.map(({ paneMs, index }) => PaneGrid.restore(width, paneMs, cellType, from[index] as PaneGridSnapshot))
}
