/**
 * How long people take to pass on what reached them: constant for five minutes, then a power law. Zhao, Erdogdu, He,
 * Rajaraman, Leskovec (2015), "SEISMIC: a self-exciting point process model for predicting tweet popularity", KDD, section 3.1;
 * the figures are those that the authors measured on Twitter and give with their R package. Ages in seconds.
 */

/** Age up to which the density is constant. */
const CONSTANT_UNTIL_S = 300
/** The density falls with this exponent plus one. */
const THETA = 0.2314843
/** Density at age 0, per second: what makes it sum to one. */
const DENSITY = 1 / (CONSTANT_UNTIL_S * (1 + 1 / THETA))

/** Share of reactions that come later than `ageS` (0 and below: all). */
export function memoryTail(ageS: number): number {
  if (ageS <= 0) return 1
  if (ageS <= CONSTANT_UNTIL_S) return 1 - DENSITY * ageS
  return (DENSITY * CONSTANT_UNTIL_S * (ageS / CONSTANT_UNTIL_S) ** -THETA) / THETA
}

/** Integral of age x density from 0 to `ageS`, in seconds: grows without bound, since the mean reaction is infinite. */
export function memoryMoment(ageS: number): number {
  if (ageS <= 0) return 0
  const constant = Math.min(ageS, CONSTANT_UNTIL_S)
  const start = (DENSITY * constant * constant) / 2
  if (ageS <= CONSTANT_UNTIL_S) return start
  const ratio = (ageS / CONSTANT_UNTIL_S) ** (1 - THETA)
  return start + (DENSITY * CONSTANT_UNTIL_S ** 2 * (ratio - 1)) / (1 - THETA)
}
