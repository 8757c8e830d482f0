/**
 * What a negative binomial number of referrals a person (mean R, dispersion k) foretells: what the best people bring, and
 * whether a campaign dies out. Lloyd-Smith et al. (2005), Nature 438:355, with its supplement.
 */
import jstat from 'jstat'

const NEWTON_STEPS_MAX = 200

/**
 * Share of referrals that the `fraction` (0 to 1) of people with the highest expected number bring, for dispersion k (> 0):
 * expected numbers are Gamma with shape k, so it is 1 - P(k + 1, x) at their upper quantile x; R cancels out.
 */
export function expectedTopShare(k: number, fraction: number): number {
  if (fraction <= 0) return 0
  if (fraction >= 1) return 1
  const quantile = jstat.gamma.inv(1 - fraction, k, 1)
  return 1 - jstat.gamma.cdf(quantile, k + 1, 1)
}

/**
 * Probability that what `seeds` people start dies out by itself, when each brings a negative binomial number of others
 * with mean `r` (>= 0) and dispersion `k` (> 0): the smallest root of s = (1 + r (1 - s) / k)^-k, to the power of the seeds.
 */
export function extinctionProbability(r: number, k: number, seeds = 1): number {
  if (r <= 1) return 1
  // The generating function is convex and lies above s before its root, so Newton climbs from 0 and never passes it.
  let s = 0
  for (let step = 0; step < NEWTON_STEPS_MAX; step += 1) {
    const base = 1 + (r * (1 - s)) / k
    const value = base ** -k
    const next = s + (value - s) / (1 - (r * value) / base)
    if (!(next > s)) break
    s = next
  }
  return Math.min(1, s) ** seeds
}

/**
 * More referrals than this are more than luck: the smallest n with P(Poisson(mean) <= n) >= `probability` (0 to 1), the
 * threshold of a superspreader at 0.99 in Lloyd-Smith et al.
 */
export function poissonQuantile(mean: number, probability: number): number {
  let term = Math.exp(-mean)
  let below = term
  let n = 0
  while (below < probability && n < mean + 1000 * (1 + Math.sqrt(mean))) {
    n += 1
    term *= mean / n
    below += term
  }
  return n
}
