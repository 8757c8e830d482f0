/**
 * Free properties in bytes, as far as the guard of properties (`guard-properties.ts`) would leave them as they are: no
 * name or value that may be personal, nothing that JSON would write in another way.
 */
import { PROPERTIES_BYTES_MAX, PROPERTIES_DEPTH_MAX } from '../../schemas/events.ts'
import { keyVerdict } from '../personal-patterns.ts'
import { equalsBytes, nextNameHash } from './byte-names.ts'
import { FORBIDDEN_KEYS } from './guard-properties.ts'
import { NumberScanner } from './number-scanner.ts'
import { endOfString, mayBePersonal } from './plain-text.ts'

const QUOTE = 34
const COMMA = 44
const MINUS = 45
const COLON = 58
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const LITERALS = ['true', 'false', 'null'].map((literal) => Buffer.from(literal))
/** Of all objects within one another; more go the slow way. */
const NAMES_MAX = 128
const SLOTS = 2048
const KNOWN_MAX = 1024

/** By byte: 1 for what a plain name may hold. A name of digits only would change its place. */
const IN_NAME = new Uint8Array(256)
for (const character of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$-') IN_NAME[character.charCodeAt(0)] = 1

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57

export class PropertyScanner {
  /** Hashes of the names of the objects that are open, to find one that stands twice. */
  readonly #hashes = new Int32Array(NAMES_MAX)
  #names = 0
  readonly #numbers = new NumberScanner()
  /** Names that were found to be harmless, by hash. */
  readonly #known: (Buffer | undefined)[] = new Array<Buffer | undefined>(SLOTS).fill(undefined)
  #knownCount = 0

  /** Position behind the properties that start at `start`, or -1 when they are not plain. */
  scan(bytes: Buffer, start: number, limit: number): number {
    this.#names = 0
    const end = this.#object(bytes, start, limit, 1)
    return end - start <= PROPERTIES_BYTES_MAX ? end : -1
  }

  #object(bytes: Buffer, start: number, limit: number, level: number): number {
    if (level > PROPERTIES_DEPTH_MAX) return -1
    const outer = this.#names
    let at = start + 1
    if (bytes[at] === CLOSE_BRACE) return at + 1
    while (at < limit) {
      at = this.#name(bytes, at, limit, outer)
      if (at < 0 || bytes[at] !== COLON) return -1
      at = this.#value(bytes, at + 1, limit, level + 1)
      if (at < 0) return -1
      const byte = bytes[at]
      at += 1
      if (byte === CLOSE_BRACE) {
        this.#names = outer
        return at
      }
      if (byte !== COMMA) return -1
    }
    return -1
  }

  /** Position behind a name that stands at `start` for the first time since `outer`. */
  #name(bytes: Buffer, start: number, limit: number, outer: number): number {
    if (bytes[start] !== QUOTE || isDigit(bytes[start + 1])) return -1
    let hash = 0
    let at = start + 1
    for (; at < limit && IN_NAME[bytes[at] as number] === 1; at++) hash = nextNameHash(hash, bytes[at] as number)
    if (at === start + 1 || bytes[at] !== QUOTE || this.#names === NAMES_MAX) return -1
    for (let i = outer; i < this.#names; i++) if (this.#hashes[i] === hash) return -1
    this.#hashes[this.#names++] = hash
    return this.#isHarmless(bytes, start + 1, at, hash) ? at + 1 : -1
  }

  #isHarmless(bytes: Buffer, start: number, end: number, hash: number): boolean {
    let slot = hash & (SLOTS - 1)
    for (let known = this.#known[slot]; known !== undefined; known = this.#known[slot]) {
      if (equalsBytes(bytes, start, end, known)) return true
      slot = (slot + 1) & (SLOTS - 1)
    }
    const name = bytes.toString('latin1', start, end)
    if (FORBIDDEN_KEYS.has(name) || keyVerdict(name) !== 'keep') return false
    if (this.#knownCount < KNOWN_MAX) {
      this.#knownCount += 1
      this.#known[slot] = Buffer.from(name)
    }
    return true
  }

  #value(bytes: Buffer, start: number, limit: number, level: number): number {
    const first = bytes[start]
    if (first === QUOTE) {
      const end = endOfString(bytes, start + 1, limit)
      return end < 0 || mayBePersonal(bytes, start + 1, end - 1) ? -1 : end
    }
    if (first === OPEN_BRACE) return this.#object(bytes, start, limit, level)
    if (first === OPEN_BRACKET) return this.#array(bytes, start, limit, level)
    if (isDigit(first)) return this.#numbers.scan(bytes, start)
    if (first === MINUS) {
      const end = this.#numbers.scan(bytes, start + 1)
      // JSON writes the negative zero without its sign.
      return this.#numbers.value === 0 ? -1 : end
    }
    for (const literal of LITERALS) if (equalsBytes(bytes, start, start + literal.length, literal)) return start + literal.length
    return -1
  }

  #array(bytes: Buffer, start: number, limit: number, level: number): number {
    if (level > PROPERTIES_DEPTH_MAX) return -1
    let at = start + 1
    if (bytes[at] === CLOSE_BRACKET) return at + 1
    while (at < limit) {
      at = this.#value(bytes, at, limit, level + 1)
      if (at < 0) return -1
      const byte = bytes[at]
      at += 1
      if (byte === CLOSE_BRACKET) return at
      if (byte !== COMMA) return -1
    }
    return -1
  }
}
