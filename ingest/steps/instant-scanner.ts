/** Instants in bytes, in the form that `instant.ts` reads fast. Events come in order: the day is mostly that of the one before. */
import { parseInstantUtc } from './instant.ts'

const DASH = 45
const POINT = 46
const ZERO = 48
const COLON = 58
const T = 84
const Z = 90
const DATE_LENGTH = 10
const SECOND_MS = 1000

/** Two digits as a number; NaN for anything else. */
function pair(bytes: Buffer, at: number): number {
  const tens = (bytes[at] as number) - ZERO
  const ones = (bytes[at + 1] as number) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Reads `2026-01-31T12:00:00.000Z`, with or without the fraction. */
export class InstantScanner {
  /** Bytes of the last date, as two numbers, and the ms of its midnight. */
  #century = -1
  #day = -1
  #dayMs = Number.NaN

  /** Epoch ms of the text from `start` to `end`; NaN when `parseInstantUtc` would not read it. */
  scan(bytes: Buffer, start: number, end: number): number {
    const length = end - start
    if ((length !== 24 && length !== 20) || bytes[end - 1] !== Z || bytes[start + DATE_LENGTH] !== T) return Number.NaN
    if (bytes[start + 4] !== DASH || bytes[start + 7] !== DASH) return Number.NaN
    if (bytes[start + 13] !== COLON || bytes[start + 16] !== COLON) return Number.NaN
    const hour = pair(bytes, start + 11)
    const minute = pair(bytes, start + 14)
    const second = pair(bytes, start + 17)
    if (!(hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN
    let milli = 0
    if (length === 24) {
      const ones = (bytes[start + 22] as number) - ZERO
      if (bytes[start + 19] !== POINT || !(ones >= 0 && ones <= 9)) return Number.NaN
      milli = pair(bytes, start + 20) * 10 + ones
    }
    return this.#midnight(bytes, start) + ((hour * 60 + minute) * 60 + second) * SECOND_MS + milli
  }

  #midnight(bytes: Buffer, start: number): number {
    const century = pair(bytes, start) * 100 + pair(bytes, start + 2)
    const day = pair(bytes, start + 5) * 100 + pair(bytes, start + 8)
    if (century !== this.#century || day !== this.#day) {
      this.#century = century
      this.#day = day
      this.#dayMs = parseInstantUtc(`${bytes.toString('latin1', start, start + DATE_LENGTH)}T00:00:00Z`) ?? Number.NaN
    }
    return this.#dayMs
  }
}
