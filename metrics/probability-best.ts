/**
 * How probable it is that an arm has the highest value, by quadrature: the integral over x of the arm's posterior density times
 * the product of the other posteriors' distribution functions. Nothing random, so the same data give the same digits.
 */
import jstat from 'jstat'

/** What is believed of an arm's value, on a line where it is about normal: where it lies, how wide it is. */
export interface Posterior {
  readonly centre: number
  readonly spread: number
  density(at: number): number
  cdf(at: number): number
}

/** Beta(1 + successes, 1 + failures) of a proportion (uniform prior), in log odds, where it has no edges. Counts may be fractional. */
export function proportionPosterior(successes: number, failures: number): Posterior {
  const [a, b] = [1 + successes, 1 + failures]
  const logBeta = jstat.gammaln(a) + jstat.gammaln(b) - jstat.gammaln(a + b)
  return {
    centre: Math.log(a / b),
    spread: Math.sqrt(1 / a + 1 / b),
    density: (odds) => Math.exp(-a * Math.log1p(Math.exp(-odds)) - b * Math.log1p(Math.exp(odds)) - logBeta),
    cdf: (odds) => jstat.ibeta(1 / (1 + Math.exp(-odds)), a, b),
  }
}

/** Normal posterior of a mean with a flat prior; `standardError` above 0. */
export function meanPosterior(mean: number, standardError: number): Posterior {
  return {
    centre: mean,
    spread: standardError,
    density: (at) => jstat.normal.pdf(at, mean, standardError),
    cdf: (at) => jstat.normal.cdf(at, mean, standardError),
  }
}

/** For each posterior the probability that its value is the highest; they sum to 1. */
export function probabilitiesBest(posteriors: readonly Posterior[]): number[] {
  const nodes = quadrature(posteriors)
  const masses = posteriors.map(() => 0)
  for (const { at, weight } of nodes) {
    const below = posteriors.map((posterior) => posterior.cdf(at))
    for (const [index, posterior] of posteriors.entries()) {
      const others = below.reduce((product, share, other) => (other === index ? product : product * share), 1)
      masses[index] = (masses[index] as number) + weight * posterior.density(at) * others
    }
  }
  const total = masses.reduce((sum, mass) => sum + mass, 0)
  return masses.map((mass) => mass / total)
}

/** Panel edges in spreads around each centre: narrow where a posterior has its mass, far out for the slow tails of few trials. */
const EDGES = [-32, -16, -8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8, 16, 32]
/** Nodes and weights of Gauss-Legendre with 8 points on [-1, 1], the positive half (Abramowitz and Stegun, table 25.4). */
const LEGENDRE = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
] as const

/** Gauss-Legendre between the panel edges of all posteriors, so that a narrow one is met exactly beside a wide one. */
function quadrature(posteriors: readonly Posterior[]): { at: number; weight: number }[] {
  const edges = [...new Set(posteriors.flatMap(({ centre, spread }) => EDGES.map((edge) => centre + edge * spread)))].sort((a, b) => a - b)
  const nodes: { at: number; weight: number }[] = []
  for (const [index, right] of edges.entries()) {
    const left = edges[index - 1]
    if (left === undefined) continue
    const half = (right - left) / 2
    for (const [node, weight] of LEGENDRE) {
      nodes.push({ at: left + half * (1 - node), weight: half * weight }, { at: left + half * (1 + node), weight: half * weight })
    }
  }
  return nodes
}
