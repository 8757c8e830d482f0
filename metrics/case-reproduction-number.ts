/**
 * The case (or cohort) reproduction number: how many those who arrived in a step went on to bring, when only arrivals by
 * step and the generation interval are known. Wallinga and Teunis (2004), Am J Epidemiol 160:509. Where it is known who
 * brought whom, `cohort_k` says the same without guessing. Pure.
 */
import type { GenerationInterval } from './generation-interval.ts'
import { infectiousness, type StepArrivals, type StepWindow, totalArrivals } from './reproduction-number.ts'

/**
 * Expected number of people brought per person who arrived, by step: the sum over later steps t of
 * local_t x w_(t - s) / Lambda_t. Null for a step without arrivals. The last steps read low: whom they bring is yet to come.
 */
export function caseReproductionByStep(arrivals: StepArrivals, interval: GenerationInterval): (number | null)[] {
  const total = totalArrivals(arrivals)
  const lambda = infectiousness(total, interval)
  const { weights } = interval
  return total.map((count, step) => {
    if (count === 0) return null
    const last = Math.min(total.length - 1, step + weights.length - 1)
    let brought = 0
    for (let later = step + 1; later <= last; later += 1) {
      const pressure = lambda[later] as number
      if (pressure > 0) brought += ((arrivals.local[later] as number) * (weights[later - step] as number)) / pressure
    }
    return brought
  })
}

/** The same over the people who arrived in a window: the mean over persons; null without any. */
export function caseReproductionOver(byStep: readonly (number | null)[], arrivals: StepArrivals, { from, to }: StepWindow): number | null {
  const total = totalArrivals(arrivals)
  let people = 0
  let brought = 0
  for (let step = from; step < to; step += 1) {
    people += total[step] as number
    brought += (byStep[step] ?? 0) * (total[step] as number)
  }
  return people === 0 ? null : brought / people
}
