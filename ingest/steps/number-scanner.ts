/** Numbers of JSON in bytes, as far as `JSON.stringify` would write them with the same characters. */

const POINT = 46
const ZERO = 48
/** Integers of as many digits are exact, and so are their quotients by a power of ten up to 22 (Clinger 1990). */
const DIGITS_MAX = 15
/** Smaller numbers are written with an exponent. */
const LEADING_FRACTION_MAX = 6

/** Reads a number; `value` and `isInteger` are of the last one that was read. */
export class NumberScanner {
  value = 0
  isInteger = true

  /**
   * Position behind the number that starts at `start`, or -1 when it is none or would be written in another way: with a
   * sign, an exponent, more than 15 digits, zeros that say nothing. What follows it is for the caller to look at.
   */
  scan(bytes: Buffer, start: number): number {
    let at = start
    let digits = 0
    for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
      digits = digits * 10 + digit
      at += 1
      if (at - start > DIGITS_MAX) return -1
    }
    const whole = at - start
    if (whole === 0 || (whole > 1 && bytes[start] === ZERO)) return -1
    this.isInteger = bytes[at] !== POINT
    this.value = digits
    if (this.isInteger) return at

    at += 1
    const fraction = at
    for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
      digits = digits * 10 + digit
      at += 1
      if (at - fraction + whole > DIGITS_MAX) return -1
    }
    const places = at - fraction
    if (places === 0 || bytes[at - 1] === ZERO) return -1
    if (bytes[start] === ZERO && places > LEADING_FRACTION_MAX) return -1
    this.value = digits / 10 ** places
    return at
  }
}

/** The digit at a place, or -1. */
function digitAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9 ? byte - ZERO : -1
}
