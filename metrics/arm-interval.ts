/**
 * 95 % intervals of an arm and of the difference of two, for one look.
 *
 * Proportions (a numerator that is part of its denominator): Wilson's score interval, and for differences Newcombe, "Interval
 * estimation for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10. Trials of
 * one unit hang together, so trials are first divided by the design effect (Korn and Graubard, "Confidence intervals for
 * proportions with small expected number of positive counts estimated from survey data", Survey Methodology 24, 1998).
 * Means: Student's t over units, and for differences Welch, "The generalization of Student's problem when several different
 * population variances are involved", Biometrika 34, 1947.
 */
import jstat from 'jstat'
import { type ArmSums, armValue, armVariance } from './arm-sums.ts'

/** `proportion`: each unit's numerator is at most its denominator, both counts. `mean`: any numbers, such as revenue per person. */
export type ExperimentMetric = 'proportion' | 'mean'

export interface Interval {
  readonly lower: number
  readonly upper: number
}

/** Quantile 0.975 of the normal distribution. */
const Z_95 = 1.959963984540054

/**
 * Independent trials that would say as much as the arm's. Where there were no successes, or nothing else, the spread over
 * units can't be seen: then the trials of a unit count as one.
 */
export function effectiveTrials(sums: ArmSums): number {
  const { denominator: trials } = sums
  const isOneTrialAUnit = sums.denominator_squared === trials && sums.numerator_squared === sums.numerator
  if (isOneTrialAUnit) return trials
  const value = armValue(sums)
  const variance = armVariance(sums)
  if (value === null || variance === null || value <= 0 || value >= 1) return trials ** 2 / Math.max(1, sums.denominator_squared)
  return trials / Math.max(1, (variance * trials) / (value * (1 - value)))
}

/** Interval of the arm's value; null while there is no value, or for a mean of fewer than two units. */
export function armInterval(sums: ArmSums, metric: ExperimentMetric): Interval | null {
  const value = armValue(sums)
  if (value === null) return null
  if (metric === 'proportion') return wilson(value, effectiveTrials(sums))
  const variance = armVariance(sums)
  return variance === null ? null : around(value, jstat.studentt.inv(0.975, sums.units - 1) * Math.sqrt(variance))
}

/** Interval of `arm` minus `control`; null where one of them has none. */
export function differenceInterval(arm: ArmSums, control: ArmSums, metric: ExperimentMetric): Interval | null {
  const [one, two] = [armValue(arm), armValue(control)]
  if (one === null || two === null) return null
  if (metric === 'proportion') return newcombe(one, wilson(one, effectiveTrials(arm)), two, wilson(two, effectiveTrials(control)))
  const [varianceOne, varianceTwo] = [armVariance(arm), armVariance(control)]
  if (varianceOne === null || varianceTwo === null) return null
  const variance = varianceOne + varianceTwo
  if (variance === 0) return around(one - two, 0)
  const freedom = variance ** 2 / (varianceOne ** 2 / (arm.units - 1) + varianceTwo ** 2 / (control.units - 1))
  return around(one - two, jstat.studentt.inv(0.975, freedom) * Math.sqrt(variance))
}

function around(centre: number, half: number): Interval {
  return { lower: centre - half, upper: centre + half }
}

function wilson(value: number, trials: number): Interval {
  const square = Z_95 ** 2 / trials
  const centre = (value + square / 2) / (1 + square)
  const half = (Z_95 * Math.sqrt((value * (1 - value)) / trials + square / (4 * trials))) / (1 + square)
  // At 0 and 1 rounding would leave a bound a hair outside.
  return { lower: value === 0 ? 0 : centre - half, upper: value === 1 ? 1 : centre + half }
}

function newcombe(one: number, ofOne: Interval, two: number, ofTwo: Interval): Interval {
  return {
    lower: one - two - Math.hypot(one - ofOne.lower, ofTwo.upper - two),
    upper: one - two + Math.hypot(ofOne.upper - one, two - ofTwo.lower),
  }
}
