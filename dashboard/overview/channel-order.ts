/** Columns of the table of channels, and its rows in order. Pure. */
import type { BreakdownRow } from '../../schemas/growth-api.ts'
import type { MetricName } from '../components/definitions.ts'
import type { NumberStyle } from '../components/number-format.ts'

export const CHANNEL_COLUMNS = [
  { name: 'referred_signups', style: 'count' },
  { name: 'k_contribution', style: 'factor' },
  { name: 'viral_coefficient', style: 'factor' },
  { name: 'outreaches', style: 'count' },
  { name: 'conversion', style: 'percent' },
] as const satisfies readonly { name: MetricName; style: NumberStyle }[]
export type ColumnName = (typeof CHANNEL_COLUMNS)[number]['name'] | 'channel'

export function channelOf(row: BreakdownRow): string {
  return row.channel ?? '(none)'
}

/** Rows in the order asked for; rows without the number come last either way, ties go by name. */
export function sortRows(rows: readonly BreakdownRow[], by: ColumnName, descending: boolean): BreakdownRow[] {
  const byName = (a: BreakdownRow, b: BreakdownRow) => channelOf(a).localeCompare(channelOf(b))
  const direction = descending ? -1 : 1
  return [...rows].sort((a, b) => {
    if (by === 'channel') return direction * byName(a, b)
    const left = a.metrics[by].value
    const right = b.metrics[by].value
    if (left === null || right === null) return Number(left === null) - Number(right === null) || byName(a, b)
    return direction * (left - right) || byName(a, b)
  })
}
