/**
 * The part of an analysis that may be read at every event: each arm's difference from the control with a p-value and an interval
 * that are true under peeking. A verdict waits until enough independent units are behind it, and is withheld when the
 * arms did not get their shares. `scripts/aa-experiments.mjs` counts how often it errs without a difference.
 */
import { alwaysValid } from './always-valid.ts'
import { type ArmSums, armValue, armVariance, effectiveUnits } from './arm-sums.ts'
import { type SampleRatio, sampleRatio } from './sample-ratio.ts'

/** At most this share of experiments without any difference ever shows one. */
const FALSE_POSITIVES = 0.05
/** Differences of a tenth of the value are looked for, when the caller does not say. */
const RELATIVE_EFFECT = 0.1
/** Effective units that each arm needs in denominator and numerator before a verdict; below, normal approximations do not hold. */
const EFFECTIVE_UNITS_MIN = { denominator: 50, numerator: 20 } as const

export interface ExperimentArm {
  readonly arm: string
  /** Share that the arm was given, in any scale. */
  readonly weight: number
  readonly sums: ArmSums
}

export interface ArmComparison {
  /** Key of the arm that the others are compared with. */
  readonly control: string
  readonly arms: readonly ExperimentArm[]
  /** Smallest difference that matters, in the value's own unit, set before the start; without it a tenth of the value over all arms. */
  readonly effect?: number
}

/** `better`, `worse`: of the arm against the control. */
export type ArmVerdict = 'too_early' | 'sample_ratio_mismatch' | 'no_difference_yet' | 'better' | 'worse'

export interface PeekedDifference {
  readonly arm: string
  /** Value of the arm minus that of the control; null while one of them has none. */
  readonly difference: number | null
  /** True at every look, and for all arms together (Bonferroni: times the number of arms beside the control). */
  readonly always_valid_p_value: number
  /** Interval that excludes 0 exactly when that p-value is under 0.05; null: no bound yet. */
  readonly always_valid_lower: number | null
  readonly always_valid_upper: number | null
  readonly verdict: ArmVerdict
}

/** The control among the arms. @throws RangeError when there is none */
export function controlOf({ arms, control }: ArmComparison): ExperimentArm {
  const found = arms.find(({ arm }) => arm === control)
  if (found === undefined) throw new RangeError(`no arm is called ${control}`)
  return found
}

/** Whether the arms got their shares of units; null while that can't be told. */
export function sharesOf({ arms }: ArmComparison): SampleRatio | null {
  return sampleRatio(arms.map(({ weight, sums }) => ({ weight, units: sums.units })))
}

/** Every arm but the control, in the order of the data. @throws RangeError without the control */
export function peekAtExperiment(data: ArmComparison): PeekedDifference[] {
  const control = controlOf(data)
  const isMismatch = sharesOf(data)?.mismatch === true
  const hasControlEnough = hasEnoughUnits(control.sums)
  return data.arms
    .filter((arm) => arm !== control)
    .map(({ arm, sums }) => {
      const seen = lookedAt(data, sums, control.sums)
      if (isMismatch) return { arm, ...seen, verdict: 'sample_ratio_mismatch' }
      if (seen.difference === null || !hasControlEnough || !hasEnoughUnits(sums)) return { arm, ...seen, verdict: 'too_early' }
      if (seen.always_valid_p_value >= FALSE_POSITIVES) return { arm, ...seen, verdict: 'no_difference_yet' }
      return { arm, ...seen, verdict: seen.difference > 0 ? 'better' : 'worse' }
    })
}

function lookedAt(data: ArmComparison, arm: ArmSums, control: ArmSums): Omit<PeekedDifference, 'arm' | 'verdict'> {
  const [value, base, variance] = [armValue(arm), armValue(control), differenceVariance(arm, control)]
  if (value === null || base === null || variance === null) return NOTHING_YET
  const difference = value - base
  const { p_value: p, half_width: half } = alwaysValid(difference, variance, effectLookedFor(data), levelOf(data))
  return {
    difference,
    always_valid_p_value: Math.min(1, p * (data.arms.length - 1)),
    always_valid_lower: half === null ? null : difference - half,
    always_valid_upper: half === null ? null : difference + half,
  }
}

const NOTHING_YET = { difference: null, always_valid_p_value: 1, always_valid_lower: null, always_valid_upper: null } as const

/** Variance of the difference of two arms; null where one has none. */
export function differenceVariance(arm: ArmSums, control: ArmSums): number | null {
  const [variance, baseVariance] = [armVariance(arm), armVariance(control)]
  return variance === null || baseVariance === null ? null : variance + baseVariance
}

/** The difference that the experiment is tuned to see, in the value's own unit. */
export function effectLookedFor({ arms, effect }: ArmComparison): number {
  if (effect !== undefined) return effect
  const denominator = arms.reduce((sum, { sums }) => sum + sums.denominator, 0)
  return (RELATIVE_EFFECT * arms.reduce((sum, { sums }) => sum + sums.numerator, 0)) / denominator
}

/** Level of one comparison, so that all of them together err in at most 5 % of experiments. */
export function levelOf({ arms }: ArmComparison): number {
  return FALSE_POSITIVES / Math.max(1, arms.length - 1)
}

/** Whether an arm has the independent units that a verdict needs. */
export function hasEnoughUnits(sums: ArmSums): boolean {
  const effective = effectiveUnits(sums)
  return effective.denominator >= EFFECTIVE_UNITS_MIN.denominator && effective.numerator >= EFFECTIVE_UNITS_MIN.numerator
}
