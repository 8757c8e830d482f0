/**
 * Rows to a block of ClickHouse's Native format. Columnar bytes spare the engine the parsing of text, and a column without
 * a value is left out, which most of the many optional fields of an event are.
 */
import type { NativeBlock, WarehouseColumn } from '../../schemas/ports/warehouse.ts'
import {
  MapColumn,
  type NativeColumn,
  NullableColumn,
  NumberColumn,
  type NumberType,
  RepeatedTextColumn,
  TextBytes,
  TextColumn,
} from './native-columns.ts'

/**
 * The block of columns that were filled. Columns that hold only defaults are left out, except the first, so that a block is
 * never without a column. Throws a RangeError for more than 127 columns.
 */
export function nativeBlock(columns: readonly NativeColumn[], rowCount: number): NativeBlock {
  const used = columns.filter((column, index) => column.isUsed || index === 0)
  if (used.length > 127) throw new RangeError('a Native block has at most 127 columns')
  const head = new TextBytes(16)
  head.varint(used.length)
  head.varint(rowCount)
  const parts = [head.written]
  for (const column of used) {
    const title = new TextBytes(64)
    title.text(column.name)
    title.text(column.type)
    parts.push(title.written, ...column.parts())
  }
  return { bytes: Buffer.concat(parts), names: used.map((column) => column.name) }
}

/** Rows that are taken through all columns before the next: few enough to stay in the processor's cache. */
const ROWS_AT_ONCE = 128

interface Filling<Row> {
  readonly column: NativeColumn
  readonly fill: (rows: readonly Row[], from: number, to: number) => void
}

function filled<Row, Value>(column: NativeColumn & { put(row: number, value: Value): void }, value: (row: Row) => Value): Filling<Row> {
  return {
    column,
    fill(rows, from, to) {
      for (let row = from; row < to; row += 1) column.put(row, value(rows[row] as Row))
    },
  }
}

function fillingOf<Row>(column: WarehouseColumn<Row>, rowCount: number): Filling<Row> {
  const { name } = column
  switch (column.type) {
    case 'String':
      return filled(new TextColumn(name, rowCount), column.value)
    case 'LowCardinality(String)':
      return filled(new RepeatedTextColumn(name, rowCount), column.value)
    case 'Map(String, Int64)':
      return filled(new MapColumn(name, rowCount), column.value)
    case 'Nullable(UInt16)':
    case 'Nullable(UInt64)':
    case 'Nullable(Int64)':
    case 'Nullable(Float64)':
    case 'Nullable(DateTime64(3))':
      return filled(new NullableColumn(name, column.type.slice('Nullable('.length, -1) as NumberType, rowCount), column.value)
    default:
      return filled(new NumberColumn(name, column.type, rowCount), column.value)
  }
}

/** One Native block of the rows, by what the columns take from each. */
export function encodeNativeBlock<Row>(columns: readonly WarehouseColumn<Row>[], rows: readonly Row[]): NativeBlock {
  const fillings = columns.map((column) => fillingOf(column, rows.length))
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const to = Math.min(rows.length, from + ROWS_AT_ONCE)
    for (const { fill } of fillings) fill(rows, from, to)
  }
  return nativeBlock(
    fillings.map(({ column }) => column),
    rows.length,
  )
}
