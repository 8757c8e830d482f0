/** Plays an experiment without a difference and reads its verdict at every event: what peeking does, counted. */
import { EMPTY_ARM, withUnit } from '../metrics/arm-sums.ts'
import { createAssignment } from '../metrics/experiment-assignment.ts'
import { type ExperimentArm, peekAtExperiment } from '../metrics/experiment-verdict.ts'
import type { NullExperiment } from './null-experiments.ts'
import { createRandom } from './random.ts'

export interface PeekedRun {
  /** Events until a verdict named a difference that is not there; null when none ever did. */
  readonly falsePositiveAt: number | null
  /** Whether the arms were ever said to have got other shares than theirs. */
  readonly mismatched: boolean
  /** Events until every arm had enough units for a verdict; null when that never came. */
  readonly firstVerdictAt: number | null
}

/** One run of `events` events under a seed, assigned by the hash that the product uses, looked at after each of them. */
export function peekAtEveryEvent(experiment: NullExperiment, seed: number, events: number): PeekedRun {
  const keys = experiment.weights.map((_, index) => `arm_${index}`)
  const weighted = keys.map((key, index) => ({ key, weight: experiment.weights[index] as number }))
  const assign = createAssignment({ key: experiment.name, salt: `seed ${seed}`, unit: 'actor', arms: weighted })
  const arms = weighted.map(({ key, weight }): ExperimentArm => ({ arm: key, weight, sums: EMPTY_ARM }))
  const armOfUnit: number[] = []
  let firstVerdictAt: number | null = null
  let mismatched = false
  let seen = 0
  for (const { unit, before, after } of experiment.changes(createRandom(seed))) {
    seen += 1
    if (seen > events) break
    if (before === null) armOfUnit[unit] = keys.indexOf(assign({ actorId: `user_${unit}`, rootId: `user_${unit}` }))
    const index = armOfUnit[unit] as number
    const arm = arms[index] as ExperimentArm
    arms[index] = { ...arm, sums: withUnit(arm.sums, before, after) }
    const verdicts = peekAtExperiment({ control: 'arm_0', arms, effect: experiment.effect }).map(({ verdict }) => verdict)
    if (verdicts.includes('sample_ratio_mismatch')) mismatched = true
    else if (!verdicts.includes('too_early')) firstVerdictAt ??= seen
    if (verdicts.includes('better') || verdicts.includes('worse')) return { falsePositiveAt: seen, mismatched, firstVerdictAt }
  }
  return { falsePositiveAt: null, mismatched, firstVerdictAt }
}
