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
const SCALARS: Record<ScalarType, { size: number; write: (buffer: BlockBuffer, value: number) => void }> = {
  UInt8: { size: 1, write: (buffer, value) => buffer.uint8(value) },
  UInt16: { size: 2, write: (buffer, value) => buffer.uint16(value) },
  UInt32: { size: 4, write: (buffer, value) => buffer.uint32(value) },
  UInt64: { size: 8, write: (buffer, value) => buffer.int64(value) },
  Int64: { size: 8, write: (buffer, value) => buffer.int64(value) },
  Float64: { size: 8, write: (buffer, value) => buffer.float64(value) },
  'DateTime64(3)': { size: 8, write: (buffer, value) => buffer.int64(value) },
}

/** Writes the values of one column; returns false when all of them are the column's default. */
function writeValues<Row>(buffer: BlockBuffer, column: WarehouseColumn<Row>, rows: readonly Row[]): boolean {
  switch (column.type) {
    case 'String': {
      let isUsed = false
      for (const row of rows) {
        const text = column.value(row)
        if (text === undefined || text === '') {
          buffer.reserve(1)
          buffer.uint8(0)
        } else {
          buffer.text(text)
          isUsed = true
        }
      }
      return isUsed
    }
    case 'Map(String, Int64)': {
      const entries = rows.map((row) => Object.entries(column.value(row)))
      buffer.reserve(8 * rows.length)
      let end = 0
      for (const pairs of entries) {
        end += pairs.length
        buffer.int64(end)
      }
      for (const pairs of entries) for (const [key] of pairs) buffer.text(key)
      buffer.reserve(8 * end)
      for (const pairs of entries) for (const [, value] of pairs) buffer.int64(value)
      return end > 0
    }
    case 'Nullable(UInt16)':
    case 'Nullable(UInt64)':
    case 'Nullable(Int64)':
    case 'Nullable(Float64)':
    case 'Nullable(DateTime64(3))': {
      const { size, write } = SCALARS[column.type.slice('Nullable('.length, -1) as ScalarType]
      const values = rows.map((row) => column.value(row) ?? null)
      buffer.reserve((size + 1) * rows.length)
      for (const value of values) buffer.uint8(value === null ? 1 : 0)
      for (const value of values) write(buffer, value ?? 0)
      return values.some((value) => value !== null)
    }
    default: {
      const { size, write } = SCALARS[column.type]
      buffer.reserve(size * rows.length)
      let isUsed = false
      for (const row of rows) {
        const value = column.value(row)
        if (value !== 0) isUsed = true
        write(buffer, value)
      }
      return isUsed
    }
  }
}

/**
 * One Native block of the rows, and the names of the columns in it. Columns that hold only defaults are left out,
 * except the first, so that a block is never without a column. At most 127 columns.
 */
export function encodeNativeBlock<Row>(columns: readonly WarehouseColumn<Row>[], rows: readonly Row[]): { bytes: Buffer; names: string[] } {
  const buffer = new BlockBuffer(1024 + rows.length * 192)
  buffer.reserve(1)
  buffer.uint8(0)
  buffer.varint(rows.length)
  const names: string[] = []
  for (const [index, column] of columns.entries()) {
    const start = buffer.length
    buffer.text(column.name)
    buffer.text(column.type)
    if (writeValues(buffer, column, rows) || index === 0) names.push(column.name)
    else buffer.length = start
  }
  if (names.length > 127) throw new RangeError('a Native block has at most 127 columns')
  buffer.bytes[0] = names.length
  return { bytes: buffer.bytes.subarray(0, buffer.length), names }
}
