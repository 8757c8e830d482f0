/**
 * The durable side of the event id index: companions of the log, written in the transaction of the append that brought
 * the ids. A segment holds 12 bytes an id under the key (hour, number); it is written again, longer, by each small
 * commit until it fills a disk page, so that millions of small requests do not leave millions of keys.
 */
import { crc32 } from 'node:zlib'
import type { CompanionLog, CompanionWrite } from '../log/companions.ts'
import { EventIdIndex } from './event-id-index.ts'

const PREFIX = Buffer.from('event-ids/')
const SEED_KEY = Buffer.from('event-id-seed')
export const SEED_BYTES = 16
const ID_BYTES = 12
const CHECKSUM_BYTES = 4
/** A segment of this size or more gets no further ids. One page of LMDB less its own header. */
const SEGMENT_BYTES = 3_900
/** Expired segments removed by one commit, so that none of them becomes long. */
const DROPS_MAX = 500

function segmentKey(hour: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX.length + 8)
  PREFIX.copy(key)
  key.writeUInt32BE(hour, PREFIX.length)
  key.writeUInt32BE(number, PREFIX.length + 4)
  return key
}

/** The segment that still takes ids. */
interface OpenSegment {
  readonly hour: number
  readonly number: number
  readonly ids: Buffer
}

/** What holds once the commit that is being written is durable. */
interface PreparedState {
  readonly open: OpenSegment | undefined
  readonly segments: readonly [number, number][]
  readonly dropped: readonly [number, number][]
}

export class EventIdJournal {
  readonly #horizonHours: number
  /** Numbers of the segments of each hour: 0 to this - 1. */
  readonly #segments: Map<number, number>
  #open: OpenSegment | undefined
  #pending: PreparedState | undefined

  private constructor(horizonHours: number, segments: Map<number, number>) {
    this.#horizonHours = horizonHours
    this.#segments = segments
  }

  /**
   * The journal, and an index of the ids that the log's companions hold.
   * @throws Error when a segment is damaged: duplicates could be counted twice.
   */
  static load(log: CompanionLog, horizonHours: number, nowHour: number): { journal: EventIdJournal; index: EventIdIndex } {
    const segments = new Map<number, number>()
    // The table gets its size at once: grown as ids come, it would be made anew a dozen times.
    let bytesTotal = 0
    for (const { value } of log.companions(PREFIX)) bytesTotal += value.length
    const index = EventIdIndex.withRoom(horizonHours, Math.floor(bytesTotal / ID_BYTES))
    for (const { key, value } of log.companions(PREFIX)) {
      const name = Buffer.from(key)
      const hour = name.readUInt32BE(PREFIX.length)
      const number = name.readUInt32BE(PREFIX.length + 4)
      segments.set(hour, Math.max(segments.get(hour) ?? 0, number + 1))
      if (nowHour - hour > horizonHours) continue
      const bytes = Buffer.from(value)
      const ids = bytes.subarray(CHECKSUM_BYTES)
      if (bytes.length < CHECKSUM_BYTES || ids.length % ID_BYTES !== 0 || bytes.readUInt32LE(0) !== crc32(ids, crc32(name))) {
        throw new Error(`the event id index of the log is damaged in segment ${hour}/${number}`)
      }
      for (let at = 0; at < ids.length; at += ID_BYTES) {
        index.claim(ids.readUInt32LE(at), ids.readUInt32LE(at + 4), ids.readUInt32LE(at + 8), hour)
      }
    }
    return { journal: new EventIdJournal(horizonHours, segments), index }
  }

  /** What a commit has to write so that `ids` (three words each) are known after a restart. */
  prepare(ids: Uint32Array, hour: number): CompanionWrite[] {
    const writes: CompanionWrite[] = []
    const segments: [number, number][] = []
    let open = this.#open
    if (ids.length > 0) {
      const continued = open && open.hour === hour && open.ids.length < SEGMENT_BYTES ? open : undefined
      const number = continued?.number ?? this.#segments.get(hour) ?? 0
      const added = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)
      open = { hour, number, ids: continued ? Buffer.concat([continued.ids, added]) : Buffer.from(added) }
      segments.push([hour, number + 1])
      const key = segmentKey(hour, number)
      const value = Buffer.allocUnsafeSlow(CHECKSUM_BYTES + open.ids.length)
      open.ids.copy(value, CHECKSUM_BYTES)
      value.writeUInt32LE(crc32(open.ids, crc32(key)), 0)
      writes.push({ key, value })
    }
    const dropped = this.#expired(hour, writes)
    this.#pending = { open, segments, dropped }
    return writes
  }

  #expired(hour: number, writes: CompanionWrite[]): [number, number][] {
    const dropped: [number, number][] = []
    let drops = 0
    for (const [old, count] of this.#segments) {
      if (hour - old <= this.#horizonHours) continue
      let left = count
      while (left > 0 && drops < DROPS_MAX) {
        left -= 1
        drops += 1
        writes.push({ key: segmentKey(old, left), value: undefined })
      }
      dropped.push([old, left])
      if (drops === DROPS_MAX) break
    }
    return dropped
  }

  /** The commit of the last `prepare` is durable. */
  committed(): void {
    if (!this.#pending) return
    this.#open = this.#pending.open
    for (const [hour, count] of this.#pending.segments) this.#segments.set(hour, count)
    for (const [hour, left] of this.#pending.dropped) {
      if (left === 0) this.#segments.delete(hour)
      else this.#segments.set(hour, left)
    }
    this.#pending = undefined
  }

  /** The commit of the last `prepare` failed: nothing of it stands. */
  failed(): void {
    this.#pending = undefined
  }
}

/** The seed of the installation's event id hashes; made by `randomBytes` at the first start and kept in the log. */
export async function eventIdSeed(log: CompanionLog, randomBytes: (length: number) => Uint8Array): Promise<Uint8Array> {
  for (const { value } of log.companions(SEED_KEY)) return value
  const seed = randomBytes(SEED_BYTES)
  await log.append([], [{ key: SEED_KEY, value: seed }])
  return seed
}
