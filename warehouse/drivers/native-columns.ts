/**
 * Columns of ClickHouse's Native format while rows go by
 * (https://clickhouse.com/docs/interfaces/formats/Native). Values are put by the number of their row, in ascending order;
 * what is not put is the column's default, so that the many fields that an event has not cost nothing. A column without a
 * value takes no memory and is left out of its block.
 */

const SHORT_TEXT_MAX = 48
const TWO_POW_32 = 2 ** 32
/** Bytes of UTF-8 that one UTF-16 code unit can take. */
const UTF8_BYTES_MAX = 3

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1
  return size
}

/** A growing buffer of texts and lengths, each behind the one before. */
export class TextBytes {
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

  /** The length in bytes and UTF-8. Short ASCII, which nearly all texts are, goes without a call out of JavaScript. */
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
    this.#encoded(text)
  }

  #encoded(text: string): void {
    const guess = varintSize(text.length)
    this.reserve(10 + text.length * UTF8_BYTES_MAX)
    const start = this.length
    const size = this.bytes.write(text, start + guess, 'utf8')
    const width = varintSize(size)
    if (width !== guess) this.bytes.copyWithin(start + width, start + guess, start + guess + size)
    this.varint(size)
    this.length += size
  }

  /** As many empty texts. */
  empty(count: number): void {
    if (count === 0) return
    this.reserve(count)
    this.bytes.fill(0, this.length, this.length + count)
    this.length += count
  }

  get written(): Buffer {
    return this.bytes.subarray(0, this.length)
  }
}

/** A column of a block: `name`, its type in the block, whether some value is not the default, and its bytes at the end. */
export interface NativeColumn {
  readonly name: string
  readonly type: string
  readonly isUsed: boolean
  /** Called once, after the last value. */
  parts(): Buffer[]
}

/** `String`: texts that differ from row to row. */
export class TextColumn implements NativeColumn {
  readonly name: string
  readonly type = 'String'
  readonly #rowCount: number
  #texts: TextBytes | undefined
  #nextRow = 0

  constructor(name: string, rowCount: number) {
    this.name = name
    this.#rowCount = rowCount
  }

  get isUsed(): boolean {
    return this.#texts !== undefined
  }

  put(row: number, text: string | undefined): void {
    if (text === undefined || text === '') return
    this.#texts ??= new TextBytes(this.#rowCount * 8)
    const texts = this.#texts
    if (row > this.#nextRow) texts.empty(row - this.#nextRow)
    texts.text(text)
    this.#nextRow = row + 1
  }

  parts(): Buffer[] {
    const texts = this.#texts ?? new TextBytes(this.#rowCount)
    texts.empty(this.#rowCount - this.#nextRow)
    return [texts.written]
  }
}

/** Version of the dictionary's form, and how it is kept: beside the rows of its block, with keys of its own. */
const DICTIONARY_VERSION = 1
const DICTIONARY_FLAGS = 0x600

/** `LowCardinality(String)`: few texts that come again and again, each encoded once and then a number. */
export class RepeatedTextColumn implements NativeColumn {
  readonly name: string
  readonly type = 'LowCardinality(String)'
  readonly #rowCount: number
  readonly #numbers = new Map<string, number>()
  #rows: Uint32Array | undefined
  #last: string | undefined
  #lastNumber = 0

  constructor(name: string, rowCount: number) {
    this.name = name
    this.#rowCount = rowCount
  }

  get isUsed(): boolean {
    return this.#rows !== undefined
  }

  put(row: number, text: string | undefined): void {
    if (text === undefined || text === '') return
    this.#rows ??= new Uint32Array(this.#rowCount)
    if (text !== this.#last) {
      this.#lastNumber = this.#numberOf(text)
      this.#last = text
    }
    this.#rows[row] = this.#lastNumber
  }

  /** Number 0 is the default. */
  #numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#numbers.size + 1
    this.#numbers.set(text, number)
    return number
  }

  parts(): Buffer[] {
    const texts = new TextBytes(64)
    texts.empty(1)
    for (const text of this.#numbers.keys()) texts.text(text)
    const size = this.#numbers.size + 1
    // 0, 1, 2: numbers of one, two, four bytes.
    const width = size <= 0x100 ? 0 : size <= 0x1_0000 ? 1 : 2
    const rows = this.#rows ?? new Uint32Array(this.#rowCount)
    return [int64Bytes(DICTIONARY_VERSION, DICTIONARY_FLAGS + width, size), texts.written, int64Bytes(rows.length), narrowed(rows, width)]
  }
}

function int64Bytes(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 8 * index)
  return bytes
}

function narrowed(numbers: Uint32Array, width: number): Buffer {
  const bytes = Buffer.allocUnsafe(numbers.length << width)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let row = 0; row < numbers.length; row += 1) {
    const number = numbers[row] as number
    if (width === 0) bytes[row] = number
    else if (width === 1) view.setUint16(row * 2, number, true)
    else view.setUint32(row * 4, number, true)
  }
  return bytes
}

/** What a column of numbers can hold, by its bytes. A whole number of eight bytes is up to 2^53 either side of 0. */
const WIDTHS = { UInt8: 1, UInt16: 2, UInt32: 4, UInt64: 8, Int64: 8, Float64: 8, 'DateTime64(3)': 8 } as const
export type NumberType = keyof typeof WIDTHS

/** Numbers of one type at their rows, zero where none was put. */
class NumberBytes {
  readonly bytes: Buffer
  readonly #view: DataView
  readonly #form: 1 | 2 | 4 | 8 | 'float'

  constructor(type: NumberType, rowCount: number) {
    this.#form = type === 'Float64' ? 'float' : WIDTHS[type]
    this.bytes = Buffer.alloc(WIDTHS[type] * rowCount)
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }

  put(row: number, value: number): void {
    const view = this.#view
    switch (this.#form) {
      case 8:
        view.setUint32(row * 8, value >>> 0, true)
        view.setUint32(row * 8 + 4, Math.floor(value / TWO_POW_32) >>> 0, true)
        return
      case 4:
        view.setUint32(row * 4, value, true)
        return
      case 2:
        view.setUint16(row * 2, value, true)
        return
      case 1:
        view.setUint8(row, value)
        return
      default:
        view.setFloat64(row * 8, value, true)
    }
  }
}

/** Whole numbers, Float64 or instants (epoch ms). */
export class NumberColumn implements NativeColumn {
  readonly name: string
  readonly type: NumberType
  readonly #rowCount: number
  #numbers: NumberBytes | undefined

  constructor(name: string, type: NumberType, rowCount: number) {
    this.name = name
    this.type = type
    this.#rowCount = rowCount
  }

  get isUsed(): boolean {
    return this.#numbers !== undefined
  }

  put(row: number, value: number): void {
    if (value === 0) return
    this.#numbers ??= new NumberBytes(this.type, this.#rowCount)
    this.#numbers.put(row, value)
  }

  parts(): Buffer[] {
    return [(this.#numbers ?? new NumberBytes(this.type, this.#rowCount)).bytes]
  }
}

/** `Nullable(...)` of a number: NULL where none was put. */
export class NullableColumn implements NativeColumn {
  readonly name: string
  readonly type: `Nullable(${NumberType})`
  readonly #of: NumberType
  readonly #rowCount: number
  #isNull: Buffer | undefined
  #numbers: NumberBytes | undefined

  constructor(name: string, of: NumberType, rowCount: number) {
    this.name = name
    this.type = `Nullable(${of})`
    this.#of = of
    this.#rowCount = rowCount
  }

  get isUsed(): boolean {
    return this.#isNull !== undefined
  }

  put(row: number, value: number | null | undefined): void {
    if (value === undefined || value === null) return
    this.#isNull ??= Buffer.alloc(this.#rowCount, 1)
    this.#isNull[row] = 0
    this.#numbers ??= new NumberBytes(this.#of, this.#rowCount)
    this.#numbers.put(row, value)
  }

  parts(): Buffer[] {
    const numbers = this.#numbers ?? new NumberBytes(this.#of, this.#rowCount)
    return [this.#isNull ?? Buffer.alloc(this.#rowCount, 1), numbers.bytes]
  }
}

/** `Map(String, Int64)`: where each row's entries end, then all keys, then all values. */
export class MapColumn implements NativeColumn {
  readonly name: string
  readonly type = 'Map(String, Int64)'
  readonly #rowCount: number
  readonly #ends: number[] = []
  readonly #keys = new TextBytes(0)
  readonly #values: number[] = []

  constructor(name: string, rowCount: number) {
    this.name = name
    this.#rowCount = rowCount
  }

  get isUsed(): boolean {
    return this.#values.length > 0
  }

  put(row: number, entries: Readonly<Record<string, number>>): void {
    const before = this.#values.length
    for (const key in entries) {
      if (!Object.hasOwn(entries, key)) continue
      if (this.#values.length === before) this.#endUntil(row)
      this.#keys.text(key)
      this.#values.push(entries[key] as number)
    }
    if (this.#values.length > before) this.#ends.push(this.#values.length)
  }

  /** Rows before this one that had no entries end where the last one with some did. */
  #endUntil(row: number): void {
    while (this.#ends.length < row) this.#ends.push(this.#ends.at(-1) ?? 0)
  }

  parts(): Buffer[] {
    const entries = this.#values.length
    while (this.#ends.length < this.#rowCount) this.#ends.push(entries)
    return [int64sOf(this.#ends), this.#keys.written, int64sOf(this.#values)]
  }
}

function int64sOf(values: readonly number[]): Buffer {
  const numbers = new NumberBytes('Int64', values.length)
  for (let row = 0; row < values.length; row += 1) numbers.put(row, values[row] as number)
  return numbers.bytes
}
