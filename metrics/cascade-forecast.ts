/**
 * How many shares one piece of content will have in the end, where it is known how many people each share reaches: SEISMIC
 * (Zhao et al., KDD 2015). Infectiousness p, the chance that somebody reached shares, is measured over the recent past alone,
 * since it fades; what is still to come are the reactions to shares made so far, and the reactions to those.
 *
 * It is for the time of growth: once most has come, it says too much, and a cascade that has gone quiet is better left as it is.
 * Where reach is not known it says far too much: with one number for all, what the first share brought by itself is taken for
 * shares that bring shares, and nearly all content looks as if it grew for ever. Then `metrics/share-growth.ts` is for it.
 */
import { memoryMoment, memoryTail } from './memory-kernel.ts'

/** Window of the estimate of p: half the age, within these (section 3.2 and the defaults of the authors' package). */
const WINDOW_MIN_S = 300
const WINDOW_MAX_S = 7200
/** Fewer shares than this in the window say too little of p. */
const WINDOW_SHARES_MIN = 5
/** Mean reach of those who will share, as the authors measured it on Twitter. */
const MEAN_REACH = 100
/** Parts of an age at which p is looked at once more. */
const EARLIER_PARTS = [0.25, 0.35, 0.5, 0.7] as const
/** Normal quantile of a 95 % interval. */
const Z_95 = 1.959963984540054

/** Shares of one piece of content by age: seconds since its first share, ascending, the first 0; people that each reached. */
export interface ReachedShares {
  readonly agesS: ArrayLike<number>
  readonly reaches: ArrayLike<number>
}

export interface CascadeForecast {
  /** Shares in the end, those so far and the first included; null with the reason. */
  readonly value: number | null
  /** 95 % interval; `upper` is null where growth without end is inside it. */
  readonly lower: number | null
  readonly upper: number | null
  readonly reason?: 'too_few_shares' | 'no_reach' | 'supercritical'
  /** p, the chance that one person reached shares it; null while unknown. */
  readonly infectiousness: number | null
}

interface Window {
  readonly shares: number
  /** Sum of the triangular weights of the shares in it, and of their squares. */
  readonly weights: number
  readonly squaredWeights: number
  /** People-reactions that p is the rate of, weighted alike. */
  readonly exposure: number
  readonly count: number
  /** Sum of reach x share of reactions still to come. */
  readonly waiting: number
}

/**
 * The forecast at an age, from the shares up to it; O(n) in them, five times over.
 *
 * @param atS age of the content in seconds, > 0
 * @param meanReach of the people who will share: p x it is the number of shares that one share brings. A content's own sharers
 * are no measure of it, a few of them reach far more than all others: set it from content that has run its course
 * @returns null with `too_few_shares` (fewer than 5 in the window), `no_reach`, or `supercritical`: each share brings one or
 * more, no end is in sight
 */
export function cascadeForecast(shares: ReachedShares, atS: number, meanReach = MEAN_REACH): CascadeForecast {
  const window = windowAt(shares, atS)
  if (window.shares < WINDOW_SHARES_MIN) return { ...UNKNOWN, reason: 'too_few_shares', infectiousness: null }
  if (!(window.exposure > 0)) return { ...UNKNOWN, reason: 'no_reach', infectiousness: null }
  const infectiousness = window.weights / window.exposure
  const value = finalShares(window, infectiousness, meanReach)
  if (value === null) return { ...UNKNOWN, reason: 'supercritical', infectiousness }
  const noise = noiseOf(window)
  const spread = Z_95 * Math.sqrt(noise + driftBefore(shares, atS, infectiousness, noise))
  // A share to come brings a tree of mean size 1 / (1 - b), mean square 1 / (1 - b)^3.
  const luck = Z_95 * Math.sqrt((infectiousness * window.waiting) / (1 - infectiousness * meanReach) ** 3)
  const least = finalShares(window, infectiousness * Math.exp(-spread), meanReach) ?? window.count
  const most = finalShares(window, infectiousness * Math.exp(spread), meanReach)
  const lower = Math.max(window.count, value - Math.hypot(value - least, luck))
  return { value, lower, upper: most === null ? null : value + Math.hypot(most - value, luck), infectiousness }
}

const UNKNOWN = { value: null, lower: null, upper: null } as const

/** Variance of the logarithm of p by chance: a weighted count is worth as many plain ones as its square over the sum of squares. */
function noiseOf({ weights, squaredWeights }: Window): number {
  return squaredWeights / weights ** 2
}

/**
 * How far p has moved of late, squared and as a logarithm: the largest distance between p now and p at ages down to a quarter,
 * beyond chance. The paper gives no error of its forecast; that p stays what it is was the larger part of it wherever we looked.
 */
function driftBefore(shares: ReachedShares, atS: number, infectiousness: number, noise: number): number {
  let largest = 0
  for (const part of EARLIER_PARTS) {
    const before = windowAt(shares, atS * part)
    if (before.shares < WINDOW_SHARES_MIN) continue
    const distance = Math.log(before.weights / before.exposure / infectiousness)
    largest = Math.max(largest, distance ** 2 - noise - noiseOf(before))
  }
  return largest
}

/** Equation 7 of the paper: shares so far, and those still to come with all that they bring; null when they never end. */
function finalShares(window: Window, infectiousness: number, meanReach: number): number | null {
  const branching = infectiousness * meanReach
  return branching < 1 ? window.count + (infectiousness * window.waiting) / (1 - branching) : null
}

/** Equation 5: shares by their triangular weight over the reactions that were due, weighted by the time at which they were. */
function windowAt({ agesS, reaches }: ReachedShares, atS: number): Window {
  const lengthS = Math.min(atS, WINDOW_MAX_S, Math.max(WINDOW_MIN_S, atS / 2))
  let shares = 0
  let weights = 0
  let squaredWeights = 0
  let exposure = 0
  let waiting = 0
  let count = 0
  for (; count < agesS.length; count += 1) {
    const agoS = atS - (agesS[count] as number)
    if (agoS < 0) break
    const reach = reaches[count] as number
    if (count > 0 && agoS < lengthS) {
      const weight = 1 - agoS / lengthS
      shares += 1
      weights += weight
      squaredWeights += weight * weight
    }
    // A reaction after x seconds came agoS - x ago and weighs 1 - (agoS - x) / length.
    const fromS = Math.max(0, agoS - lengthS)
    const mass = memoryTail(fromS) - memoryTail(agoS)
    const moment = memoryMoment(agoS) - memoryMoment(fromS)
    exposure += reach * ((1 - agoS / lengthS) * mass + moment / lengthS)
    waiting += reach * memoryTail(agoS)
  }
  return { shares, weights, squaredWeights, exposure, count, waiting }
}
