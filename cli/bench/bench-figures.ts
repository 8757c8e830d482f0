/** What `kappa bench` measures and saves: figures with their units, what they have to reach, and what they stand beside. */

export type FigureUnit = 'events/s' | 'requests/s' | 'ms' | 's' | 'us/event' | 'MB' | 'KB' | 'share' | 'count'

/** The value that a figure must have at least, or at most. */
export interface FigureLimit {
  readonly at: 'least' | 'most'
  readonly value: number
}

/** What the same machine does in the same run without the product, in the unit of the figure. */
export interface Baseline {
  readonly name: string
  readonly value: number
}

export interface Figure {
  readonly name: string
  readonly unit: FigureUnit
  /** Null where this system does not tell. */
  readonly value: number | null
  readonly limit?: FigureLimit
  readonly baseline?: Baseline
}

export interface CaseOutcome {
  readonly name: string
  readonly measures: string
  readonly seconds: number
  /** `reached` is null without a limit or a value. */
  readonly figures: readonly (Figure & { readonly reached: boolean | null })[]
  /** Why there are no figures; null when there are. */
  readonly failed: string | null
}

/** One run, as it is saved. */
export interface BenchResult {
  readonly kind: 'kappa bench'
  readonly date: string
  /** Short id of the commit, `+` behind it when files differ from it; null outside a clone. */
  readonly commit: string | null
  readonly version: string
  readonly machine: { readonly cpu: string; readonly cpus: number; readonly memory_mb: number; readonly system: string }
  readonly node: string
  /** Load averages of 1, 5 and 15 minutes before the run. */
  readonly load_before: readonly number[]
  /** Events of the import; whether they and all else have the sizes that the limits speak of. */
  readonly events: number
  readonly full: boolean
  /** Name of the user's own file of events; null for simulated ones. */
  readonly file: string | null
  readonly cases: readonly CaseOutcome[]
}

export const atLeast = (value: number): FigureLimit => ({ at: 'least', value })
export const atMost = (value: number): FigureLimit => ({ at: 'most', value })

/** Whether a figure keeps its limit; null when it has none, or no value. */
export function isReached({ value, limit }: Figure): boolean | null {
  if (value === null || limit === undefined) return null
  return limit.at === 'least' ? value >= limit.value : value <= limit.value
}

/**
 * The p-th percentile (0 to 100) by nearest rank: the smallest value that at least p % of all do not exceed. Takes the
 * values in any order. Throws RangeError without values.
 */
export function percentile(values: ArrayLike<number>, p: number): number {
  const sorted = Float64Array.from(values).sort()
  const value = sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('there is no percentile of nothing')
  return value
}
