/** Is K what it says? Many simulations with a known K, measured at their end: bias of the mean, coverage of the intervals. */
import type { IncomingEvent } from '../schemas/events.ts'
import { DAY_MS } from '../schemas/windows.ts'
import { expectedGrowth, growthPerDay } from './expected-growth.ts'
import { simulate } from './simulate-growth.ts'

/** K as `/v1/growth` answers it. */
export interface MeasuredK {
  readonly value: number | null
  readonly lower: number | null
  readonly upper: number | null
  readonly lower_overdispersed: number | null
  readonly upper_overdispersed: number | null
}

/** Measures K over `(endMs - lengthMs, endMs]` from events alone. */
export type EvaluateK = (
  events: readonly IncomingEvent[],
  window: { readonly endMs: number; readonly lengthMs: number },
) => Promise<MeasuredK>

export interface CoverageOptions {
  readonly ks: readonly number[]
  readonly seeds: readonly number[]
  /** k of a negative binomial number of children; Poisson without it. */
  readonly dispersion?: number
  readonly evaluate: EvaluateK
  /** Called after each run. */
  readonly onRun?: (run: { readonly k: number; readonly seed: number; readonly measured: MeasuredK }) => void
}

export interface CoverageRow {
  readonly k: number
  readonly users: number
  readonly days: number
  /** Runs that gave a K. */
  readonly runs: number
  readonly mean: number
  /** Mean / truth - 1. */
  readonly bias: number
  /** Standard error of the bias. */
  readonly biasError: number
  /** Share of the runs whose interval holds the truth: credible, and over-dispersed. */
  readonly coverage: number
  readonly coverageOverdispersed: number
}

const WINDOW_MS = 7 * DAY_MS
/** Every simulation has about this many people, so that chance moves the mean of 30 runs by well under 1 %. */
const PEOPLE = 20_000
const DAYS = 60
/** Above K = 1: as many days as growth needs for this factor, since 60 would need more people than there are. */
const GROWTH_FACTOR = 1_000

/** Users and days for a K: one rule for all, fixed before anything was measured. */
export function coveragePlan(k: number): { users: number; days: number } {
  const days = k > 1 ? Math.min(DAYS, Math.ceil(Math.log(GROWTH_FACTOR) / growthPerDay(k))) : DAYS
  return { users: Math.max(1, Math.round(PEOPLE / expectedGrowth(k, days).signupsPerUser)), days }
}

/** One row a K. Rejects as `evaluate` does. */
export async function measureCoverage({ ks, seeds, dispersion, evaluate, onRun }: CoverageOptions): Promise<CoverageRow[]> {
  const rows: CoverageRow[] = []
  for (const k of ks) {
    const plan = coveragePlan(k)
    const values: number[] = []
    let covered = 0
    let coveredOverdispersed = 0
    for (const seed of seeds) {
      const { events, truth } = simulate({ ...plan, k, seed, ...(dispersion === undefined ? {} : { dispersion }) })
      const measured = await evaluate(events, { endMs: Date.parse(truth.to), lengthMs: WINDOW_MS })
      onRun?.({ k, seed, measured })
      if (measured.value === null) continue
      values.push(measured.value)
      if (holds(measured.lower, k, measured.upper)) covered += 1
      if (holds(measured.lower_overdispersed, k, measured.upper_overdispersed)) coveredOverdispersed += 1
    }
    const runs = values.length
    const mean = values.reduce((sum, value) => sum + value, 0) / runs
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (runs - 1)
    rows.push({
      k,
      ...plan,
      runs,
      mean,
      bias: mean / k - 1,
      biasError: Math.sqrt(variance / runs) / k,
      coverage: covered / runs,
      coverageOverdispersed: coveredOverdispersed / runs,
    })
  }
  return rows
}

function holds(lower: number | null, value: number, upper: number | null): boolean {
  return lower !== null && upper !== null && lower <= value && value <= upper
}
