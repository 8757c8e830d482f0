/**
 * Bins of the delay between the arrival of the inviter and that of the invited (METRICS "K and its interval"):
 * whole minutes, rounded up, at least 1; above 100 minutes up to the next of ceil(100 x 1.01^k).
 */
import { DAY_MS, MINUTE_MS } from '../schemas/windows.ts'

/** Length of the cohort behind G; a delay inside it is shorter than this plus the running day. */
export const COHORT_DAYS = 90
const LONGEST_DELAY_MINUTES = (COHORT_DAYS + 1) * 1440

function binEdges(): Int32Array {
  const edges: number[] = []
  for (let minutes = 1; minutes <= 100; minutes += 1) edges.push(minutes)
  for (let k = 1; (edges.at(-1) ?? 0) < LONGEST_DELAY_MINUTES; k += 1) {
    const edge = Math.ceil(100 * 1.01 ** k)
    if (edge > (edges.at(-1) ?? 0)) edges.push(edge)
  }
  return Int32Array.from(edges)
}

/** Upper edge of each bin in minutes, ascending. */
export const DELAY_BIN_MINUTES = binEdges()

/** Index of the bin that holds a delay of `minutes` (whole, >= 1, at most 91 days). */
export function delayBinOfMinutes(minutes: number): number {
  if (minutes <= 100) return minutes - 1
  let low = 100
  let high = DELAY_BIN_MINUTES.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((DELAY_BIN_MINUTES[middle] as number) < minutes) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of the bin of a delay in ms (>= 0). */
export function delayBinOfMs(delayMs: number): number {
  return delayBinOfMinutes(Math.max(1, Math.ceil(delayMs / MINUTE_MS)))
}

/** Start of the cohort behind G at `atMs`: people who arrived after it count. */
export function cohortStartMs(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS - COHORT_DAYS * DAY_MS
}
