/** Seeded randomness: the same seed gives the same draws on every machine and in every version of Node. */

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Exponential with the given mean. */
  exponential(mean: number): number
  /** Gamma with the given shape and scale. */
  gamma(shape: number, scale: number): number
  poisson(mean: number): number
  /** Number of failures of a negative binomial with the given mean and dispersion k: variance mean + mean^2 / k. */
  negativeBinomial(mean: number, dispersion: number): number
  /** One of the values, in proportion to its weight. */
  pick<Value>(weighted: readonly (readonly [Value, number])[]): Value
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021), its
 * state filled from the seed by a splitmix32 (with MurmurHash3's finaliser) as its authors advise. Two draws make one double of 53 bits.
 */
function xoshiro128(seed: number): () => number {
  let mix = seed >>> 0
  const next32 = () => {
    mix = (mix + 0x9e3779b9) >>> 0
    let word = mix
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
  let [a, b, c, d] = [next32(), next32(), next32(), next32()]
  const draw = () => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotateLeft(d, 11)
    return scrambled
  }
  return () => ((draw() >>> 5) * 67_108_864 + (draw() >>> 6)) / 9_007_199_254_740_992
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** `seed` is taken modulo 2^32. */
export function createRandom(seed: number): Random {
  const uniform = xoshiro128(seed)
  const exponential = (mean: number) => -mean * Math.log1p(-uniform())

  /** Standard normal by the polar method (Marsaglia and Bray 1964). */
  function normal(): number {
    for (;;) {
      const x = 2 * uniform() - 1
      const y = 2 * uniform() - 1
      const square = x * x + y * y
      if (square > 0 && square < 1) return x * Math.sqrt((-2 * Math.log(square)) / square)
    }
  }

  /** Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000. */
  function gamma(shape: number, scale: number): number {
    if (shape < 1) return gamma(shape + 1, scale) * (1 - uniform()) ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log1p(-uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v * scale
    }
  }

  /** Counts unit arrivals; the mean is split because e^-mean vanishes for large ones. */
  function poisson(mean: number): number {
    let rest = mean
    let count = 0
    while (rest > 30) {
      // A Poisson process of rate 1: the time of its n-th point is Gamma(n), the points before it are uniform.
      const points = Math.floor(rest * 0.875)
      const time = gamma(points, 1)
      if (time > rest) return count + binomial(points - 1, rest / time)
      count += points
      rest -= time
    }
    for (let time = exponential(1); time <= rest; time += exponential(1)) count += 1
    return count
  }

  function binomial(trials: number, probability: number): number {
    let count = 0
    for (let trial = 0; trial < trials; trial++) if (uniform() < probability) count += 1
    return count
  }

  return {
    uniform,
    exponential,
    gamma,
    poisson,
    negativeBinomial: (mean, dispersion) => poisson(gamma(dispersion, mean / dispersion)),
    pick<Value>(weighted: readonly (readonly [Value, number])[]): Value {
      let rest = uniform() * weighted.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [value, weight] of weighted) {
        rest -= weight
        if (rest < 0) return value
      }
      const last = weighted.at(-1)
      if (last === undefined) throw new RangeError('nothing to pick from')
      return last[0]
    },
  }
}
