/**
 * K of a cohort, corrected for those still to come (METRICS "Right-censoring"): the mean cumulative function of recurrent
 * events (Nelson 1988, J Qual Technol 20:24; Lawless and Nadeau 1995, Technometrics 37:158) says which share of all
 * referrals a person of some age has brought so far. Pure.
 */
import { COHORT_DAYS, DELAY_BIN_MINUTES, delayBinOfMinutes } from './delay-bins.ts'
import { CYCLES_MIN, PEOPLE_AT_RISK_MIN } from './k-factor.ts'

/** Age at which a person counts as having brought all: 90 days. */
const WHOLE_AGE_MINUTES = COHORT_DAYS * 1440
/** Below this mean share of what is to come the number moves still: `maturing`. */
const MATURE_SHARE_MIN = 0.9
/** Below this it is mostly guessed: no number. */
const KNOWN_SHARE_MIN = 0.1

/** F by age: the share of all referrals of a life that a person of so many minutes has brought, 0 to 1. */
export type BroughtByAge = (minutes: number) => number

/**
 * F(a) = M(a) / M(90 days), M(a) being the referrals at each age up to a over the people observed that long.
 *
 * @param cycleCounts cycle times by bin of `DELAY_BIN_MINUTES`
 * @param reachedBy people who arrived at least `minutes` before the end
 * @returns undefined with fewer than 30 cycle times, or none at an age that 30 people have reached
 */
export function broughtByAge(cycleCounts: Int32Array, reachedBy: (minutes: number) => number): BroughtByAge | undefined {
  const cumulative = new Float64Array(cycleCounts.length)
  const lastBin = newestBinThrough(WHOLE_AGE_MINUTES)
  let mean = 0
  let cycles = 0
  for (const [bin, count] of cycleCounts.entries()) {
    cycles += count
    const atRisk = count === 0 || bin > lastBin ? 0 : reachedBy(DELAY_BIN_MINUTES[bin] as number)
    if (atRisk >= PEOPLE_AT_RISK_MIN) mean += count / atRisk
    cumulative[bin] = mean
  }
  if (cycles < CYCLES_MIN || mean === 0) return undefined
  return (minutes) => (minutes < 1 ? 0 : (cumulative[Math.min(newestBinThrough(minutes), lastBin)] as number) / mean)
}

/** The newest bin that is over at this age (>= 1 minute). */
function newestBinThrough(minutes: number): number {
  if (minutes >= (DELAY_BIN_MINUTES.at(-1) as number)) return DELAY_BIN_MINUTES.length - 1
  const bin = delayBinOfMinutes(Math.floor(minutes))
  return (DELAY_BIN_MINUTES[bin] as number) <= minutes ? bin : bin - 1
}

export type CohortReason = 'no_arrivals' | 'too_few_cycles' | 'too_young'

export interface CohortK {
  /** Referrals per person once all have come; null with the reason. */
  readonly value: number | null
  /** Referrals so far per person, which is too little while people are young. */
  readonly naive: number | null
  /** Mean share of what a person brings in all that the cohort has had the time for, 0 to 1; null where unknown. */
  readonly maturity: number | null
  readonly maturing: boolean
  readonly reason?: CohortReason
}

/**
 * Referrals per person of a cohort, once all have come.
 *
 * @param referrals signups credited to people of the cohort so far
 * @param ages `[minutes, people]` of the cohort, in any order
 */
export function cohortK(
  referrals: number,
  ages: Iterable<readonly [minutes: number, people: number]>,
  brought: BroughtByAge | undefined,
): CohortK {
  let people = 0
  let expected = 0
  for (const [minutes, count] of ages) {
    people += count
    if (brought !== undefined) expected += count * brought(minutes)
  }
  if (people === 0) return { value: null, naive: null, maturity: null, maturing: false, reason: 'no_arrivals' }
  const naive = referrals / people
  if (brought === undefined) return { value: null, naive, maturity: null, maturing: false, reason: 'too_few_cycles' }
  const maturity = expected / people
  const maturing = maturity < MATURE_SHARE_MIN
  if (maturity < KNOWN_SHARE_MIN) return { value: null, naive, maturity, maturing, reason: 'too_young' }
  return { value: referrals / expected, naive, maturity, maturing }
}
