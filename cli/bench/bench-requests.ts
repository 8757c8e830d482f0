/** Requests of the load generator as bytes, made before the clock runs. */
import { closeSync, openSync, readSync } from 'node:fs'

const NEWLINE = 10
const COMMA = 44
const PIECE_BYTES = 4 * 1024 * 1024

/** A `POST /v1/events` with a body of JSON. */
export function postEvents(key: string, body: Uint8Array): Buffer {
  const head = `POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.byteLength}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** A `GET` of a path with its query. */
export function getPath(key: string, path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\naccept: application/json\r\n\r\n`)
}

/** The first `events` lines of a file of NDJSON, each as its bytes without the newline. What comes behind them is not read. */
export function readLines(path: string, events: number): Buffer[] {
  const lines: Buffer[] = []
  const file = openSync(path, 'r')
  try {
    let rest: Buffer = Buffer.alloc(0)
    while (lines.length < events) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const read = readSync(file, piece, 0, PIECE_BYTES, null)
      const bytes = Buffer.concat([rest, piece.subarray(0, read)])
      let start = 0
      for (let newline = bytes.indexOf(NEWLINE); newline >= 0 && lines.length < events; newline = bytes.indexOf(NEWLINE, start)) {
        if (newline > start) lines.push(bytes.subarray(start, newline))
        start = newline + 1
      }
      rest = bytes.subarray(start)
      if (read > 0) continue
      if (rest.length > 0 && lines.length < events) lines.push(rest)
      break
    }
  } finally {
    closeSync(file)
  }
  return lines
}

/**
 * The events as if they happened now. Sent over many connections, a history would arrive out of order by hours, and what
 * is measured would be the restating of its windows.
 */
export function stampedNow(lines: readonly Buffer[], nowMs: number): Buffer[] {
  const stamp = `"occurred_at":"${new Date(nowMs).toISOString()}"`
  return lines.map((line) => Buffer.from(line.toString().replace(/"occurred_at":\s*("[^"]*"|[\d.]+)/, stamp)))
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
