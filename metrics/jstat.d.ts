declare module 'jstat' {
  interface ChiSquareDistribution {
    cdf(value: number, degreesOfFreedom: number): number
  }
  interface GammaDistribution {
    /** Quantile of the gamma distribution with the given shape and scale. */
    inv(probability: number, shape: number, scale: number): number
    /** Probability of at most `value` under the gamma distribution with the given shape and scale. */
    cdf(value: number, shape: number, scale: number): number
  }
  interface NormalDistribution {
    /** Probability at or below `value`. */
    cdf(value: number, mean: number, sd: number): number
    inv(probability: number, mean: number, sd: number): number
    pdf(value: number, mean: number, sd: number): number
  }
  interface StudentDistribution {
    /** Quantile of Student's t; the degrees of freedom may be fractional. */
    inv(probability: number, degreesOfFreedom: number): number
  }
  const jstat: {
    chisquare: ChiSquareDistribution
    gamma: GammaDistribution
    normal: NormalDistribution
    studentt: StudentDistribution
    /** Logarithm of the gamma function. */
    gammaln(x: number): number
    /** Regularised incomplete beta function: the share of a beta distribution with shapes `a` and `b` at or below `x`. */
    ibeta(x: number, a: number, b: number): number
    /** P(shape, value): the lower incomplete gamma function over the whole one. */
    lowRegGamma(shape: number, value: number): number
  }
  export default jstat
}
