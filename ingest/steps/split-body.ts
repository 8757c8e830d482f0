/**
 * A body as events: one JSON object, an array, or NDJSON. The content decides, not the Content-Type, because clients
 * label freely. What can't be read as a whole is a RequestError; a bad line of NDJSON is a fault of that line only.
 */
import { isUtf8 } from 'node:buffer'
import { RequestError } from '../../schemas/errors.ts'
import { type EventFault, eventFault } from '../event-fault.ts'
import { nestsDeeperThan } from '../json-depth.ts'

export const EVENTS_MAX = 10_000
export const EVENT_BYTES_MAX = 128 * 1024
/** Above this nothing is parsed; below it an event that is too deep is only its own fault. */
export const BODY_DEPTH_MAX = 256

/** One event as it came: its parsed value, or the text that can't be parsed. */
export type IncomingItem = { readonly value: unknown } | { readonly fault: EventFault; readonly text: string }

/** The fault of a line of more than `bytesMax` bytes. */
export function lineTooLarge(bytesMax: number): EventFault {
  const message = bytesMax === EVENT_BYTES_MAX ? undefined : `A line has at most ${bytesMax / 1024} KB.`
  return eventFault('event_too_large', '', message)
}

/** Reads one line of NDJSON. `text` is valid UTF-8. */
export function readLine(text: string, bytesMax = EVENT_BYTES_MAX): IncomingItem {
  if (text.length > bytesMax / 3 && Buffer.byteLength(text) > bytesMax) return { fault: lineTooLarge(bytesMax), text }
  if (nestsDeeperThan(text, BODY_DEPTH_MAX)) return { fault: eventFault('event_too_deep'), text }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { fault: eventFault('event_malformed'), text }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function tooLong(): RequestError {
  return new RequestError('batch_too_long')
}

/** Lines of a body, blank ones left out; a line that is not UTF-8 is that line's fault. */
function splitLines(body: Buffer): IncomingItem[] {
  const items: IncomingItem[] = []
  const add = (item: IncomingItem) => {
    if (items.length === EVENTS_MAX) throw tooLong()
    items.push(item)
  }
  if (isUtf8(body)) {
    const text = body.toString('utf8')
    // Not `split`: a body of nothing but newlines would become millions of strings.
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start)
      const end = newline < 0 ? text.length : newline
      const line = text.slice(start, end)
      start = end + 1
      if (line.trim() !== '') add(readLine(line))
    }
    return items
  }
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(10, start)
    const end = newline < 0 ? body.length : newline
    const line = body.subarray(start, end)
    start = end + 1
    if (!isUtf8(line)) add({ fault: eventFault('event_malformed', '', 'This line is not UTF-8.'), text: line.toString('latin1') })
    else if (line.toString('utf8').trim() !== '') add(readLine(line.toString('utf8')))
  }
  return items
}

/** First line that is not blank, as text; undefined when there is only one or it is not UTF-8. */
function firstOfSeveralLines(body: Buffer): string | undefined {
  const text = (isUtf8(body) ? body.toString('utf8') : body.toString('latin1')).trim()
  const newline = text.indexOf('\n')
  return newline < 0 ? undefined : text.slice(0, newline)
}

const BOM = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * The events of a decoded body, at most 10,000.
 * @throws RequestError `body_empty`, `body_malformed`, `body_too_deep`, `batch_too_long`
 */
export function splitBody(decoded: Buffer, declaredNdjson: boolean): IncomingItem[] {
  const body = withoutBom(decoded)
  if (isBlank(body)) throw new RequestError('body_empty')
  return declaredNdjson ? splitLines(body) : splitJson(body)
}

/** A body without its byte order mark. */
export function withoutBom(body: Buffer): Buffer {
  return body[0] === BOM[0] && body.subarray(0, 3).equals(BOM) ? body.subarray(3) : body
}

/** Whether a body is nothing but white space. */
export function isBlank(body: Buffer): boolean {
  for (const byte of body) if (byte !== 32 && (byte < 9 || byte > 13)) return false
  return true
}

function splitJson(body: Buffer): IncomingItem[] {
  if (isUtf8(body)) {
    const text = body.toString('utf8')
    if (nestsDeeperThan(text, BODY_DEPTH_MAX)) {
      if (!looksLikeLines(body)) throw new RequestError('body_too_deep')
      return splitLines(body)
    }
    try {
      const value = JSON.parse(text) as unknown
      if (!Array.isArray(value)) return [{ value }]
      if (value.length > EVENTS_MAX) throw tooLong()
      return value.map((element: unknown) => ({ value: element }))
    } catch (error) {
      if (error instanceof RequestError) throw error
    }
  }
  if (!looksLikeLines(body)) throw new RequestError('body_malformed')
  return splitLines(body)
}

/** NDJSON without its Content-Type: several lines, the first of which is an object by itself. */
function looksLikeLines(body: Buffer): boolean {
  const first = firstOfSeveralLines(body)
  return first?.startsWith('{') === true && !nestsDeeperThan(first, BODY_DEPTH_MAX) && isJson(first)
}
