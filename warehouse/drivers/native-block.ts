/**
 * Rows to ClickHouse's Native format: one block, column after column
 * (https://clickhouse.com/docs/interfaces/formats/Native). Columnar bytes spare the engine the parsing of text, and a
 * column without a value is left out, which most of the many optional fields of an event are.
 */
import type { WarehouseColumn } from '../../schemas/ports/warehouse.ts'

const SHORT_TEXT_MAX = 48
const TWO_POW_32 = 2 ** 32

/** A growing buffer with the few writes that Native needs. */
class BlockBuffer {
  bytes: Buffer
  length = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity)
  }

  reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  varint(value: number): void {
    this.reserve(10)
    let rest = value
    while (rest >= 128) {
      this.bytes[this.length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.length++] = rest
  }

  text(text: string): void {
    const { length } = text
    if (length <= SHORT_TEXT_MAX) {
      this.reserve(1 + length)
      const start = this.length
      const { bytes } = this
      bytes[start] = length
      let index = 0
      for (; index < length; index += 1) {
        const code = text.charCodeAt(index)
        if (code > 127) break
        bytes[start + 1 + index] = code
      }
      if (index === length) {
        this.length = start + 1 + length
        return
      }
    }
    const size = Buffer.byteLength(text, 'utf8')
    this.varint(size)
    this.reserve(size)
    this.length += this.bytes.write(text, this.length, size, 'utf8')
  }

  uint8(value: number): void {
    this.bytes[this.length++] = value
  }

  uint16(value: number): void {
    this.bytes.writeUInt16LE(value, this.length)
    this.length += 2
  }

  uint32(value: number): void {
    this.bytes.writeUInt32LE(value, this.length)
    this.length += 4
  }

  /** A whole number up to 2^53 either side of 0, as two's complement. */
  int64(value: number): void {
    this.bytes.writeUInt32LE(value >>> 0, this.length)
    this.bytes.writeUInt32LE(Math.floor(value / TWO_POW_32) >>> 0, this.length + 4)
    this.length += 8
  }

  float64(value: number): void {
    this.bytes.writeDoubleLE(value, this.length)
    this.length += 8
  }
}

type ScalarType = 'UInt8' | 'UInt16' | 'UInt32' | 'UInt64' | 'Int64' | 'Float64' | 'DateTime64(3)'
interface Scalar {
  readonly size: number
  readonly write: (buffer: BlockBuffer, value: number) => void
}
const SCALARS: Readonly<Record<ScalarType, Scalar>> = {
  UInt8: { size: 1, write: (buffer, value) => buffer.uint8(value) },
  UInt16: { size: 2, write: (buffer, value) => buffer.uint16(value) },
  UInt32: { size: 4, write: (buffer, value) => buffer.uint32(value) },
  UInt64: { size: 8, write: (buffer, value) => buffer.int64(value) },
  Int64: { size: 8, write: (buffer, value) => buffer.int64(value) },
  Float64: { size: 8, write: (buffer, value) => buffer.float64(value) },
  'DateTime64(3)': { size: 8, write: (buffer, value) => buffer.int64(value) },
}

/** Bytes of one column while the rows go by. A Nullable column has its map of nulls first, a Map its ends and keys. */
class ColumnWriter<Row> {
  readonly #column: WarehouseColumn<Row>
  readonly #first: BlockBuffer
  readonly #keys = new BlockBuffer(0)
  readonly #values: BlockBuffer
  #entries = 0
  /** Whether some value is not the column's default. */
  isUsed = false

  constructor(column: WarehouseColumn<Row>, rowCount: number) {
    this.#column = column
    this.#first = new BlockBuffer(column.type.startsWith('Nullable') || column.type.startsWith('Map') ? rowCount : 0)
    this.#values = new BlockBuffer(rowCount * 8)
  }

  get name(): string {
    return this.#column.name
  }

  get type(): string {
    return this.#column.type
  }

  get parts(): Buffer[] {
    return [this.#first, this.#keys, this.#values].map((part) => part.bytes.subarray(0, part.length))
  }

  write(rows: readonly Row[], from: number, to: number): void {
    const column = this.#column
    switch (column.type) {
      case 'String':
        this.#writeText(column.value, rows, from, to)
        return
      case 'Map(String, Int64)':
        this.#writeMaps(column.value, rows, from, to)
        return
      case 'Nullable(UInt16)':
      case 'Nullable(UInt64)':
      case 'Nullable(Int64)':
      case 'Nullable(Float64)':
      case 'Nullable(DateTime64(3))':
        this.#writeNullable(SCALARS[column.type.slice('Nullable('.length, -1) as ScalarType], column.value, rows, from, to)
        return
      default:
        this.#writeNumbers(SCALARS[column.type], column.value, rows, from, to)
    }
  }

  #writeText(read: (row: Row) => string | undefined, rows: readonly Row[], from: number, to: number): void {
    const values = this.#values
    for (let index = from; index < to; index += 1) {
      const text = read(rows[index] as Row)
      if (text === undefined || text === '') {
        values.reserve(1)
        values.uint8(0)
      } else {
        values.text(text)
        this.isUsed = true
      }
    }
  }

  #writeNumbers({ size, write }: Scalar, read: (row: Row) => number, rows: readonly Row[], from: number, to: number): void {
    const values = this.#values
    values.reserve(size * (to - from))
    for (let index = from; index < to; index += 1) {
      const value = read(rows[index] as Row)
      if (value !== 0) this.isUsed = true
      write(values, value)
    }
  }

  #writeNullable(
    { size, write }: Scalar,
    read: (row: Row) => number | null | undefined,
    rows: readonly Row[],
    from: number,
    to: number,
  ): void {
    this.#first.reserve(to - from)
    this.#values.reserve(size * (to - from))
    for (let index = from; index < to; index += 1) {
      const value = read(rows[index] as Row) ?? null
      if (value !== null) this.isUsed = true
      this.#first.uint8(value === null ? 1 : 0)
      write(this.#values, value ?? 0)
    }
  }

  #writeMaps(read: (row: Row) => Readonly<Record<string, number>>, rows: readonly Row[], from: number, to: number): void {
    this.#first.reserve(8 * (to - from))
    for (let index = from; index < to; index += 1) {
      for (const [key, value] of Object.entries(read(rows[index] as Row))) {
        this.isUsed = true
        this.#entries += 1
        this.#keys.text(key)
        this.#values.reserve(8)
        this.#values.int64(value)
      }
      this.#first.int64(this.#entries)
    }
  }
}

/** Rows that are taken through all columns before the next: few enough to stay in the processor's cache. */
const ROWS_AT_ONCE = 128

/**
 * One Native block of the rows, and the names of the columns in it. Columns that hold only defaults are left out,
 * except the first, so that a block is never without a column. At most 127 columns.
 */
export function encodeNativeBlock<Row>(columns: readonly WarehouseColumn<Row>[], rows: readonly Row[]): { bytes: Buffer; names: string[] } {
  const writers = columns.map((column) => new ColumnWriter(column, rows.length))
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const to = Math.min(rows.length, from + ROWS_AT_ONCE)
    for (const writer of writers) writer.write(rows, from, to)
  }
  const used = writers.filter((writer, index) => writer.isUsed || index === 0)
  if (used.length > 127) throw new RangeError('a Native block has at most 127 columns')
  const head = new BlockBuffer(16)
  head.varint(used.length)
  head.varint(rows.length)
  const parts = [head.bytes.subarray(0, head.length)]
  for (const writer of used) {
    const title = new BlockBuffer(64)
    title.text(writer.name)
    title.text(writer.type)
    parts.push(title.bytes.subarray(0, title.length), ...writer.parts)
  }
  return { bytes: Buffer.concat(parts), names: used.map((writer) => writer.name) }
}
