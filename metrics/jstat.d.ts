declare module 'jstat' {
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
  }
  const jstat: {
    gamma: GammaDistribution
    normal: NormalDistribution
    /** P(shape, value): the lower incomplete gamma function over the whole one. */
    lowRegGamma(shape: number, value: number): number
  }
  export default jstat
}
