/**
 * The common event, read from its bytes in one pass: no strings, no objects, nothing parsed that is only stored. What is
 * plain here gives the very record that parsing, validating and writing JSON would give; everything else (escapes in
 * strings, unknown and repeated fields, personal data, odd numbers, anything invalid) is refused and goes the slow way,
 * which alone says what is wrong. A property test holds the two ways together.
 */
import {
  ACTOR_ID,
  AMOUNT_MINOR,
  CURRENCY,
  EVENT_ID,
  FIELDS,
  fieldAt,
  KIND,
  OCCURRED_AT,
  type PlainRule,
  PROPERTIES,
  plainTypeAt,
  SENT_AT,
  TYPE,
} from './plain-fields.ts'
import { equalsBytes, nextNameHash } from './byte-names.ts'
import { InstantScanner } from './instant-scanner.ts'
import { NumberScanner } from './number-scanner.ts'
import { endOfString, isLowerCase, mayHoldAddress } from './plain-text.ts'
import { PropertyScanner } from './property-scanner.ts'

const TAB = 9
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

const RECIPIENT_START = Buffer.from('{"actor_id":"')
const REFUND = Buffer.from('refund')
/** Numbers of a member: its field, where its name starts and ends, where its value starts and ends; quotes included. */
const STRIDE = 5

/** What an entry of an Int32Array holds: then the count of scans starts anew. */
const SCANS_MAX = 2 ** 31 - 1

/** Position of the next byte that is no blank. Newlines are none here: in NDJSON they end the event. */
function skipBlanks(bytes: Buffer, start: number): number {
  let at = start
  for (let byte = bytes[at]; byte === SPACE || byte === TAB; byte = bytes[at]) at += 1
  return at
}

/** Reads one event after the other; what it says of an event holds until the next `scan`. */
export class EventScanner {
  /** Position behind the event. */
  end = 0
  /** Text of the event id, without its quotes; both 0 when there is none. */
  eventIdStart = 0
  eventIdEnd = 0
  /** Text of the actor's id, likewise. */
  actorStart = 0
  actorEnd = 0
  /** Epoch ms as the client says; NaN when it says nothing. */
  occurredAtMs = Number.NaN
  sentAtMs = Number.NaN
  /** Whether the event is one that may take money back. */
  isRefund = false

  #bytes: Buffer = Buffer.alloc(0)
  readonly #members = new Int32Array(FIELDS * STRIDE)
  #count = 0
  /** Number of the scan in which a field was seen last. */
  readonly #seenIn = new Int32Array(FIELDS)
  #scans = 0
  readonly #numbers = new NumberScanner()
  readonly #instants = new InstantScanner()
  readonly #properties = new PropertyScanner()

  /** Whether the event had the field. */
  has(field: number): boolean {
    return this.#seenIn[field] === this.#scans
  }

  /**
   * Reads the object that starts at `start` and ends before `limit`, within bytes that are valid UTF-8. False when it is
   * not plainly valid: then nothing else that this says means anything.
   */
  scan(bytes: Buffer, start: number, limit: number): boolean {
    this.#bytes = bytes
    if (this.#scans === SCANS_MAX) {
      this.#scans = 0
      this.#seenIn.fill(0)
    }
    this.#scans += 1
    this.#count = 0
    this.eventIdStart = this.eventIdEnd = this.actorStart = this.actorEnd = 0
    this.occurredAtMs = this.sentAtMs = Number.NaN
    return this.#readMembers(start, limit) && this.#isValid()
  }

  /**
   * Copies the members that a record has as the event has them, each behind a comma, to `target` at `at`; gives the
   * position behind them. They take no more than the bytes of the event.
   */
  writeMembers(target: Buffer, at: number): number {
    const members = this.#members
    let to = at
    for (let i = 0; i < this.#count; i += STRIDE) {
      const field = members[i] as number
      if (field === EVENT_ID || field === OCCURRED_AT || field === SENT_AT) continue
      const nameEnd = members[i + 2] as number
      const valueStart = members[i + 3] as number
      target[to++] = COMMA
      to = this.#copy(members[i + 1] as number, nameEnd, target, to)
      target[to++] = COLON
      to = this.#copy(valueStart, members[i + 4] as number, target, to)
    }
    return to
  }

  /** Short runs: a loop is faster than a call of `copy`. */
  #copy(start: number, end: number, target: Buffer, at: number): number {
    const bytes = this.#bytes
    let to = at
    for (let from = start; from < end; from++) target[to++] = bytes[from] as number
    return to
  }

  #readMembers(start: number, limit: number): boolean {
    const bytes = this.#bytes
    const members = this.#members
    if (start >= limit || bytes[start] !== OPEN_BRACE) return false
    for (let at = skipBlanks(bytes, start + 1); at < limit; at = skipBlanks(bytes, at)) {
      if (bytes[at] !== QUOTE) return false
      const nameStart = at
      let hash = 0
      for (at += 1; at < limit && bytes[at] !== QUOTE; at++) hash = nextNameHash(hash, bytes[at] as number)
      const field = fieldAt(bytes, nameStart + 1, at, hash)
      if (field < 0 || this.#seenIn[field] === this.#scans) return false
      this.#seenIn[field] = this.#scans
      const nameEnd = at + 1
      at = skipBlanks(bytes, nameEnd)
      if (bytes[at] !== COLON) return false
      const valueStart = skipBlanks(bytes, at + 1)
      const valueEnd = this.#endOfValue(field, valueStart, limit)
      if (valueEnd < 0) return false

      const i = this.#count
      members[i] = field
      members[i + 1] = nameStart
      members[i + 2] = nameEnd
      members[i + 3] = valueStart
      members[i + 4] = valueEnd
      this.#count = i + STRIDE
      at = skipBlanks(bytes, valueEnd)
      const byte = bytes[at]
      at += 1
      if (byte === CLOSE_BRACE) {
        this.end = at
        return at <= limit
      }
      if (byte !== COMMA) return false
    }
    return false
  }

  #endOfValue(field: number, start: number, limit: number): number {
    const bytes = this.#bytes
    const first = bytes[start]
    if (first === QUOTE) return endOfString(bytes, start + 1, limit)
    if (first !== OPEN_BRACE) return this.#numbers.scan(bytes, start)
    if (field === PROPERTIES) return this.#properties.scan(bytes, start, limit)
    const inner = start + RECIPIENT_START.length
    if (!equalsBytes(bytes, start, inner, RECIPIENT_START)) return -1
    const end = endOfString(bytes, inner, limit)
    return end >= 0 && bytes[end] === CLOSE_BRACE ? end + 1 : -1
  }

  #isValid(): boolean {
    const members = this.#members
    const typeMember = this.#memberOf(TYPE)
    if (typeMember < 0) return false
    const type = plainTypeAt(this.#bytes, (members[typeMember + 3] as number) + 1, (members[typeMember + 4] as number) - 1)
    if (!type) return false
    this.isRefund = false
    for (let i = 0; i < this.#count; i += STRIDE) {
      const field = members[i] as number
      const rule = type.rules[field]
      const start = members[i + 3] as number
      const end = members[i + 4] as number
      if (!rule || !this.#keeps(rule, field, start, end)) return false
      if (field === ACTOR_ID) {
        this.actorStart = start + 1
        this.actorEnd = end - 1
      } else if (field === EVENT_ID) {
        this.eventIdStart = start + 1
        this.eventIdEnd = end - 1
      } else if (field === KIND) this.isRefund = equalsBytes(this.#bytes, start + 1, end - 1, REFUND)
    }
    for (const field of type.required) if (!this.has(field)) return false
    return !this.has(AMOUNT_MINOR) || this.has(CURRENCY)
  }

  #memberOf(field: number): number {
    for (let i = 0; i < this.#count; i += STRIDE) if (this.#members[i] === field) return i
    return -1
  }

  /** Whether the value from `start` to `end` keeps a rule. */
  #keeps(rule: PlainRule, field: number, start: number, end: number): boolean {
    const bytes = this.#bytes
    const isText = bytes[start] === QUOTE
    // In bytes, which are at least as many as the characters that a rule counts.
    const length = end - start - 2
    switch (rule.kind) {
      case 'const':
        return isText // found by it
      case 'text':
        return isText && length >= rule.least && length <= rule.most && (!rule.lowerCase || isLowerCase(bytes, start, end))
      case 'link':
        return isText && length >= rule.least && length <= rule.most && !mayHoldAddress(bytes, start, end)
      case 'enum':
        return isText && rule.values.some((value) => equalsBytes(bytes, start + 1, end - 1, value))
      case 'pattern':
        return isText && rule.pattern.test(bytes.toString('utf8', start + 1, end - 1))
      case 'instant':
        return this.#keepsInstant(field, start, end, isText)
      case 'number': {
        if (isText || bytes[start] === OPEN_BRACE || this.#numbers.scan(bytes, start) !== end) return false
        const { value, isInteger } = this.#numbers
        return (isInteger || !rule.isInteger) && value >= rule.least && value <= rule.most && value > rule.above
      }
      case 'free':
        return bytes[start] === OPEN_BRACE
      case 'recipient':
        return bytes[start] === OPEN_BRACE && isWithin(end - start - RECIPIENT_START.length - 2, rule.most)
    }
  }

  #keepsInstant(field: number, start: number, end: number, isText: boolean): boolean {
    const bytes = this.#bytes
    let ms = Number.NaN
    if (isText) ms = this.#instants.scan(bytes, start + 1, end - 1)
    else if (this.#numbers.scan(bytes, start) === end && this.#numbers.isInteger) ms = this.#numbers.value
    if (field === OCCURRED_AT) this.occurredAtMs = ms
    else this.sentAtMs = ms
    return !Number.isNaN(ms)
  }
}

function isWithin(length: number, most: number): boolean {
  return length >= 1 && length <= most
}
