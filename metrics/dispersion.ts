/**
 * How unevenly referrals are spread over people (METRICS "dispersion"): what the best few bring, and the k of a negative
 * binomial by maximum likelihood. Lloyd-Smith, Schreiber, Kopp, Getz (2005), "Superspreading and the effect of
 * individual variation on disease emergence", Nature 438:355. The smaller k, the fewer people bring most of it.
 */

/**
 * People by their number of credits, those with 0 included: `[credits, people]` in any order. A number of credits may
 * stand there more than once, so that two histograms merge by putting one behind the other.
 */
export type CreditHistogram = readonly (readonly [credits: number, people: number])[]

/** The shares of people of whom it is told what they bring. */
export const TOP_FRACTIONS = [0.01, 0.1, 0.2] as const

export type DispersionReason = 'too_few_people' | 'no_referred_signups' | 'not_overdispersed'

export interface Dispersion {
  /** k, dimensionless, > 0; null with the reason. */
  readonly value: number | null
  /** 95 % interval by the profile likelihood; `upper` is null where Poisson (k without bound) is inside it. */
  readonly lower: number | null
  readonly upper: number | null
  readonly reason?: DispersionReason
}

/** Half the 95 % quantile of chi-squared with one degree of freedom: how far the log-likelihood may fall inside the interval. */
const HALF_CHI_SQUARED_95 = 1.920729410347062
/** Beyond these k the likelihood is flat in double precision; log10. */
const LOG_K_MIN = -9
const LOG_K_MAX = 9
const BISECTIONS = 60

interface OffspringSample {
  readonly people: number
  readonly mean: number
  /** Sum of squared deviations over people, not over people - 1: the k of maximum likelihood is finite exactly when it exceeds the mean. */
  readonly variance: number
  /** `[y, people with more than y credits]` for runs of y: the same number holds for all y in [from, to). */
  readonly exceeding: readonly ExceedingRun[]
}

interface ExceedingRun {
  readonly from: number
  readonly to: number
  readonly people: number
}

/**
 * Share of all credits that go to the best `fraction` (0 to 1) of people, the number of people rounded up.
 *
 * @returns null when there is no credit
 */
export function topShare(histogram: CreditHistogram, fraction: number): number | null {
  const sorted = sortedByCredits(histogram)
  const people = sum(sorted.map(([, count]) => count))
  const credits = sum(sorted.map(([each, count]) => each * count))
  if (credits === 0) return null
  // A product such as 0.1 x 30 must not become 4 people by its last binary digit.
  let left = Math.ceil(fraction * people * (1 - 4 * Number.EPSILON))
  let held = 0
  for (const [each, count] of sorted.reverse()) {
    const taken = Math.min(left, count)
    held += taken * each
    left -= taken
    if (left <= 0) break
  }
  return held / credits
}

/**
 * The smallest share of people who bring `share` (0 to 1) of all credits; inside a group of equals it is interpolated, as
 * Endo et al. (2020), Wellcome Open Research 5:67, do. Counts of people may be fractions (probabilities).
 *
 * @returns null when there is no credit
 */
export function fractionBehind(histogram: CreditHistogram, share: number): number | null {
  const sorted = sortedByCredits(histogram)
  const people = sum(sorted.map(([, count]) => count))
  const credits = sum(sorted.map(([each, count]) => each * count))
  if (credits === 0) return null
  let wanted = share * credits
  let behind = 0
  for (const [each, count] of sorted.reverse()) {
    if (each * count >= wanted) return (behind + wanted / each) / people
    wanted -= each * count
    behind += count
  }
  return behind / people
}

/**
 * k of a negative binomial by maximum likelihood with its 95 % profile-likelihood interval. The mean's own estimate is the
 * sample mean whatever k is, so the likelihood of k alone is the profile (Lloyd-Smith 2007, PLoS ONE 2:e180).
 *
 * @returns null with `too_few_people` (fewer than 2), `no_referred_signups`, or `not_overdispersed` when variance <= mean:
 * then the likelihood rises for ever towards Poisson (Levin and Reeds 1977, Ann Statist 5:79). The variance is over n
 */
export function dispersion(histogram: CreditHistogram): Dispersion {
  const sample = offspringSample(histogram)
  if (sample.people < 2) return { ...UNKNOWN, reason: 'too_few_people' }
  if (sample.mean === 0) return { ...UNKNOWN, reason: 'no_referred_signups' }
  if (sample.variance <= sample.mean) return { ...UNKNOWN, reason: 'not_overdispersed' }
  // The score falls through 0 once, at the maximum.
  const best = rootInLogK((k) => score(sample, k), LOG_K_MIN, LOG_K_MAX)
  const floor = profileLogLikelihood(sample, best) - HALF_CHI_SQUARED_95
  const above = (k: number) => profileLogLikelihood(sample, k) - floor
  const lower = rootInLogK((k) => -above(k), LOG_K_MIN, Math.log10(best))
  const upper = poissonLogLikelihood(sample) >= floor ? null : rootInLogK(above, Math.log10(best), LOG_K_MAX)
  return { value: best, lower, upper }
}

const UNKNOWN = { value: null, lower: null, upper: null } as const

function sortedByCredits(histogram: CreditHistogram): (readonly [credits: number, people: number])[] {
  return histogram.filter(([, people]) => people > 0).sort((a, b) => a[0] - b[0])
}

function sum(values: readonly number[]): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function offspringSample(histogram: CreditHistogram): OffspringSample {
  const sorted = sortedByCredits(histogram)
  const people = sum(sorted.map(([, count]) => count))
  const mean = people === 0 ? 0 : sum(sorted.map(([each, count]) => each * count)) / people
  const variance = people === 0 ? 0 : sum(sorted.map(([each, count]) => count * (each - mean) ** 2)) / people
  const exceeding: ExceedingRun[] = []
  let from = 0
  let left = people
  for (const [each, count] of sorted) {
    if (each > from) exceeding.push({ from, to: each, people: left })
    from = each
    left -= count
  }
  return { people, mean, variance, exceeding }
}

/**
 * Derivative of the profile log-likelihood by k. With ln Gamma(k + y) - ln Gamma(k) = sum of ln(k + i) for i < y it needs no
 * special function, and people with more than i credits are counted once for each i.
 */
function score({ people, mean, exceeding }: OffspringSample, k: number): number {
  let total = 0
  for (const run of exceeding) {
    let inverse = 0
    for (let i = run.from; i < run.to; i += 1) inverse += 1 / (k + i)
    total += run.people * inverse
  }
  return total - people * Math.log1p(mean / k)
}

/** Log-likelihood at k and the sample mean, without the factorials, which k does not change. */
function profileLogLikelihood({ people, mean, exceeding }: OffspringSample, k: number): number {
  let total = 0
  for (const run of exceeding) {
    let logs = 0
    // ln(k + i) less ln(k + mean): so that large k loses no digits.
    for (let i = run.from; i < run.to; i += 1) logs += Math.log1p((i - mean) / (k + mean))
    total += run.people * logs
  }
  return total - people * k * Math.log1p(mean / k) + people * mean * Math.log(mean)
}

/** The limit of `profileLogLikelihood` for k without bound. */
function poissonLogLikelihood({ people, mean }: OffspringSample): number {
  return people * mean * (Math.log(mean) - 1)
}

/** Where a function of k that falls through 0 does so; k between 10^low and 10^high, halved on the log scale. */
function rootInLogK(falling: (k: number) => number, low: number, high: number): number {
  let from = low
  let to = high
  for (let step = 0; step < BISECTIONS; step += 1) {
    const middle = (from + to) / 2
    if (falling(10 ** middle) > 0) from = middle
    else to = middle
  }
  return 10 ** ((from + to) / 2)
}
