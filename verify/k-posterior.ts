/** K and its intervals from their sufficient statistics (METRICS "K and its interval"; Cori et al. 2013). */
import jstat from 'jstat'
import type { NullReason } from '../schemas/growth-api.ts'
import type { KStatistics } from '../schemas/records.ts'

/** As `/v1/growth` answers it: all null with a reason when the data are too few. */
export interface KEstimate {
  readonly value: number | null
  readonly lower: number | null
  readonly upper: number | null
  readonly lower_overdispersed: number | null
  readonly upper_overdispersed: number | null
  readonly reason?: NullReason
}

const PRIOR_SHAPE = 1
const PRIOR_SCALE = 5
const COEFFICIENT_OF_VARIATION_MAX = 0.3

/** Posterior mean, its 2.5 % and 97.5 % quantiles, and those with shape and rate divided by phi. */
export function kPosterior(k: KStatistics): KEstimate {
  if (k.exposure === null) return unknownK('too_few_cycles')
  const shape = PRIOR_SHAPE + k.credits
  if (1 / Math.sqrt(shape) > COEFFICIENT_OF_VARIATION_MAX) return unknownK('too_few_signups')
  const rate = 1 / PRIOR_SCALE + k.exposure
  const phi = overdispersion(k)
  const quantile = (probability: number, of: number, at: number) => jstat.gamma.inv(probability, of, 1 / at)
  return {
    value: shape / rate,
    lower: quantile(0.025, shape, rate),
    upper: quantile(0.975, shape, rate),
    lower_overdispersed: quantile(0.025, shape / phi, rate / phi),
    upper_overdispersed: quantile(0.975, shape / phi, rate / phi),
  }
}

/** phi = max(1, sample variance / mean) of credits per person. */
function overdispersion({ credits, credits_squared, people }: KStatistics): number {
  if (people < 2 || credits === 0) return 1
  const mean = credits / people
  const variance = (credits_squared - credits * mean) / (people - 1)
  return Math.max(1, variance / mean)
}

function unknownK(reason: NullReason): KEstimate {
  return { value: null, lower: null, upper: null, lower_overdispersed: null, upper_overdispersed: null, reason }
}
