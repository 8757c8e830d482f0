/**
 * Records on their way to the log, of one request or one part of an import: their bytes one behind the other in one
 * buffer, and in columns what a commit has to know of each, so that an event costs no object before it is appended.
 */
import type { LogMessage } from '../schemas/ports/log.ts'
import type { DedupeStep, EventKey } from './dedupe/dedupe-step.ts'

const BYTES_MIN = 512
/** Of a character in UTF-16, in UTF-8. */
const BYTES_PER_UNIT_MAX = 3
/** Columns of a record: where it ends, its partition, whether it has a key, and the three words of that. */
const STRIDE = 6

export class RecordBatch {
  #bytes: Buffer
  #length = 0
  /** One array for all columns: most batches are of one record. */
  readonly #columns: number[] = []
  /** By record; few have any. */
  #alsoKeys: Map<number, EventKey> | undefined

  /** `expectedBytes`: of all records; more is possible. */
  constructor(expectedBytes = 0) {
    // Small ones out of the pool, which large ones would keep alive.
    this.#bytes = expectedBytes <= BYTES_MIN ? Buffer.allocUnsafe(BYTES_MIN) : Buffer.allocUnsafeSlow(expectedBytes)
  }

  /** How many records. */
  get size(): number {
    return this.#columns.length / STRIDE
  }

  /** Bytes of all records, and where the next one starts. */
  get byteLength(): number {
    return this.#length
  }

  /** The buffer, with room for a record of at most `bytes` from `byteLength` on. */
  roomFor(bytes: number): Buffer {
    const needed = this.#length + bytes
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    return this.#bytes
  }

  /** Adds the record that was written from `byteLength` to `end`. Without a key it is stored whatever was before. */
  add(end: number, partition: number, key: EventKey | undefined): void {
    if (key) this.#columns.push(end, partition, 1, key.h0, key.h1, key.h2)
    else this.#columns.push(end, partition, 0, 0, 0, 0)
    this.#length = end
  }

  /** Adds a record given as text. `alsoKey` is marked as taken together with `key`, but makes no duplicate of the record. */
  addText(text: string, partition: number, key?: EventKey, alsoKey?: EventKey): void {
    const written = this.roomFor(text.length * BYTES_PER_UNIT_MAX).write(text, this.#length)
    if (alsoKey) {
      this.#alsoKeys ??= new Map()
      this.#alsoKeys.set(this.size, alsoKey)
    }
    this.add(this.#length + written, partition, key)
  }

  /** Claims the keys of a record; false when it is a duplicate. */
  claim(record: number, dedupe: Pick<DedupeStep, 'claim' | 'claimWords'>): boolean {
    const columns = this.#columns
    const at = record * STRIDE
    if (columns[at + 2] === 1 && !dedupe.claimWords(columns[at + 3] ?? 0, columns[at + 4] ?? 0, columns[at + 5] ?? 0)) return false
    const alsoKey = this.#alsoKeys?.get(record)
    if (alsoKey) dedupe.claim(alsoKey)
    return true
  }

  /** A record as a message of the log: a view on the batch, not a copy. */
  message(record: number): LogMessage {
    const at = record * STRIDE
    const start = record === 0 ? 0 : (this.#columns[at - STRIDE] ?? 0)
    const end = this.#columns[at] ?? 0
    const { buffer, byteOffset } = this.#bytes
    return { partition: this.#columns[at + 1] ?? 0, value: new Uint8Array(buffer, byteOffset + start, end - start) }
  }
}
