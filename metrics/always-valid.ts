/**
 * A p-value and an interval that stay true however often one looks. Mixture sequential probability ratio test with a normal
 * mixture: Johari, Koomen, Pekelis and Walsh, "Always valid inference: continuous monitoring of A/B tests", Operations Research
 * 70(3), 2022, section 5.3; Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
 * Statistics 41(5), 1970. With a variance that is estimated the promise holds for many units: Waudby-Smith, Arbour, Sinha, Kennedy
 * and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, theorem 2.2,
 * whose t rho^2 is scale^2 / variance here. The clock is the information 1 / variance and not the number of units,
 * because units that were assigned long ago go on inviting.
 */

export interface AlwaysValid {
  /** Smallest level at which "no difference" is rejected now: at most `level` of all experiments without a difference ever reach `level`. */
  readonly p_value: number
  /** Half the width of the interval around the difference; null (no bound) while nothing varies. */
  readonly half_width: number | null
}

/**
 * @param difference estimate of the difference
 * @param variance its variance, over units
 * @param scale size of the differences that are looked for, fixed beforehand, in the difference's unit: the interval is
 * narrowest, compared with that of a single look, when its width is about this; any size keeps the promise
 * @param level for example 0.05
 */
export function alwaysValid(difference: number, variance: number, scale: number, level: number): AlwaysValid {
  if (!(variance > 0 && scale !== 0)) return { p_value: 1, half_width: null }
  const information = scale ** 2 / variance
  const evidence = ((information / (1 + information)) * difference ** 2) / variance
  const spent = Math.log1p(information)
  return {
    p_value: Math.min(1, Math.exp((spent - evidence) / 2)),
    half_width: Math.sqrt(variance * (1 + 1 / information) * (spent - 2 * Math.log(level))),
  }
}

/**
 * How many times today's units an experiment needs until the interval is likely (4 in 5) to exclude 0, if the
 * difference is `scale`: the information x at which x = (boundary(x) + 0.84)^2, over what there is. null while
 * nothing varies.
 */
export function unitsFactor(variance: number, scale: number, level: number): number | null {
  if (!(variance > 0 && scale !== 0)) return null
  let information = 10
  // A contraction: the boundary hardly moves with x; 20 rounds settle to many digits.
  for (let round = 0; round < 20; round += 1) {
    const half = alwaysValid(0, 1, Math.sqrt(information), level).half_width ?? 0
    information = (half + POWER_80_PERCENT) ** 2
  }
  return (information * variance) / scale ** 2
}

/** Quantile 0.8 of the normal distribution. */
const POWER_80_PERCENT = 0.8416212335729143
