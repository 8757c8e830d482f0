/** Names in bytes: told apart by a hash, and compared. */

/** Whether bytes from `start` to `end` are those of `text`. */
export function equalsBytes(bytes: Buffer, start: number, end: number, text: Buffer): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false
  return true
}

/** One step of the hash of a name, from 0 over all its bytes. */
export function nextNameHash(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0
}
