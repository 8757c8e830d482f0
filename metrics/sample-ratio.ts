/**
 * Whether the arms got the shares of units that they were given. If not, something lost units of one arm more than of another,
 * and no result of the experiment can be believed (Fabijan et al., "Diagnosing sample ratio mismatch in online controlled
 * experiments", KDD 2019).
 */
import jstat from 'jstat'

/** Below this the always-valid p-value tells a mismatch: one sound experiment in 1,000 is doubted, however often one looks. */
const MISMATCH_LEVEL = 0.001
/** Weight of the even Dirichlet prior around the weights, in units: shares are looked for that are off by about a hundredth. */
const PRIOR_UNITS = 1_000

export interface SampleRatio {
  /** Pearson's chi-square with (arms - 1) degrees of freedom: true for one look. */
  readonly p_value: number
  /** True at every look; `mismatch` goes by it. */
  readonly always_valid_p_value: number
  readonly mismatch: boolean
}

/**
 * Compares units per arm with the arms' weights (any scale).
 *
 * The always-valid p-value is 1 / Bayes factor of a Dirichlet-multinomial against the fixed shares: Lindon and Malek,
 * "Anytime-valid inference for multinomial count data", NeurIPS 2022, eq. 8. It is of the moment; the smallest ever seen stays true.
 *
 * @returns null with fewer than two arms of a positive weight, or no units; a unit in an arm of weight 0 is a mismatch with p = 0
 */
export function sampleRatio(arms: readonly { readonly units: number; readonly weight: number }[]): SampleRatio | null {
  const open = arms.filter(({ weight }) => weight > 0)
  const units = arms.reduce((sum, arm) => sum + arm.units, 0)
  if (open.length < 2 || units === 0) return null
  if (arms.some((arm) => arm.weight === 0 && arm.units > 0)) return { p_value: 0, always_valid_p_value: 0, mismatch: true }
  const weights = open.reduce((sum, { weight }) => sum + weight, 0)
  let chiSquare = 0
  let logFactor = jstat.gammaln(PRIOR_UNITS) - jstat.gammaln(PRIOR_UNITS + units)
  for (const arm of open) {
    const share = arm.weight / weights
    chiSquare += (arm.units - units * share) ** 2 / (units * share)
    const prior = PRIOR_UNITS * share
    logFactor += jstat.gammaln(prior + arm.units) - jstat.gammaln(prior) - arm.units * Math.log(share)
  }
  const alwaysValidP = Math.min(1, Math.exp(-logFactor))
  return {
    p_value: 1 - jstat.chisquare.cdf(chiSquare, open.length - 1),
    always_valid_p_value: alwaysValidP,
    mismatch: alwaysValidP < MISMATCH_LEVEL,
  }
}
