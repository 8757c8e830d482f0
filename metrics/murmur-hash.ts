/**
 * MurmurHash3_x86_32 with seed 0 (Austin Appleby, "MurmurHash3.cpp", public domain): `murmurHash3_32` of ClickHouse, so
 * that SQL can find the same arm again.
 */

/** Hash of the bytes as an unsigned integer of 32 bits. */
export function murmurHash3(bytes: Uint8Array): number {
  const blocksEnd = bytes.length & ~3
  let hash = 0
  for (let at = 0; at < blocksEnd; at += 4) {
    hash ^= scrambled(byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= blocksEnd; at -= 1) tail = (tail << 8) | byte(bytes, at)
  hash ^= scrambled(tail) ^ bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

/** A block before it enters the hash; 0 stays 0, so that an empty tail changes nothing. */
function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51)
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
}
