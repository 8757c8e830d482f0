/** Which numbers of a window differ between two states of it: what a restatement tells. Pure. */
import type { GrowthCounts, KStatistics } from '../schemas/records.ts'
import { deriveSliceMetrics, EMPTY_COUNTS } from './derive-growth.ts'
import { kMean } from './k-factor.ts'

/** A window as it is published; slices have no `k`. */
export interface WindowState {
  readonly counts: GrowthCounts
  readonly k: KStatistics | null
}

export interface ChangedMetric {
  readonly metric: string
  readonly before: number | null
  readonly after: number | null
}

/** Numbers that differ (of K its mean; money as `revenue:EUR`); a state that is not there was empty. */
export function changedMetrics(before: WindowState | undefined, after: WindowState | undefined): ChangedMetric[] {
  const old = numbersOf(before)
  const now = numbersOf(after)
  const changes: ChangedMetric[] = []
  for (const metric of new Set([...now.keys(), ...old.keys()])) {
    const absent = metric.includes(':') ? 0 : null // a currency without money
    const was = old.get(metric) ?? absent
    const is = now.get(metric) ?? absent
    if (was !== is) changes.push({ metric, before: was, after: is })
  }
  return changes
}

function numbersOf(state: WindowState | undefined): ReadonlyMap<string, number | null> {
  return state === undefined ? EMPTY_NUMBERS : numbers(state)
}

function numbers({ counts, k }: WindowState): Map<string, number | null> {
  const values = new Map<string, number | null>(k === null ? [] : [['k_factor', kMean(k).value]])
  for (const [metric, { value }] of Object.entries(deriveSliceMetrics(counts))) {
    if (typeof value === 'object' && value !== null) {
      for (const [currency, amount] of Object.entries(value)) values.set(`${metric}:${currency}`, amount)
    } else values.set(metric, value)
  }
  return values
}

const EMPTY_NUMBERS = numbers({ counts: EMPTY_COUNTS, k: { credits: 0, credits_squared: 0, people: 0, cycles: 0, exposure: null } })
