/** Text of JSON strings in bytes: where it ends, and what it can't hold. */

const SPACE = 32
const QUOTE = 34
const PERCENT = 37
const PLUS = 43
const POINT = 46
const ZERO = 48
const COLON = 58
const AT_SIGN = 64
const BACKSLASH = 92
const ASCII_END = 128
/** Shorter and longer text is no address of a machine and no phone number (`looksPersonal`). */
const PERSONAL_MIN = 3
const PERSONAL_MAX = 64

/** Position behind the quote that ends a string, whose text starts at `start`; -1 when it has escapes or control characters. */
export function endOfString(bytes: Buffer, start: number, limit: number): number {
  for (let at = start; at < limit; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) return at + 1
    if (byte < SPACE || byte === BACKSLASH) return -1
  }
  return -1
}

/** Whether text is ASCII without capitals. */
export function isLowerCase(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= ASCII_END || (byte >= 65 && byte <= 90)) return false
  }
  return true
}

/** Whether an e-mail address may stand in text: it would have an @, plain or as %40. */
export function mayHoldAddress(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === AT_SIGN || bytes[at] === PERCENT) return true
  return false
}

/** By byte: 1 for what an IP address may be written with. White space of Unicode is not ASCII. */
const IN_IP = new Uint8Array(256).fill(1, ASCII_END)
for (const character of '0123456789abcdefABCDEF:.[] ') IN_IP[character.charCodeAt(0)] = 1

/** Whether text may be or hold personal data, as `personal-patterns.ts` finds it. In doubt it may. */
export function mayBePersonal(bytes: Buffer, start: number, end: number): boolean {
  if (mayHoldAddress(bytes, start, end)) return true
  // In bytes, which are at least as many as the characters.
  if (end - start < PERSONAL_MIN || end - start > 3 * PERSONAL_MAX) return false
  const first = bytes[start] as number
  if (first === PLUS || first === ZERO || first <= SPACE || first >= ASCII_END) return true
  let isIp = true
  let hasSign = false
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (IN_IP[byte] === 0) isIp = false
    if (byte === POINT || byte === COLON) hasSign = true
  }
  return isIp && hasSign
}
