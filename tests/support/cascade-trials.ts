/** Forecasts of public cascades at several ages beside naive extrapolation, and what became of them. */
import { cascadeForecast } from '../../metrics/cascade-forecast.ts'
import { GrowthHistory, SHARES_MIN, ShareCurve } from '../../metrics/share-growth.ts'
import { referenceRows, referenceText } from './reference-files.ts'

const DAY_S = 86_400
const WEEK_S = 7 * DAY_S

export interface CascadeTrial {
  readonly atS: number
  /** Absolute relative error of each content by the name of the forecast; infinite where it sees no end. */
  readonly errors: Readonly<Record<string, readonly number[]>>
  /** Contents whose number in the end lay in the 95 % interval, of how many. */
  readonly covered: number
  readonly contents: number
}

/** Middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
}

function sharesBy(agesS: readonly number[], atS: number): number {
  return agesS.filter((ageS) => ageS <= atS).length
}

/** What one would say without a model: nothing more comes; the mean rate goes on; the rate of the last half of the age goes on. */
function naiveForecasts(agesS: readonly number[], atS: number, horizonS: number): Record<string, number> {
  const now = sharesBy(agesS, atS)
  const lately = (now - sharesBy(agesS, atS / 2)) / (atS / 2)
  return { 'no more': now, 'mean rate': (now * horizonS) / atS, 'last rate': now + lately * (horizonS - atS) }
}

function errorsOf(forecasts: Record<string, number>, final: number): [name: string, error: number][] {
  return Object.entries(forecasts).map(([name, value]) => [name, Math.abs(value - final) / final])
}

/** SEISMIC on one cascade of 15,563 shares whose reach is known; the end is that of a week. */
export function trialsOfKnownReach(atHours: readonly number[]): CascadeTrial[] {
  const rows = referenceRows('seismic-tweet/tweet.csv.gz')
  const agesS = rows.map((row) => Number(row['relative_time_second']))
  const reaches = rows.map((row) => Number(row['number_of_followers']))
  const final = agesS.length
  return atHours.map((hours) => {
    const atS = hours * 3600
    const { value, lower, upper } = cascadeForecast({ agesS, reaches }, atS)
    const said = { SEISMIC: value ?? Number.POSITIVE_INFINITY, ...naiveForecasts(agesS, atS, WEEK_S) }
    const isCovered = lower !== null && lower <= final && final <= (upper ?? Number.POSITIVE_INFINITY)
    const errors = Object.fromEntries(errorsOf(said, final).map(([name, error]) => [name, [error]]))
    return { atS, errors, covered: Number(isCovered), contents: 1 }
  })
}

function curveOf(agesS: readonly number[], untilS: number): ShareCurve {
  const curve = new ShareCurve(DAY_S)
  for (const ageS of agesS) if (ageS <= untilS) curve.add(ageS)
  return curve
}

/** 30 cascades whose reach is not known, each foretold from all the others; the end is that of a day. */
export function trialsOfUnknownReach(atHours: readonly number[]): CascadeTrial[] {
  const lines = referenceText('weibo-casflow-sample/dataset.txt.gz').trim().split('\n')
  const cascades = lines.map((line) => {
    const reposts = (line.split('\t')[4] as string).split(' ')
    return reposts.map((repost) => Number(repost.split(':')[1])).sort((a, b) => a - b)
  })
  const history = new GrowthHistory(DAY_S)
  for (const agesS of cascades) history.count(curveOf(agesS, DAY_S))
  return atHours.map((hours) => {
    const atS = hours * 3600
    const errors: Record<string, number[]> = {}
    const tried = cascades.filter((agesS) => sharesBy(agesS, atS) >= SHARES_MIN)
    let covered = 0
    for (const agesS of tried) {
      const final = agesS.length
      history.count(curveOf(agesS, DAY_S), -1)
      const { value, lower, upper } = history.forecast(curveOf(agesS, atS), atS)
      history.count(curveOf(agesS, DAY_S))
      const others = cascades.filter((other) => other !== agesS && sharesBy(other, atS) > 0)
      const constantReach = cascadeForecast({ agesS, reaches: agesS.map(() => 1) }, atS, 1).value
      const said = {
        history: value ?? Number.NaN,
        'median growth': sharesBy(agesS, atS) * median(others.map((other) => other.length / sharesBy(other, atS))),
        'SEISMIC, reach 1': constantReach ?? Number.POSITIVE_INFINITY,
        ...naiveForecasts(agesS, atS, DAY_S),
      }
      for (const [name, error] of errorsOf(said, final)) errors[name] = [...(errors[name] ?? []), error]
      if (lower !== null && upper !== null && lower <= final && final <= upper) covered += 1
    }
    return { atS, errors, covered, contents: tried.length }
  })
}
