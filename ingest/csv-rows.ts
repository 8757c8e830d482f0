/** Rows of a CSV as events, by a map from columns to fields. */
import { parse } from 'csv-parse'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { eventFault } from './event-fault.ts'
import type { IncomingItem } from './steps/split-body.ts'

const FIELD_PATH = z
  .string()
  .regex(/^[a-z_]+(?:\.[A-Za-z0-9_-]{1,100})?$/, 'must be a field such as actor_id, recipient.email or properties.plan')

/**
 * The file of `--map`: `columns` says which field a column becomes (`recipient.email` and `properties.NAME` reach
 * inside), `constants` what every row has beside, `numbers` which fields are numbers in JSON.
 */
export const csvMap = z.strictObject({
  columns: z.record(z.string(), FIELD_PATH),
  constants: z.record(FIELD_PATH, z.union([z.string(), z.number(), z.boolean()])).default({}),
  numbers: z.array(FIELD_PATH).default(['amount_minor', 'value', 'status', 'sample_rate']),
  delimiter: z.string().length(1).default(','),
})
export type CsvMap = z.infer<typeof csvMap>

const RECORD_BYTES_MAX = 256 * 1024
const FORBIDDEN = new Set(['__proto__', 'constructor'])

/** The CSV can't be read: no header, a mapped column that is not there, or quotes that do not close. */
export class CsvError extends Error {
  override readonly name = 'CsvError'
}

function setField(event: Record<string, unknown>, path: string, value: unknown): void {
  const [field = '', inner] = path.split('.')
  if (inner === undefined) {
    event[field] = value
    return
  }
  if (FORBIDDEN.has(inner)) return
  const nested = event[field]
  if (typeof nested === 'object' && nested !== null) (nested as Record<string, unknown>)[inner] = value
  else event[field] = { [inner]: value }
}

/** A number as JSON has it; other text stays text, for the validation to refuse. Epoch ms are instants too. */
function numberOrText(text: string): number | string {
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text.trim()) ? Number(text) : text
}

function eventOf(row: Readonly<Record<string, string>>, map: CsvMap, numbers: ReadonlySet<string>): IncomingItem {
  const event: Record<string, unknown> = {}
  for (const [path, value] of Object.entries(map.constants)) setField(event, path, value)
  for (const [column, path] of Object.entries(map.columns)) {
    const text = row[column]
    // An empty cell is an absent field.
    if (text === undefined || text === '') continue
    const isInstant = path === 'occurred_at' || path === 'sent_at'
    setField(event, path, numbers.has(path) || (isInstant && /^\d{9,15}$/.test(text)) ? numberOrText(text) : text)
  }
  return { value: event }
}

/**
 * Items of a CSV with a header line, in batches. A row with more or fewer cells than the header is a fault of that row.
 * @throws CsvError
 */
export async function* readCsvItems(
  source: AsyncIterable<Uint8Array | string>,
  map: CsvMap,
  batchSize: number,
): AsyncGenerator<IncomingItem[]> {
  const parser = parse({
    bom: true,
    delimiter: map.delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_BYTES_MAX,
  })
  const input = Readable.from(source, { objectMode: false })
  input.on('error', (error) => parser.destroy(error))
  input.pipe(parser)
  const numbers = new Set(map.numbers)
  let header: string[] | undefined
  let batch: IncomingItem[] = []
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (!header) {
        header = cells.map((cell) => cell.trim())
        const missing = Object.keys(map.columns).find((column) => !header?.includes(column))
        if (missing !== undefined) throw new CsvError(`there is no column ${JSON.stringify(missing)}; the header has: ${header.join(', ')}`)
        continue
      }
      if (cells.length === header.length)
        batch.push(eventOf(Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ''])), map, numbers))
      else
        batch.push({
          fault: eventFault('event_malformed', '', `The row has ${cells.length} cells, the header ${header.length}.`),
          text: cells.join(map.delimiter),
        })
      if (batch.length >= batchSize) {
        yield batch
        batch = []
      }
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))
      throw new CsvError(error.message, { cause: error })
    throw error
  } finally {
    input.destroy()
    parser.destroy()
  }
  if (!header) throw new CsvError('the file is empty')
  if (batch.length > 0) yield batch
}
