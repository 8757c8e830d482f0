/** Lines of a byte stream, in batches; a line has its bound, whatever the stream holds. */
import { isUtf8 } from 'node:buffer'
import { eventFault } from './event-fault.ts'
import { type IncomingItem, lineTooLarge, readLine, withoutBom } from './steps/split-body.ts'

const NEWLINE = 10
/** Start of an overlong line that is kept, for the quarantine. */
const OVERLONG_KEPT_BYTES = 4 * 1024

/** Whole lines of a stream, or the start of one that is too long. */
export type LinePiece = Buffer | { readonly overlong: Buffer }

/**
 * Cuts chunks into pieces that end with a newline, so that no character is cut in two; without a byte order mark. Of a line
 * of more than `lineBytesMax` bytes comes the start.
 */
export async function* wholeLines(source: AsyncIterable<Uint8Array | string>, lineBytesMax: number): AsyncGenerator<LinePiece> {
  let isFirst = true
  for await (const piece of cutPieces(source, lineBytesMax)) {
    yield isFirst && Buffer.isBuffer(piece) ? withoutBom(piece) : piece
    isFirst = false
  }
}

async function* cutPieces(source: AsyncIterable<Uint8Array | string>, lineBytesMax: number): AsyncGenerator<LinePiece> {
  let rest: Buffer = Buffer.alloc(0)
  let skipping = false
  for await (const chunk of source) {
    let bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (skipping) {
      const newline = bytes.indexOf(NEWLINE)
      if (newline < 0) continue
      bytes = bytes.subarray(newline + 1)
      skipping = false
    }
    const last = bytes.lastIndexOf(NEWLINE)
    if (last >= 0) {
      let start = 0
      if (rest.length > 0) {
        // Only the line that was cut in two is copied.
        start = bytes.indexOf(NEWLINE) + 1
        yield Buffer.concat([rest, bytes.subarray(0, start - 1)])
      }
      if (start <= last) yield bytes.subarray(start, last)
      rest = Buffer.from(bytes.subarray(last + 1))
    } else {
      rest = Buffer.concat([rest, bytes])
    }
    if (rest.length > lineBytesMax) {
      // The rest of this line is passed over up to its newline, without being kept.
      yield { overlong: rest.subarray(0, OVERLONG_KEPT_BYTES) }
      rest = Buffer.alloc(0)
      skipping = true
    }
  }
  if (rest.length > 0) yield rest
}

/** The item of a line that is too long. */
export function overlongItem(start: Buffer, lineBytesMax: number): IncomingItem {
  return { fault: lineTooLarge(lineBytesMax), text: start.toString('latin1') }
}

function itemsOf(piece: Buffer, lineBytesMax: number): IncomingItem[] {
  const items: IncomingItem[] = []
  if (isUtf8(piece)) {
    const text = piece.toString('utf8')
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start)
      const end = newline < 0 ? text.length : newline
      const line = text.slice(start, end)
      start = end + 1
      if (line.trim() !== '') items.push(readLine(line, lineBytesMax))
    }
    return items
  }
  for (let start = 0; start < piece.length; ) {
    const newline = piece.indexOf(NEWLINE, start)
    const end = newline < 0 ? piece.length : newline
    const line = piece.subarray(start, end)
    start = end + 1
    if (isUtf8(line)) items.push(...itemsOf(line, lineBytesMax))
    else items.push({ fault: eventFault('event_malformed', '', 'This line is not UTF-8.'), text: line.toString('latin1') })
  }
  return items
}

/** A batch of long rows ends here, whatever its count. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024

/**
 * Items of an NDJSON stream in batches of about `batchSize`; blank lines are left out. A line of more than `lineBytesMax`
 * bytes is an item with a fault.
 */
export async function* readItems(
  source: AsyncIterable<Uint8Array | string>,
  batchSize: number,
  lineBytesMax: number,
): AsyncGenerator<IncomingItem[]> {
  let batch: IncomingItem[] = []
  let bytes = 0
  for await (const piece of wholeLines(source, lineBytesMax)) {
    if ('overlong' in piece) {
      batch.push(overlongItem(piece.overlong, lineBytesMax))
    } else {
      for (const item of itemsOf(piece, lineBytesMax)) batch.push(item)
      bytes += piece.length
    }
    if (batch.length >= batchSize || bytes >= BATCH_BYTES_MAX) {
      yield batch
      batch = []
      bytes = 0
    }
  }
  if (batch.length > 0) yield batch
}
