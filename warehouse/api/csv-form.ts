/** Answers as CSV (`Accept: text/csv`): formula cells are defused, since a value such as a channel comes from outside. */
import { stringify } from 'csv-stringify/sync'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DIMENSIONS } from '../../schemas/records.ts'
import type { GrowthResponse, SeriesResponse } from '../../schemas/growth-api.ts'

type Cell = string | number | null
type CsvRow = Record<string, Cell>

/** Whether the request asks for CSV, and not for JSON too. */
export function wantsCsv(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? ''
  return accept.includes('text/csv') && !accept.includes('application/json')
}

/** Answers with the text of a CSV, as a file to be saved. */
export function sendCsv(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="kappa.csv"').send(text)
}

/** Rows of a list under their headings, which stand there even without rows. */
export function rowsCsv(rows: readonly Readonly<Record<string, Cell>>[], headings: readonly string[]): string {
  return csv(rows, headings)
}

/** Metrics laid flat: `k_factor` and `k_factor_lower`, `revenue_EUR`; reasons stay in the JSON form. */
function flatMetrics(metrics: object): CsvRow {
  const row: CsvRow = {}
  for (const [name, metric] of Object.entries(metrics) as [string, Record<string, unknown>][]) {
    for (const [part, value] of Object.entries(metric)) {
      if (part === 'reason') continue
      const column = part === 'value' ? name : `${name}_${part}`
      if (value === null || typeof value === 'number') row[column] = value
      else if (typeof value === 'object')
        for (const [currency, minor] of Object.entries(value)) row[`${name}_${currency}`] = minor as number
    }
  }
  return row
}

function csv(rows: readonly CsvRow[], headings: readonly string[]): string {
  const columns = new Set(headings)
  for (const row of rows) for (const name of Object.keys(row)) columns.add(name)
  return stringify([...rows], {
    header: true,
    columns: [...columns],
    escape_formulas: true,
    // A number is no formula, even a negative one.
    cast: { number: (value) => ({ value: String(value), escape_formulas: false }) },
  })
}

/** The window in one row, or the rows of its breakdown. */
export function growthCsv(answer: GrowthResponse, isBreakdown: boolean): string {
  const { window, at, watermark } = answer
  const place = { window, at, final: String(answer.final), watermark }
  if (!isBreakdown) return csv([{ ...place, ...flatMetrics(answer.metrics) }], [])
  const rows = answer.rows.map((row) => {
    const name = DIMENSIONS.find((dimension) => row[dimension] !== undefined)
    return { ...place, ...(name === undefined ? {} : { [name]: row[name] ?? null }), ...flatMetrics(row.metrics) }
  })
  return csv(rows, Object.keys(place))
}

/** The points of a series. */
export function seriesCsv(answer: SeriesResponse): string {
  const rows = answer.points.map(({ at, value, lower, upper }) => ({
    at,
    [answer.metric]: value,
    ...(lower === undefined ? {} : { lower }),
    ...(upper === undefined ? {} : { upper }),
  }))
  return csv(rows, ['at', answer.metric])
}
