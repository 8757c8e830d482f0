/**
 * A batch of one partition as one stored value: version, count and CRC32, then each record behind its length.
 * Position and checksum go together, so that a value under the wrong key is found as well as a flipped bit.
 */
import { crc32 } from 'node:zlib'
import { LogCorruptError, type StoredMessage } from '../../schemas/ports/log.ts'

const FRAME_VERSION = 1
const HEADER_BYTES = 12
const LENGTH_BYTES = 4

/** A single record above this is a bug of the caller: the pipeline caps events far below. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024

/** Big-endian (partition: 2 bytes, first offset: 6 bytes), so that byte order is log order. */
export function batchKey(partition: number, firstOffset: number): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt16BE(partition, 0)
  key.writeUIntBE(firstOffset, 2, 6)
  return key
}

/** First offset that a key of `batchKey` names. */
export function firstOffsetOf(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUIntBE(2, 6)
}

function checksum(frame: Buffer, key: Buffer): number {
  return crc32(frame.subarray(HEADER_BYTES), crc32(key, crc32(frame.subarray(0, 8))))
}

/** The stored form of consecutive records of one partition. */
export function encodeBatch(key: Buffer, values: readonly Uint8Array[]): Buffer {
  let bytes = HEADER_BYTES
  for (const value of values) bytes += LENGTH_BYTES + value.byteLength
  const frame = Buffer.allocUnsafeSlow(bytes)
  frame.writeUInt32LE(FRAME_VERSION, 0)
  frame.writeUInt32LE(values.length, 4)
  let at = HEADER_BYTES
  for (const value of values) {
    frame.writeUInt32LE(value.byteLength, at)
    frame.set(value, at + LENGTH_BYTES)
    at += LENGTH_BYTES + value.byteLength
  }
  frame.writeUInt32LE(checksum(frame, key), 8)
  return frame
}

/**
 * The records of a stored batch, as views on `frame` (no copies).
 * @throws LogCorruptError naming partition and offset when anything does not add up.
 */
export function decodeBatch(partition: number, firstOffset: number, frame: Buffer): StoredMessage[] {
  const damaged = (what: string, offset = firstOffset) =>
    new LogCorruptError(`the log is damaged in partition ${partition} at offset ${offset}: ${what}`)
  if (frame.byteLength < HEADER_BYTES) throw damaged('the batch is cut short')
  const version = frame.readUInt32LE(0)
  if (version !== FRAME_VERSION) throw damaged(`batch format ${version} is not known`)
  if (frame.readUInt32LE(8) !== checksum(frame, batchKey(partition, firstOffset))) throw damaged('the checksum does not match')
  const count = frame.readUInt32LE(4)
  const messages: StoredMessage[] = []
  let at = HEADER_BYTES
  for (let i = 0; i < count; i++) {
    const offset = firstOffset + i
    if (at + LENGTH_BYTES > frame.byteLength) throw damaged('the batch is cut short', offset)
    const end = at + LENGTH_BYTES + frame.readUInt32LE(at)
    if (end > frame.byteLength) throw damaged('the record is cut short', offset)
    messages.push({ partition, offset, value: frame.subarray(at + LENGTH_BYTES, end) })
    at = end
  }
  if (at !== frame.byteLength) throw damaged('bytes follow the last record')
  return messages
}
