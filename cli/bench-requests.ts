/** Requests of the load generator as bytes, made before the clock runs. */
import { readFileSync } from 'node:fs'

const NEWLINE = 10
const COMMA = 44

/** A `POST /v1/events` with a body of JSON. */
export function postEvents(key: string, body: Uint8Array): Buffer {
  const head = `POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.byteLength}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** A `GET` of a path with its query. */
export function getPath(key: string, path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\naccept: application/json\r\n\r\n`)
}

/** The first `events` lines of a file of NDJSON, each as its bytes without the newline. */
export function readLines(path: string, events: number): Buffer[] {
  const bytes = readFileSync(path)
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length && lines.length < events; ) {
    const newline = bytes.indexOf(NEWLINE, start)
    const end = newline < 0 ? bytes.length : newline
    if (end > start) lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}

/** Bodies of `batch` events each: one as an object, several as an array. */
export function bodiesOf(lines: readonly Buffer[], batch: number): Buffer[] {
  if (batch === 1) return [...lines]
  const bodies: Buffer[] = []
  const comma = Buffer.of(COMMA)
  for (let start = 0; start < lines.length; start += batch) {
    const parts = lines.slice(start, start + batch).flatMap((line, index) => (index === 0 ? [line] : [comma, line]))
    bodies.push(Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]))
  }
  return bodies
}

/** A share of a person of whom nobody has heard before, now. */
export function freshEvent(prefix: string, number: number): Buffer {
  const name = `${prefix}-${number}`
  return Buffer.from(`{"type":"share","event_id":"${name}","actor_id":"${name}","content_id":"bench","channel":"bench"}`)
}
