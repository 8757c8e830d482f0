/**
 * Changes to a workspace's totals as data: what a partition adds up between two commits when the totals live elsewhere.
 * All of it is addition, so equal changes of one commit are one number, and the order of arrival means nothing.
 */
import type { Dimension } from '../../schemas/records.ts'
import { PANE_WINDOWS } from './measures.ts'
import type { IntervalSink, ScopeDeltas, SliceKey } from './slices.ts'
import { type SharingScope, SplitScopes } from './split-scopes.ts'
import { type PartitionTotals, scopeKey, type WindowTotals } from './window-totals.ts'

/** Intervals of window ends, flat: column, from, to, n, ... */
type Intervals = number[]

/** JSON has no NaN: null stands for "never". */
export interface TotalsDelta {
  readonly counts: readonly { dimension: Dimension | ''; value: string; window: number; adds: Intervals }[]
  readonly money: readonly { dimension: Dimension | ''; value: string; currency: string; window: number; adds: Intervals }[]
  readonly dispersion: readonly { window: number; adds: Intervals }[]
  /** first activity, signup, sign, ... */
  readonly arrivals: readonly (number | null)[]
  /** child, parent's first activity, parent's signup, sign, ... */
  readonly cycleTimes: readonly (number | null)[]
  /** signup, sign, ... */
  readonly firstCredits: readonly number[]
}

const LENGTHS = 2 ** 16
const COLUMNS = 2 ** 4

/** Sums of intervals by (from, length, column), packed into one exact integer. */
class IntervalSums implements IntervalSink {
  readonly #sums = new Map<number, number>()

  add(column: number, from: number, to: number, n: number): void {
    if (from >= to || n === 0) return
    const key = (from * LENGTHS + (to - from)) * COLUMNS + column
    const sum = (this.#sums.get(key) ?? 0) + n
    if (sum === 0) this.#sums.delete(key)
    else this.#sums.set(key, sum)
  }

  copy(): IntervalSums {
    const copied = new IntervalSums()
    for (const [key, n] of this.#sums) copied.#sums.set(key, n)
    return copied
  }

  take(): Intervals {
    const adds: Intervals = []
    for (const [key, n] of this.#sums) {
      const interval = Math.floor(key / COLUMNS)
      const from = Math.floor(interval / LENGTHS)
      adds.push(key % COLUMNS, from, from + (interval % LENGTHS), n)
    }
    this.#sums.clear()
    return adds
  }
}

const intervalSums = () => PANE_WINDOWS.map(() => new IntervalSums())

class ScopeRecorder implements ScopeDeltas, SharingScope {
  readonly dimension: Dimension | ''
  readonly value: string
  countsOf: readonly IntervalSums[]
  moneyOf: Map<string, IntervalSums[]>

  /** With the changes of another scope, until it is separated, or without any. */
  constructor(dimension: Dimension | '', value: string, shared?: ScopeRecorder) {
    this.dimension = dimension
    this.value = value
    this.countsOf = shared?.countsOf ?? intervalSums()
    this.moneyOf = shared?.moneyOf ?? new Map()
  }

  separate(): void {
    this.countsOf = this.countsOf.map((sums) => sums.copy())
    this.moneyOf = new Map([...this.moneyOf].map(([currency, windows]) => [currency, windows.map((sums) => sums.copy())]))
  }

  counts(windowIndex: number): IntervalSums {
    return this.countsOf[windowIndex] as IntervalSums
  }

  money(currency: string, windowIndex: number): IntervalSums {
    let sums = this.moneyOf.get(currency)
    if (sums === undefined) {
      sums = intervalSums()
      this.moneyOf.set(currency, sums)
    }
    return sums[windowIndex] as IntervalSums
  }
}

/** Stands where the totals would stand, and remembers what they are to be told. */
export class TotalsRecorder implements PartitionTotals {
  readonly dispersion = intervalSums()
  readonly #scopes = new Map<string, ScopeRecorder>()
  readonly #split: SplitScopes<ScopeRecorder>
  #arrivals: (number | null)[] = []
  #cycleTimes: (number | null)[] = []
  #firstCredits: number[] = []

  constructor() {
    const whole = this.#keep(new ScopeRecorder('', ''))
    this.#split = new SplitScopes(
      whole,
      (dimension, value) => this.#keep(new ScopeRecorder(dimension, value, whole)),
      (dimension, value) => this.#scopes.get(scopeKey(dimension, value)) ?? this.#keep(new ScopeRecorder(dimension, value)),
    )
  }

  readonly scopesOf = (key: SliceKey): readonly ScopeDeltas[] => this.#split.scopesOf(key)

  readonly arrivals = {
    add: (firstMs: number, signupMs: number, sign: 1 | -1) => void this.#arrivals.push(orNull(firstMs), orNull(signupMs), sign),
  }

  readonly cycleTimes = {
    add: (childMs: number, firstMs: number, signupMs: number, sign: 1 | -1) =>
      void this.#cycleTimes.push(childMs, orNull(firstMs), orNull(signupMs), sign),
  }

  readonly firstCredit = { add: (signupMs: number, sign: 1 | -1) => void this.#firstCredits.push(signupMs, sign) }

  /** Everything since the last call; undefined when that is nothing. */
  take(): TotalsDelta | undefined {
    const scopes = [...this.#scopes.values()]
    const taken = new Map<IntervalSums, Intervals>() // what is shared is told of every scope that shares it
    const takenOf = (sums: IntervalSums) => {
      const adds = taken.get(sums) ?? sums.take()
      taken.set(sums, adds)
      return adds
    }
    const delta: TotalsDelta = {
      counts: scopes.flatMap(({ dimension, value, countsOf }) =>
        countsOf.map((sums, window) => ({ dimension, value, window, adds: takenOf(sums) })).filter(isFull),
      ),
      money: scopes.flatMap(({ dimension, value, moneyOf }) =>
        [...moneyOf].flatMap(([currency, windows]) =>
          windows.map((sums, window) => ({ dimension, value, currency, window, adds: takenOf(sums) })).filter(isFull),
        ),
      ),
      dispersion: this.dispersion.map((sums, window) => ({ window, adds: sums.take() })).filter(isFull),
      arrivals: this.#arrivals,
      cycleTimes: this.#cycleTimes,
      firstCredits: this.#firstCredits,
    }
    this.#arrivals = []
    this.#cycleTimes = []
    this.#firstCredits = []
    return Object.values(delta).every((part: readonly unknown[]) => part.length === 0) ? undefined : delta
  }

  #keep(scope: ScopeRecorder): ScopeRecorder {
    this.#scopes.set(scopeKey(scope.dimension, scope.value), scope)
    return scope
  }
}

/**
 * Adds a delta to the totals. Returns whether something of it belongs behind what the totals still hold, so that ends
 * that were forgotten miss it.
 */
export function addDelta(totals: WindowTotals, delta: TotalsDelta): boolean {
  let isBehind = false
  totals.splitAll() // every value comes with changes of its own
  const addAll = (sink: IntervalSink & { readonly firstKeptEnd: number }, adds: Intervals) => {
    for (let at = 0; at < adds.length; at += 4) {
      const from = adds[at + 1] as number
      if (from < sink.firstKeptEnd) isBehind = true
      sink.add(adds[at] as number, from, adds[at + 2] as number, adds[at + 3] as number)
    }
  }
  for (const { dimension, value, window, adds } of delta.counts) addAll(totals.scope(dimension, value).counts(window), adds)
  for (const { dimension, value, currency, window, adds } of delta.money)
    addAll(totals.scope(dimension, value).money(currency, window), adds)
  for (const { window, adds } of delta.dispersion) addAll(totals.dispersion[window] as (typeof totals.dispersion)[number], adds)
  const { arrivals, cycleTimes, firstCredits } = delta
  for (let at = 0; at < arrivals.length; at += 3)
    totals.arrivals.add(orNever(arrivals[at]), orNever(arrivals[at + 1]), arrivals[at + 2] as 1 | -1)
  for (let at = 0; at < cycleTimes.length; at += 4)
    totals.cycleTimes.add(orNever(cycleTimes[at]), orNever(cycleTimes[at + 1]), orNever(cycleTimes[at + 2]), cycleTimes[at + 3] as 1 | -1)
  for (let at = 0; at < firstCredits.length; at += 2) totals.firstCredit.add(firstCredits[at] as number, firstCredits[at + 1] as 1 | -1)
  return isBehind
}

function isFull({ adds }: { readonly adds: Intervals }): boolean {
  return adds.length > 0
}

function orNull(atMs: number): number | null {
  return Number.isNaN(atMs) ? null : atMs
}

function orNever(atMs: number | null | undefined): number {
  return atMs ?? Number.NaN
}
