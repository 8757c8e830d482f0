/**
 * The reproduction number on a fixed grid of steps (METRICS "reproduction_number"): Cori, Ferguson, Fraser, Cauchemez
 * (2013), "A new framework and software to estimate time-varying reproduction numbers during epidemics", Am J Epidemiol
 * 178:1505; arrivals that nobody of the population brought as in Thompson et al. (2019), Epidemics 29:100356. Pure.
 */
import { gammaQuantile } from './gamma-quantile.ts'
import type { GenerationInterval } from './generation-interval.ts'

/** Arrivals by step, oldest first, both of one length: those credited to somebody, and the rest. */
export interface StepArrivals {
  readonly local: readonly number[]
  readonly imported: readonly number[]
}

/** Steps `from` to `to`, counted from 0, `to` not included. */
export interface StepWindow {
  readonly from: number
  readonly to: number
}

export interface ReproductionPrior {
  readonly mean: number
  readonly sd: number
}

/** The prior of the paper: mean 5, standard deviation 5. */
export const REPRODUCTION_PRIOR: ReproductionPrior = { mean: 5, sd: 5 }

/** A gamma distribution. */
export interface GammaPosterior {
  readonly shape: number
  readonly scale: number
}

/**
 * Why there is no estimate. `before_mean_interval`: the window ends before the mean generation interval has passed, so
 * most of those who brought its arrivals came before the record. `no_earlier_step`: it holds the first step, before which
 * nobody is known. `no_exposure`: nobody who came earlier could have brought anybody in it.
 */
export type ReproductionReason = 'before_mean_interval' | 'no_earlier_step' | 'no_exposure'

export interface ReproductionNumber extends StepWindow {
  readonly mean: number
  readonly sd: number
  readonly median: number
  readonly lower50: number
  readonly upper50: number
  readonly lower90: number
  readonly upper90: number
  readonly lower95: number
  readonly upper95: number
}
export type ReproductionOutcome = ReproductionNumber | (StepWindow & { readonly reason: ReproductionReason })

/** All arrivals by step. */
export function totalArrivals({ local, imported }: StepArrivals): number[] {
  return local.map((count, step) => count + (imported[step] as number))
}

/** Lambda by step: the sum over k >= 1 of w_k x arrivals k steps earlier, over all history. That of the first step is 0. */
export function infectiousness(arrivals: readonly number[], { weights }: GenerationInterval): Float64Array {
  const lambda = new Float64Array(arrivals.length)
  for (let step = 1; step < arrivals.length; step += 1) {
    const longest = Math.min(step, weights.length - 1)
    let sum = 0
    for (let k = 1; k <= longest; k += 1) sum += (weights[k] as number) * (arrivals[step - k] as number)
    lambda[step] = sum
  }
  return lambda
}

/** Posterior from so many arrivals brought and so much exposure (sum of Lambda); `scale` is 1 / rate. */
export function reproductionPosterior(brought: number, exposure: number, prior: ReproductionPrior): GammaPosterior {
  const shape = (prior.mean / prior.sd) ** 2
  const rate = prior.mean / prior.sd ** 2
  return { shape: shape + brought, scale: 1 / (rate + exposure) }
}

/**
 * Posterior of the reproduction number over each window: Gamma(a + sum of local arrivals, 1 / (1/b + sum of Lambda)).
 * An outcome a window, in their order, with a reason where the field withholds the value.
 *
 * @throws RangeError for a window that is empty or not within the steps
 */
export function reproductionNumber(
  arrivals: StepArrivals,
  interval: GenerationInterval,
  windows: readonly StepWindow[],
  prior: ReproductionPrior = REPRODUCTION_PRIOR,
): ReproductionOutcome[] {
  const lambda = infectiousness(totalArrivals(arrivals), interval)
  return windows.map(({ from, to }) => {
    if (from < 0 || to <= from || to > lambda.length) throw new RangeError(`no steps from ${from} to ${to} of ${lambda.length}`)
    if (!(to > interval.meanSteps)) return { from, to, reason: 'before_mean_interval' }
    if (from === 0) return { from, to, reason: 'no_earlier_step' }
    let brought = 0
    let exposure = 0
    for (let step = from; step < to; step += 1) {
      brought += arrivals.local[step] as number
      exposure += lambda[step] as number
    }
    if (exposure === 0) return { from, to, reason: 'no_exposure' }
    return { from, to, ...summary(reproductionPosterior(brought, exposure, prior)) }
  })
}

function summary({ shape, scale }: GammaPosterior) {
  const quantile = (probability: number) => gammaQuantile(probability, shape, scale)
  return {
    mean: shape * scale,
    sd: Math.sqrt(shape) * scale,
    median: quantile(0.5),
    lower50: quantile(0.25),
    upper50: quantile(0.75),
    lower90: quantile(0.05),
    upper90: quantile(0.95),
    lower95: quantile(0.025),
    upper95: quantile(0.975),
  }
}
