/**
 * What an analysis of an experiment has to know of an arm: six sums over its units, so that arms of partitions and days
 * add up and a unit that grows costs one change. Every metric is a ratio of two totals, for example accepted invites
 * over invites, or revenue over people (denominator 1 for each). What one unit does hangs together, so its variance is
 * that of units, not of invites: linearisation of a ratio, as in Deng, Knoblich and Lu, "Applying the delta method in
 * metric analytics", KDD 2018, eq. 4, and for samples of clusters Cochran, "Sampling techniques", 1977, eq. 6.13.
 */

/** A unit's share in both totals, for example accepted invites and invites. The denominator is at least 0. */
export interface UnitValue {
  readonly numerator: number
  readonly denominator: number
}

export interface ArmSums {
  /** Units that were assigned to the arm, those with nothing in either total included. */
  readonly units: number
  readonly numerator: number
  readonly denominator: number
  readonly numerator_squared: number
  /** Sum of numerator x denominator of each unit. */
  readonly product: number
  readonly denominator_squared: number
}

/** An arm without units. */
export const EMPTY_ARM: ArmSums = Object.freeze({
  units: 0,
  numerator: 0,
  denominator: 0,
  numerator_squared: 0,
  product: 0,
  denominator_squared: 0,
})

/** The sums after a unit changed from `before` (null: it was just assigned) to `after`. */
export function withUnit(sums: ArmSums, before: UnitValue | null, after: UnitValue): ArmSums {
  const { numerator: y, denominator: n } = before ?? { numerator: 0, denominator: 0 }
  return {
    units: sums.units + (before === null ? 1 : 0),
    numerator: sums.numerator + after.numerator - y,
    denominator: sums.denominator + after.denominator - n,
    numerator_squared: sums.numerator_squared + after.numerator ** 2 - y ** 2,
    product: sums.product + after.numerator * after.denominator - y * n,
    denominator_squared: sums.denominator_squared + after.denominator ** 2 - n ** 2,
  }
}

/** The sums of two sets of units that have none in common. */
export function addArms(a: ArmSums, b: ArmSums): ArmSums {
  return {
    units: a.units + b.units,
    numerator: a.numerator + b.numerator,
    denominator: a.denominator + b.denominator,
    numerator_squared: a.numerator_squared + b.numerator_squared,
    product: a.product + b.product,
    denominator_squared: a.denominator_squared + b.denominator_squared,
  }
}

/** Total over total; null while the denominator is 0. */
export function armValue({ numerator, denominator }: ArmSums): number | null {
  return denominator === 0 ? null : numerator / denominator
}

/** Variance of `armValue` over units: m / (m - 1) x sum of (y - R n)^2 / (sum of n)^2; null with fewer than 2 units or no denominator. */
export function armVariance(sums: ArmSums): number | null {
  const value = armValue(sums)
  if (value === null || sums.units < 2) return null
  const residuals = sums.numerator_squared - 2 * value * sums.product + value ** 2 * sums.denominator_squared
  return ((sums.units / (sums.units - 1)) * Math.max(0, residuals)) / sums.denominator ** 2
}

/**
 * How many units of one size would say as much (Kish, "Survey sampling", 1965, section 11.2): (sum of x)^2 / sum of x^2 of
 * both totals. One tree that holds half of all people, or one buyer who paid half of the revenue, makes it small, and
 * then a normal approximation can't be trusted, however many units there are.
 */
export function effectiveUnits(sums: ArmSums): { numerator: number; denominator: number } {
  return {
    numerator: kish(sums.numerator, sums.numerator_squared),
    denominator: kish(sums.denominator, sums.denominator_squared),
  }
}

function kish(sum: number, squares: number): number {
  return squares > 0 ? sum ** 2 / squares : 0
}
