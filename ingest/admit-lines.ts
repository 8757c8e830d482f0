/** Lines of NDJSON on their way to the log: plain events from their bytes, every other line as it is parsed, blank ones left out. */
import { isUtf8 } from 'node:buffer'
import type { Admission } from './admission.ts'
import { validateItem } from './admit-event.ts'
import { eventFault } from './event-fault.ts'
import { EVENT_BYTES_MAX, type IncomingItem, readLine } from './steps/split-body.ts'

const TAB = 9
const NEWLINE = 10
const RETURN = 13
const SPACE = 32

export interface LineBounds {
  /** Items that the admission may have at most; a line that would be one more is not taken. */
  readonly items: number
  /** A longer line is a fault. */
  readonly lineBytes?: number
}

/** Takes lines from `start` of `bytes` on; gives the position behind the last line taken, `bytes.length` when that is all. */
export function admitLines(bytes: Buffer, start: number, admission: Admission, { items, lineBytes = EVENT_BYTES_MAX }: LineBounds): number {
  const allUtf8 = isUtf8(bytes)
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === NEWLINE || byte === RETURN) {
      at += 1
      continue
    }
    if (allUtf8 && admission.items < items) {
      const end = admission.scan(bytes, at)
      const next = end < 0 ? -1 : behindLine(bytes, end)
      if (next >= 0 && next - at <= lineBytes && admission.takeScanned()) {
        at = next
        continue
      }
    }
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline < 0 ? bytes.length : newline
    const item = itemOf(bytes.subarray(at, end), lineBytes)
    if (item) {
      if (admission.items === items) return at
      admission.takeItem(item, validateItem(item))
    }
    at = end + 1
  }
  return bytes.length
}

/** Position behind the line that ends after `start` with nothing but blanks; -1 when there is more. */
function behindLine(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === NEWLINE) return at + 1
    if (byte !== RETURN && byte !== SPACE && byte !== TAB) return -1
  }
  return bytes.length
}

function itemOf(line: Buffer, lineBytes: number): IncomingItem | undefined {
  if (!isUtf8(line)) return { fault: eventFault('event_malformed', '', 'This line is not UTF-8.'), text: line.toString('latin1') }
  const text = line.toString('utf8')
  return text.trim() === '' ? undefined : readLine(text, lineBytes)
}
