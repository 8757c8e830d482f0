/** Puts what the stream says beside the two recomputations, number by number. */
import type { GrowthMetrics } from '../schemas/growth-api.ts'
import { DIMENSIONS, type Dimension, type GrowthCounts } from '../schemas/records.ts'
import { derivedFromCounts, derivedFromK, type NamedNumbers, servedNumbers } from './derived-numbers.ts'
import { NO_COUNTS, type WholeNumbers, type WindowNumbers } from './window-numbers.ts'

/** What the stream keeps of a window; `served` is what `/v1/growth` makes of it, to be checked as well. */
export interface StreamNumbers extends WindowNumbers {
  readonly served?: GrowthMetrics
}

export interface ComparedNumber {
  readonly metric: string
  /** `all`, or `channel=twitter`; `channel=(none)` without the field. */
  readonly slice: string
  readonly stream: number | null
  readonly sql: number | null
  readonly log: number | null
  /** 0 when all three agree, else the largest minus the smallest; null when some have a value and some have none. */
  readonly difference: number | null
}

/** Sums in another order of additions differ in the last bits; counts and money must be equal. */
const RELATIVE_TOLERANCE = 1e-9
/** Under this value the stream folds what lies beyond its largest values. */
const FOLDED = '(other)'
/** Counts that add up over slices, so that folded ones can be checked as a sum. */
const ADDITIVE = [
  'new_users',
  'shares',
  'via_invite',
  'via_code',
  'via_share',
  'via_referrer',
] as const satisfies readonly (keyof GrowthCounts)[]

/** Every number of one window from three sources. A slice that one of them lacks counts as zeros there. */
export function compareWindow(stream: StreamNumbers, sql: WindowNumbers, log: WindowNumbers): ComparedNumber[] {
  const rows = compareNamed('all', countNumbers(stream.whole.counts), countNumbers(sql.whole.counts), countNumbers(log.whole.counts), exact)
  rows.push(...compareNamed('all', kNumbers(stream.whole), kNumbers(sql.whole), kNumbers(log.whole), exact))
  rows.push(compareOne('k.exposure', 'all', stream.whole.k.exposure, sql.whole.k.exposure, log.whole.k.exposure, nearlyEqual))
  const served = stream.served === undefined ? derivedNumbers(stream.whole) : servedNumbers(stream.served)
  rows.push(...compareNamed('all', served, derivedNumbers(sql.whole), derivedNumbers(log.whole), nearlyEqual))
  for (const dimension of DIMENSIONS) rows.push(...compareDimension(dimension, stream, sql, log))
  return rows
}

export function hasDifference(rows: readonly ComparedNumber[]): boolean {
  return rows.some((row) => row.difference !== 0)
}

function compareDimension(dimension: Dimension, stream: WindowNumbers, sql: WindowNumbers, log: WindowNumbers): ComparedNumber[] {
  const [fromStream, fromSql, fromLog] = [slicesOf(stream, dimension), slicesOf(sql, dimension), slicesOf(log, dimension)]
  const values = new Set([...fromStream.keys(), ...fromSql.keys(), ...fromLog.keys()])
  const folded = fromStream.get(FOLDED)
  const isFolding = folded !== undefined && !fromSql.has(FOLDED) && !fromLog.has(FOLDED)
  const rows: ComparedNumber[] = []
  for (const value of [...values].sort()) {
    if (isFolding && !(fromStream.has(value) && value !== FOLDED)) continue
    rows.push(
      ...compareNamed(
        `${dimension}=${value === '' ? '(none)' : value}`,
        countNumbers(fromStream.get(value) ?? NO_COUNTS),
        countNumbers(fromSql.get(value) ?? NO_COUNTS),
        countNumbers(fromLog.get(value) ?? NO_COUNTS),
        exact,
      ),
    )
  }
  if (!isFolding) return rows
  for (const metric of ADDITIVE) {
    const beyond = (slices: ReadonlyMap<string, GrowthCounts>) =>
      [...slices].reduce((sum, [value, counts]) => sum + (fromStream.has(value) ? 0 : counts[metric]), 0)
    rows.push(compareOne(metric, `${dimension}=${FOLDED}`, folded[metric], beyond(fromSql), beyond(fromLog), exact))
  }
  return rows
}

function slicesOf(numbers: WindowNumbers, dimension: Dimension): ReadonlyMap<string, GrowthCounts> {
  return new Map(numbers.slices.filter((slice) => slice.dimension === dimension).map((slice) => [slice.value, slice.counts]))
}

/** Counts under their names, money as `revenue.EUR`. */
function countNumbers(counts: GrowthCounts): NamedNumbers {
  const { revenue, referred_revenue, ...plain } = counts
  return new Map([
    ...Object.entries(plain),
    ...Object.entries(revenue).map(([currency, minor]) => [`revenue.${currency}`, minor] as const),
    ...Object.entries(referred_revenue).map(([currency, minor]) => [`referred_revenue.${currency}`, minor] as const),
  ])
}

function kNumbers({ k }: WholeNumbers): NamedNumbers {
  return new Map([
    ['k.credits', k.credits],
    ['k.credits_squared', k.credits_squared],
    ['k.people', k.people],
    ['k.cycles', k.cycles],
  ])
}

function derivedNumbers(whole: WholeNumbers): NamedNumbers {
  return new Map([...derivedFromCounts(whole.counts), ...derivedFromK(whole)])
}

type Agreement = (left: number, right: number) => boolean

const exact: Agreement = (left, right) => left === right

const nearlyEqual: Agreement = (left, right) =>
  left === right || Math.abs(left - right) <= RELATIVE_TOLERANCE * Math.max(Math.abs(left), Math.abs(right))

/** A name that is missing on one side is money of a currency without any there: 0. */
function compareNamed(slice: string, stream: NamedNumbers, sql: NamedNumbers, log: NamedNumbers, agree: Agreement): ComparedNumber[] {
  const names = [...new Set([...stream.keys(), ...sql.keys(), ...log.keys()])]
  const numberOf = (numbers: NamedNumbers, name: string) => (numbers.has(name) ? (numbers.get(name) ?? null) : 0)
  return names.map((name) => compareOne(name, slice, numberOf(stream, name), numberOf(sql, name), numberOf(log, name), agree))
}

function compareOne(
  metric: string,
  slice: string,
  stream: number | null,
  sql: number | null,
  log: number | null,
  agree: Agreement,
): ComparedNumber {
  return { metric, slice, stream, sql, log, difference: differenceOf([stream, sql, log], agree) }
}

function differenceOf(values: readonly (number | null)[], agree: Agreement): number | null {
  const numbers = values.filter((value) => value !== null)
  if (numbers.length === 0) return 0
  if (numbers.length < values.length || numbers.some((value) => !Number.isFinite(value))) return null
  const largest = Math.max(...numbers)
  const smallest = Math.min(...numbers)
  return agree(largest, smallest) ? 0 : largest - smallest
}
