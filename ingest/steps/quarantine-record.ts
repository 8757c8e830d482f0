/**
 * An event that was not accepted, as its record of the log: with its reason and a redacted body, so that somebody can
 * see what was wrong and nobody can see whom it was about.
 */
import { EVENT_ID_LENGTH_MAX } from '../../schemas/events.ts'
import { LOG_RECORD_VERSION, type QuarantinedRecord } from '../../schemas/log-records.ts'
import type { EventFault } from '../event-fault.ts'
import { keyVerdict, redactText } from '../personal-patterns.ts'
import type { IncomingItem } from './split-body.ts'

const BODY_BYTES_MAX = 64 * 1024
const DEPTH_MAX = 16
const NODES_MAX = 20_000
const REDACTED = '[redacted]'

function redact(value: unknown, level: number, budget: { nodes: number }): unknown {
  budget.nodes -= 1
  if (budget.nodes < 0 || (level > DEPTH_MAX && typeof value === 'object')) return '[cut]'
  if (typeof value === 'string') return redactText(value.slice(0, BODY_BYTES_MAX)).toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.slice(0, NODES_MAX).map((inner: unknown) => redact(inner, level + 1, budget))
  const fields: [string, unknown][] = []
  for (const [key, inner] of Object.entries(value)) {
    if (budget.nodes < 0) break
    const name = redactText(key.slice(0, 200)).toWellFormed()
    const personal = inner !== null && typeof inner !== 'boolean' && keyVerdict(key) !== 'keep'
    if (personal) fields.push([name, REDACTED])
    else if (key === 'recipient' && (typeof inner !== 'object' || inner === null || Array.isArray(inner))) fields.push([name, REDACTED])
    else fields.push([name, redact(inner, level + 1, budget)])
  }
  // `fromEntries` defines properties, so that a key named __proto__ stays what it is: data.
  return Object.fromEntries(fields)
}

/** Words of our own format: all that is legible of a line that can't be parsed. */
const KNOWN_WORDS = new Set(
  'type share invite conversion rum event_id occurred_at sent_at actor_id session_id device_id ip user_agent country channel campaign variant properties content_id share_id url referral_code action sent delivered opened clicked accepted declined bounced invite_id recipient email phone kind signup activation purchase subscription refund referrer_id amount_minor currency order_id payment_hash name value page status release device sample_rate true false null'.split(
    ' ',
  ),
)

/** A line that is no JSON, made illegible: its shape shows the mistake, its letters and digits may be anybody's. */
function maskLine(text: string): string {
  return text
    .slice(0, BODY_BYTES_MAX / 2)
    .replace(/[\p{L}\p{N}_]+/gu, (word) => (KNOWN_WORDS.has(word) ? word : 'x'.repeat(Math.min(word.length, 16))))
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= BODY_BYTES_MAX) return text
  return Buffer.from(text)
    .subarray(0, BODY_BYTES_MAX - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
}

/** The event id of a parsed value, when it has a usable one. */
export function eventIdOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('event_id' in value)) return undefined
  const id = value.event_id
  return typeof id === 'string' && id !== '' && id.length <= EVENT_ID_LENGTH_MAX && id.isWellFormed() && !id.includes('\u0000')
    ? id
    : undefined
}

/** A fault whose path and message, which may quote the sender's keys, show nobody's address. */
export function redactFault(fault: EventFault): EventFault {
  const clean = (text: string) => redactText(text.slice(0, 500)).replaceAll('\u0000', '').toWellFormed()
  return { code: fault.code, path: clean(fault.path), message: clean(fault.message) }
}

/** The record of an event that was not accepted. */
export function quarantinedRecordOf(
  item: IncomingItem,
  fault: EventFault,
  context: {
    readonly workspace: string
    readonly receivedAtMs: number
    readonly importId: string | undefined
    readonly quarantineId: string
  },
): QuarantinedRecord {
  const body = 'value' in item ? (JSON.stringify(redact(item.value, 0, { nodes: NODES_MAX })) ?? 'null') : maskLine(item.text)
  const eventId = 'value' in item ? eventIdOf(item.value) : undefined
  return {
    v: LOG_RECORD_VERSION,
    type: 'quarantined',
    workspace: context.workspace,
    received_at: context.receivedAtMs,
    quarantine_id: context.quarantineId,
    ...(eventId === undefined ? {} : { event_id: eventId }),
    code: fault.code,
    path: fault.path,
    message: fault.message,
    body: cut(body),
    ...(context.importId === undefined ? {} : { import_id: context.importId }),
  }
}
