/**
 * How many shares one piece of content will have in the end, where nobody knows whom a share reaches: from how the
 * workspace's earlier content went on. Growth from an age to the end is log-normal round a mean that the age alone sets
 * (Szabo and Huberman 2010, "Predicting the popularity of online content", Comm ACM 53:80), and here also the share of it that
 * came lately, as in the multivariate form of Pinto, Almeida, Goncalves (2013, WSDM): what has gone quiet ends sooner.
 *
 * For a content and for a workspace the state is sums of whole numbers: adding commutes and undoes itself, a share and a
 * content are O(1).
 */
import jstat from 'jstat'

/** Ages at which content is compared: the horizon, and what is left of it as it is divided by the square root of 2 again and again. */
const STEPS = 30
const STEPS_A_DOUBLING = 2
/** Content with fewer shares at an age says nothing of growth from there. */
export const SHARES_MIN = 5
/** So many pieces of content must have been at an age before the next one is foretold from there. */
export const CONTENTS_MIN = 10
/** Logarithms are kept in whole 1/4096 (2.4e-4), so that their sums are exact. */
const LOG_UNITS = 4096
/** Weight of "lately does not matter" against the history, in contents that are one unit of logarithm apart. */
const RIDGE = 1

/** Of one age, sums over contents that ran their course: x the log share that came lately, y the log growth, in `LOG_UNITS`. */
interface AgeSums {
  contents: number
  x: number
  y: number
  xx: number
  xy: number
  yy: number
}

export interface GrowthForecast {
  /** Median of the shares at the horizon, those so far included; null with the reason. */
  readonly value: number | null
  /** 95 % prediction interval. */
  readonly lower: number | null
  readonly upper: number | null
  readonly reason?: 'too_few_shares' | 'too_young' | 'too_little_history'
}

/** Shares of one piece of content by age, as counts at the ages of the grid below its horizon. Memory is constant. */
export class ShareCurve {
  /** The age in seconds at which content counts as finished; later shares do not count. */
  readonly horizonS: number
  /** At age 0 or before it, then after each age of the grid up to the next one. */
  readonly #counts = new Int32Array(STEPS + 2)

  /** @param horizonS seconds, > 0 */
  constructor(horizonS: number) {
    this.horizonS = horizonS
  }

  /** Counts `count` shares (negative: takes them back) at an age in seconds since the content's first share, in any order. */
  add(ageS: number, count = 1): void {
    if (ageS > this.horizonS) return
    const slot = ageS <= 0 ? 0 : 1 + Math.max(0, Math.ceil(stepOfAge(ageS, this.horizonS)))
    this.#counts[slot] = (this.#counts[slot] as number) + count
  }

  /** All shares that were counted. */
  get shares(): number {
    return this.#counts.reduce((total, count) => total + count, 0)
  }

  /** Shares at or before an age: exact at the ages of the grid; between two of them, those counted so far as if evenly spread. */
  sharesBy(ageS: number): number {
    let total = this.#counts[0] as number
    let fromS = 0
    for (let step = 0; step <= STEPS && fromS < ageS; step += 1) {
      const toS = ageOfStep(step, this.horizonS)
      const count = this.#counts[step + 1] as number
      total += toS <= ageS ? count : (count * (ageS - fromS)) / (toS - fromS)
      fromS = toS
    }
    return total
  }
}

/** What a workspace's finished content tells of growth from each age to the horizon. */
export class GrowthHistory {
  readonly #horizonS: number
  readonly #ages: readonly AgeSums[]

  /** @param horizonS seconds, > 0: that of every curve it is given */
  constructor(horizonS: number) {
    this.#horizonS = horizonS
    this.#ages = Array.from({ length: STEPS }, () => ({ contents: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 }))
  }

  /** Takes in a content whose age is past the horizon (`sign` 1), or takes it out again (-1) before it changes. */
  count(curve: ShareCurve, sign: 1 | -1 = 1): void {
    this.#mustMatch(curve)
    for (const [step, age] of this.#ages.entries()) {
      const shares = curve.sharesBy(ageOfStep(step, this.#horizonS))
      if (step < STEPS_A_DOUBLING || shares < SHARES_MIN) continue
      const atHalf = curve.sharesBy(ageOfStep(step - STEPS_A_DOUBLING, this.#horizonS))
      const x = Math.round(LOG_UNITS * logLately(shares, atHalf))
      const y = Math.round(LOG_UNITS * Math.log(curve.shares / shares))
      age.contents += sign
      age.x += sign * x
      age.y += sign * y
      age.xx += sign * x * x
      age.xy += sign * x * y
      age.yy += sign * y * y
    }
  }

  /**
   * Shares at the horizon of content that is `ageS` old and whose curve holds the shares up to that age.
   *
   * @returns null with `too_young` (below a 16,384th of the horizon), `too_few_shares` (under 5), or `too_little_history`: fewer
   * than 10 pieces of content had 5 shares at this age
   */
  forecast(curve: ShareCurve, ageS: number): GrowthForecast {
    this.#mustMatch(curve)
    const { shares } = curve
    if (ageS >= this.#horizonS) return { value: shares, lower: shares, upper: shares }
    const position = stepOfAge(ageS, this.#horizonS)
    if (!(position >= STEPS_A_DOUBLING)) return { ...UNKNOWN, reason: 'too_young' }
    if (shares < SHARES_MIN) return { ...UNKNOWN, reason: 'too_few_shares' }
    const growth = this.#growthFrom(position, logLately(shares, curve.sharesBy(ageS / 2)))
    if (growth === null) return { ...UNKNOWN, reason: 'too_little_history' }
    const at = (deviations: number) => shares * Math.exp(Math.max(0, growth.mean + deviations * growth.sd))
    return { value: at(0), lower: at(-growth.deviations95), upper: at(growth.deviations95) }
  }

  /** Log growth from a place on the grid, between the two ages round it; at the horizon there is none left. */
  #growthFrom(position: number, x: number): LogGrowth | null {
    const step = Math.floor(position)
    const younger = logGrowth(this.#ages[step] as AgeSums, x)
    const next = this.#ages[step + 1]
    const older = next === undefined ? NO_GROWTH : logGrowth(next, x)
    if (younger === null || older === null) return older === NO_GROWTH ? null : (younger ?? older)
    const between = (from: number, to: number) => from + (position - step) * (to - from)
    return {
      mean: between(younger.mean, older.mean),
      sd: between(younger.sd, older.sd),
      deviations95: older === NO_GROWTH ? younger.deviations95 : between(younger.deviations95, older.deviations95),
    }
  }

  #mustMatch(curve: ShareCurve): void {
    if (curve.horizonS !== this.#horizonS) throw new RangeError(`a curve to ${curve.horizonS} s beside a history to ${this.#horizonS} s`)
  }
}

const UNKNOWN = { value: null, lower: null, upper: null } as const

interface LogGrowth {
  readonly mean: number
  readonly sd: number
  /** Quantile of Student's t for a 95 % interval. */
  readonly deviations95: number
}

const NO_GROWTH: LogGrowth = { mean: 0, sd: 0, deviations95: 0 }

/** Prediction at x of the line through the history, its slope drawn towards 0 (ridge regression). */
function logGrowth(sums: AgeSums, x: number): LogGrowth | null {
  const { contents } = sums
  if (contents < CONTENTS_MIN) return null
  const meanX = sums.x / contents / LOG_UNITS
  const meanY = sums.y / contents / LOG_UNITS
  const xx = sums.xx / LOG_UNITS ** 2 - contents * meanX * meanX + RIDGE
  const xy = sums.xy / LOG_UNITS ** 2 - contents * meanX * meanY
  const yy = sums.yy / LOG_UNITS ** 2 - contents * meanY * meanY
  const slope = xy / xx
  const variance = Math.max(0, yy - slope * xy) / (contents - 2)
  const away = x - meanX
  return {
    mean: meanY + slope * away,
    sd: Math.sqrt(variance * (1 + 1 / contents + (away * away) / xx)),
    deviations95: jstat.studentt.inv(0.975, contents - 2),
  }
}

/** Log of the share that came in the second half of the age. */
function logLately(shares: number, sharesAtHalf: number): number {
  return Math.log((shares - sharesAtHalf + 1) / (shares + 1))
}

function ageOfStep(step: number, horizonS: number): number {
  return horizonS * 2 ** ((step - STEPS) / STEPS_A_DOUBLING)
}

/** Where an age (> 0) lies on the grid: whole numbers are its ages, `STEPS` is the horizon. */
function stepOfAge(ageS: number, horizonS: number): number {
  const position = STEPS + STEPS_A_DOUBLING * Math.log2(ageS / horizonS)
  // The logarithm of an age of the grid may miss its whole number by a last digit.
  const whole = Math.round(position)
  return Math.abs(position - whole) < 1e-9 ? whole : position
}
