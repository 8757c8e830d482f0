/**
 * Which partition a record goes to. The rule is part of the stored format: the same key must give the same partition in
 * every version and on both logs, so it is Kafka's own (murmur2 of the key's UTF-8 bytes, positive, modulo).
 */

/** Grows only when the rule changes, which means to repartition what is stored. */
export const PARTITIONER_VERSION = 1

const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** MurmurHash2, 32 bit, as `org.apache.kafka.common.utils.Utils.murmur2`; a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, length = bytes.length): number {
  let hash = SEED ^ length
  let at = 0
  for (const last = length - (length & 3); at < last; at += 4) {
    let k = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const rest = length & 3
  if (rest > 2) hash ^= (bytes[at + 2] ?? 0) << 16
  if (rest > 1) hash ^= (bytes[at + 1] ?? 0) << 8
  if (rest > 0) hash = Math.imul(hash ^ (bytes[at] ?? 0), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

const encoder = new TextEncoder()
let scratch = new Uint8Array(1024)

/**
 * Partition of a subject (the actor; where there is none, the event id) of a workspace, 0 to `partitions` - 1. The key is
 * the UTF-8 of workspace, NUL, subject: NUL occurs in neither.
 */
export function partitionOf(workspace: string, subject: string, partitions: number): number {
  if (partitions === 1) return 0
  const key = `${workspace}\u0000${subject}`
  if (scratch.length < key.length * 3) scratch = new Uint8Array(key.length * 3)
  const { written } = encoder.encodeInto(key, scratch)
  return partitionOfKey(scratch, written, partitions)
}

/** The same of a key's bytes, the first `length` of `key`. */
export function partitionOfKey(key: Uint8Array, length: number, partitions: number): number {
  return (murmur2(key, length) & 0x7fffffff) % partitions
}
