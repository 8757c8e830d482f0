declare module 'jstat' {
  interface GammaDistribution {
    /** Quantile of the gamma distribution with the given shape and scale. */
    inv(probability: number, shape: number, scale: number): number
    /** Probability of at most `value` under the gamma distribution with the given shape and scale. */
    cdf(value: number, shape: number, scale: number): number
  }
  const jstat: { gamma: GammaDistribution }
  export default jstat
}
