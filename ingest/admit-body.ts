/** A decoded body on its way to the log: one event, an array or NDJSON, as far as possible from its bytes. */
import { isUtf8 } from 'node:buffer'
import { RequestError } from '../schemas/errors.ts'
import type { Admission } from './admission.ts'
import { validateItem } from './admit-event.ts'
import { admitLines } from './admit-lines.ts'
import { requestShiftMs } from './steps/event-time.ts'
import { BODY_DEPTH_MAX, EVENTS_MAX, isBlank, splitBody, withoutBom } from './steps/split-body.ts'
import type { Validated } from './steps/validate-event.ts'

const TAB = 9
const NEWLINE = 10
const RETURN = 13
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

export interface BodyOptions {
  /** Whether the sender says that the body is NDJSON. */
  readonly ndjson: boolean
  readonly receivedAtMs: number
  /** Starts an admission; `shiftMs` is the correction of the sender's clock, undefined when the first event is to tell it. */
  readonly open: (shiftMs: number | undefined) => Admission
}

/**
 * Admits the events of a body, at most 10,000.
 * @throws RequestError `body_empty`, `body_malformed`, `body_too_deep`, `batch_too_long`
 */
export function admitBody(decoded: Buffer, { ndjson, receivedAtMs, open }: BodyOptions): Admission {
  const body = withoutBom(decoded)
  if (isBlank(body)) throw new RequestError('body_empty')
  const quick = open(undefined)
  const isTaken = ndjson ? admitAllLines(body, quick) : isUtf8(body) && admitJson(body, quick)
  if (isTaken && !quick.isShiftInDoubt) return quick
  const items = splitBody(body, ndjson).map((item) => ({ item, validated: validateItem(item) }))
  const admission = open(requestShiftMs(firstSentAt(items.map(({ validated }) => validated)), receivedAtMs))
  for (const { item, validated } of items) admission.takeItem(item, validated)
  return admission
}

/** `sent_at` of the first valid event that has one: it says when the request was sent. */
function firstSentAt(validated: readonly Validated[]): string | number | undefined {
  for (const one of validated) if ('event' in one && one.event.sent_at !== undefined) return one.event.sent_at
  return undefined
}

function admitAllLines(body: Buffer, admission: Admission): true {
  if (admitLines(body, 0, admission, { items: EVENTS_MAX }) < body.length) throw new RequestError('batch_too_long')
  return true
}

/** False when the body is neither an array nor an event nor NDJSON that begins with a plain event: then nothing of this counts. */
function admitJson(body: Buffer, admission: Admission): boolean {
  const start = skipSpace(body, 0)
  if (body[start] === OPEN_BRACKET) return admitArray(body, start, admission)
  const end = admission.scan(body, start)
  if (end < 0) return false
  const next = skipSpace(body, end)
  if (next === body.length) return admission.takeScanned()
  return body.subarray(end, next).includes(NEWLINE) && admitAllLines(body, admission)
}

function admitArray(body: Buffer, start: number, admission: Admission): boolean {
  let at = skipSpace(body, start + 1)
  if (body[at] === CLOSE_BRACKET) return skipSpace(body, at + 1) === body.length
  for (;;) {
    if (admission.items === EVENTS_MAX) return false
    let end = admission.scan(body, at)
    if (end < 0 || !admission.takeScanned()) {
      end = endOfValue(body, at)
      const value = end < 0 ? undefined : parsed(body.toString('utf8', at, end))
      if (!value) return false
      admission.takeItem(value, validateItem(value))
    }
    at = skipSpace(body, end)
    if (body[at] === CLOSE_BRACKET) return skipSpace(body, at + 1) === body.length
    if (body[at] !== COMMA) return false
    at = skipSpace(body, at + 1)
  }
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  for (let byte = bytes[at]; byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB; byte = bytes[at]) at += 1
  return at
}

/**
 * Position behind a value of an array, as brackets and quotes say; -1 when it does not end or nests too deeply. Whether it
 * is JSON is for the parser to say.
 */
function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfText(bytes, at + 1)
      if (at < 0) return -1
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1
      if (depth >= BODY_DEPTH_MAX) return -1
    } else if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACKET)) return at
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1
      if (depth === 0) return at + 1
      if (depth < 0) return -1
    }
  }
  return -1
}

/** Position of the quote that ends a string whose text starts at `start`; -1 when there is none. */
function endOfText(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at += 1
  }
  return -1
}
