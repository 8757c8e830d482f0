/**
 * What an experiment says so far: each arm, its difference from the control, whether that can be believed, and what was
 * assigned. From the sums of `arm-sums.ts` alone.
 */
import { unitsFactor } from './always-valid.ts'
import { armInterval, differenceInterval, effectiveTrials, type ExperimentMetric } from './arm-interval.ts'
import { type ArmSums, armValue, armVariance } from './arm-sums.ts'
import type { AssignmentUnit } from './experiment-assignment.ts'
import type { ArmComparison, PeekedDifference } from './experiment-verdict.ts'
import {
  controlOf,
  differenceVariance,
  effectLookedFor,
  hasEnoughUnits,
  levelOf,
  peekAtExperiment,
  sharesOf,
} from './experiment-verdict.ts'
import { meanPosterior, type Posterior, probabilitiesBest, proportionPosterior } from './probability-best.ts'
import type { SampleRatio } from './sample-ratio.ts'

export interface ExperimentData extends ArmComparison {
  readonly unit: AssignmentUnit
  readonly metric: ExperimentMetric
}

export interface ArmResult {
  readonly arm: string
  readonly units: number
  /** Numerator over denominator with its 95 % interval; null while there is none. */
  readonly value: number | null
  readonly lower: number | null
  readonly upper: number | null
  /** Null while an arm has no spread to judge by. */
  readonly probability_best: number | null
  /** Enough independent units for a verdict. */
  readonly enough: boolean
}

export interface ArmDifference extends PeekedDifference {
  /** 95 % interval of the difference for one look. */
  readonly lower: number | null
  readonly upper: number | null
  /** Units of both arms that it will likely take (4 in 5) to see the difference looked for; null while nothing varies. */
  readonly units_needed: number | null
}

export interface ExperimentResult {
  readonly unit: AssignmentUnit
  /** What the unit of assignment means for the numbers, as sentences for the page. */
  readonly meaning: string
  readonly arms: readonly ArmResult[]
  readonly differences: readonly ArmDifference[]
  readonly sample_ratio: SampleRatio | null
}

/**
 * The whole analysis.
 *
 * @throws RangeError when there is no control among the arms, or a proportion's numerator exceeds its denominator
 */
export function analyseExperiment(data: ExperimentData): ExperimentResult {
  if (data.metric === 'proportion' && data.arms.some(({ sums }) => sums.numerator > sums.denominator)) {
    throw new RangeError('more successes than trials: this metric is a mean')
  }
  const best = bestProbabilities(data)
  const arms = data.arms.map(({ arm, sums }, index): ArmResult => {
    const interval = armInterval(sums, data.metric)
    return {
      arm,
      units: sums.units,
      value: armValue(sums),
      lower: interval?.lower ?? null,
      upper: interval?.upper ?? null,
      probability_best: best?.[index] ?? null,
      enough: hasEnoughUnits(sums),
    }
  })
  return { unit: data.unit, meaning: MEANING[data.unit], arms, differences: differencesOf(data), sample_ratio: sharesOf(data) }
}

function differencesOf(data: ExperimentData): ArmDifference[] {
  const control = controlOf(data).sums
  const sumsOf = new Map(data.arms.map(({ arm, sums }) => [arm, sums]))
  return peekAtExperiment(data).map((peeked) => {
    const sums = sumsOf.get(peeked.arm) as ArmSums
    const interval = differenceInterval(sums, control, data.metric)
    const variance = differenceVariance(sums, control)
    const factor = variance === null ? null : unitsFactor(variance, effectLookedFor(data), levelOf(data))
    return {
      ...peeked,
      lower: interval?.lower ?? null,
      upper: interval?.upper ?? null,
      units_needed: factor === null ? null : Math.ceil(factor * (sums.units + control.units)),
    }
  })
}

function bestProbabilities({ arms, metric }: ExperimentData): number[] | null {
  const posteriors: Posterior[] = []
  for (const { sums } of arms) {
    const posterior = posteriorOf(sums, metric)
    if (posterior === null) return null
    posteriors.push(posterior)
  }
  return probabilitiesBest(posteriors)
}

function posteriorOf(sums: ArmSums, metric: ExperimentMetric): Posterior | null {
  const value = armValue(sums)
  if (value === null) return null
  if (metric === 'proportion') {
    const trials = effectiveTrials(sums)
    return proportionPosterior(value * trials, (1 - value) * trials)
  }
  const variance = armVariance(sums)
  return variance === null || variance === 0 ? null : meanPosterior(value, Math.sqrt(variance))
}

const MEANING: Readonly<Record<AssignmentUnit, string>> = {
  actor:
    'People were assigned one by one. Those whom they invite may be in another arm, so part of what an arm brings about counts for the others: differences that spread by invitation tend to look smaller than they are. Assign by referral tree to measure them.',
  tree: 'Whole referral trees were assigned: whoever is invited is in the arm of the inviter, so what an arm brings about through the invited counts for it. Intervals are those of trees, of which there are fewer than people, so verdicts take longer.',
}
