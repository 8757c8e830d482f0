/** Lines of a byte stream, in batches; a line has its bound, whatever the stream holds. */
import { isUtf8 } from 'node:buffer'
import { eventFault } from './event-fault.ts'
import { EVENT_BYTES_MAX, type IncomingItem, lineTooLarge, readLine } from './steps/split-body.ts'

const NEWLINE = 10
/** Start of an overlong line that is kept, for the quarantine. */
const OVERLONG_KEPT_BYTES = 4 * 1024

/** Cuts chunks into pieces that end with a newline, so that no character is cut in two. */
async function* wholeLines(
  source: AsyncIterable<Uint8Array | string>,
  lineBytesMax: number,
): AsyncGenerator<Buffer | { readonly overlong: Buffer }> {
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
      yield rest.length > 0 ? Buffer.concat([rest, bytes.subarray(0, last)]) : bytes.subarray(0, last)
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
 * Items of an NDJSON stream in batches of about `batchSize`; blank lines are left out, a byte order mark too. A line of more
 * than `lineBytesMax` bytes, by default what one event may have, is an item with a fault.
 */
export async function* readItems(
  source: AsyncIterable<Uint8Array | string>,
  batchSize: number,
  lineBytesMax = EVENT_BYTES_MAX,
): AsyncGenerator<IncomingItem[]> {
  let batch: IncomingItem[] = []
  let bytes = 0
  let first = true
  for await (const piece of wholeLines(source, lineBytesMax)) {
    if ('overlong' in piece) {
      batch.push({ fault: lineTooLarge(lineBytesMax), text: piece.overlong.toString('latin1') })
    } else {
      const text = first && piece.length >= 3 && piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf ? piece.subarray(3) : piece
      for (const item of itemsOf(text, lineBytesMax)) batch.push(item)
      bytes += piece.length
    }
    first = false
    if (batch.length >= batchSize || bytes >= BATCH_BYTES_MAX) {
      yield batch
      batch = []
      bytes = 0
    }
  }
  if (batch.length > 0) yield batch
}
