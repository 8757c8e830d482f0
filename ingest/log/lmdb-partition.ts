/** One partition of the embedded log as it stands in LMDB, and the environment that holds all of them. */
import type { Database, RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb'
import { LogCorruptError, type StoredMessage } from '../../schemas/ports/log.ts'
import { batchKey, decodeBatch, firstOffsetOf } from './batch-frame.ts'
import { naming } from './lmdb-file.ts'

const OFFSET_MAX = 2 ** 48 - 1

export type Binary = Database<Buffer, Buffer>

/**
 * Options of the environment in folder `path`: the same for every thread that opens it, as they share it. Without
 * `eventTurnBatching`, because with it LMDB's batch of a turn makes a promise of its own that nobody can catch: a failed
 * write would end the process. Our batches are explicit.
 */
export function environmentOf(path: string): RootDatabaseOptionsWithPath {
  return { path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false, eventTurnBatching: false }
}

/** The database of batches, by (partition, first offset). */
export function openRecords(root: RootDatabase<Buffer, Buffer>): Binary {
  return root.openDB({ name: 'records', encoding: 'binary', keyEncoding: 'binary' })
}

/** Reading side of one partition: finds the batch of an offset and keeps the last one decoded. */
export class PartitionReader {
  readonly #records: Binary
  readonly #partition: number
  #last: StoredMessage[] = []

  constructor(records: Binary, partition: number) {
    this.#records = records
    this.#partition = partition
  }

  /** First offset of the last batch that starts at or before `offset`. */
  batchStart(offset: number): number | undefined {
    const range = {
      start: batchKey(this.#partition, offset),
      end: batchKey(this.#partition, 0),
      inclusiveEnd: true,
      reverse: true,
      limit: 1,
    }
    for (const key of this.#records.getKeys(range)) return firstOffsetOf(key)
    return undefined
  }

  /** First offset that is kept; undefined for an empty partition. */
  start(): number | undefined {
    for (const key of this.#records.getKeys({
      start: batchKey(this.#partition, 0),
      end: batchKey(this.#partition, OFFSET_MAX),
      limit: 1,
    })) {
      return firstOffsetOf(key)
    }
    return undefined
  }

  /** Offset behind the last record on disk. */
  end(): number {
    return this.#naming(undefined, () => this.#end())
  }

  #end(): number {
    const first = this.batchStart(OFFSET_MAX)
    if (first === undefined) return 0
    const frame = this.#records.getBinary(batchKey(this.#partition, first))
    // Decoded whole: appending behind a damaged batch would reuse or skip offsets.
    return first + (frame ? decodeBatch(this.#partition, first, frame).length : 0)
  }

  /** @throws LogCorruptError naming partition and offset. */
  read(offset: number, limit: number, end: number): StoredMessage[] {
    return this.#naming(offset, () => this.#read(offset, limit, end))
  }

  #naming<Result>(offset: number | undefined, work: () => Result): Result {
    const at = offset === undefined ? 'at its end' : `at offset ${offset} or behind it`
    return naming(() => `the log is damaged in partition ${this.#partition} ${at}`, work)
  }

  #read(offset: number, limit: number, end: number): StoredMessage[] {
    const messages: StoredMessage[] = []
    let at = Math.max(offset, this.start() ?? end)
    const stop = Math.min(end, at + limit)
    while (at < stop) {
      const batch = this.#batchWith(at)
      const first = batch[0]?.offset ?? at
      for (let i = at - first; i < batch.length && at < stop; i++, at++) {
        const message = batch[i]
        if (message) messages.push(message)
      }
    }
    return messages
  }

  #batchWith(offset: number): StoredMessage[] {
    const kept = this.#last[0]
    if (kept && kept.offset <= offset && offset < kept.offset + this.#last.length) return this.#last
    const first = this.batchStart(offset)
    // `getBinary` copies out of the map, whose pages the next transaction may reuse; the records are views on the copy.
    const frame = first === undefined ? undefined : this.#records.getBinary(batchKey(this.#partition, first))
    const batch = first === undefined || frame === undefined ? [] : decodeBatch(this.#partition, first, frame)
    if (first === undefined || offset >= first + batch.length) {
      throw new LogCorruptError(`the log is damaged in partition ${this.#partition} at offset ${offset}: the record is missing`)
    }
    this.#last = batch
    return batch
  }
}
