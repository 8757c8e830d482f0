/** The grid of delays behind K and its limits, from METRICS "K and its interval". */

/** G is learned from the people who arrived after the start of the end's UTC day minus this many days. */
export const COHORT_DAYS = 90
/** Fewer cycle times than this say nothing about G. */
export const CYCLES_MIN = 30
/** A delay that fewer of those people have reached is left out. */
export const PEOPLE_AT_RISK_MIN = 30

const FINE_MINUTES = 100
const GROWTH = 1.01

/** A delay in whole minutes, at least 1; above 100 rounded up to the next of ceil(100 x 1.01^k). */
export function roundUpDelayMinutes(minutes: number): number {
  if (minutes <= FINE_MINUTES) return Math.max(1, minutes)
  // Starts a step low because the logarithm may round up.
  let step = Math.max(0, Math.floor(Math.log(minutes / FINE_MINUTES) / Math.log(GROWTH)) - 2)
  let rounded = Math.ceil(FINE_MINUTES * GROWTH ** step)
  while (rounded < minutes) {
    step += 1
    rounded = Math.ceil(FINE_MINUTES * GROWTH ** step)
  }
  return rounded
}
