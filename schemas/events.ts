/**
 * Events as clients send them (CONTRACT "Events"). This union is the only definition: validation, types,
 * JSON Schema and docs come from it.
 */
import { z } from 'zod'

/** NUL ends C strings and lone surrogates have no UTF-8 form: neither survives a round trip through the log. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed()
}

/** Length in code points, as JSON Schema counts it, so that both validators agree. */
function hasAtMostCodePoints(text: string, most: number): boolean {
  return text.length <= most || (text.length <= 2 * most && [...text].length <= most)
}

function boundedString(most: number) {
  return z
    .string()
    .min(1)
    .refine((text) => hasAtMostCodePoints(text, most), { message: `must have at most ${most} characters` })
    .refine(isStorable, { message: 'must not contain NUL or lone surrogates' })
    .meta({ maxLength: most })
}

export const ID_LENGTH_MAX = 200
export const EVENT_ID_LENGTH_MAX = 128
export const PROPERTIES_BYTES_MAX = 32 * 1024
export const PROPERTIES_DEPTH_MAX = 8

/** An id of people, things and calls: 1 to 200 characters. */
export const eventId = () => boundedString(ID_LENGTH_MAX)
const id = eventId
const label = () => boundedString(ID_LENGTH_MAX)

/** RFC 3339 with zone, or epoch milliseconds. */
const instant = z.union([
  z.iso.datetime({ offset: true, local: false }),
  z.number().int().min(-8_640_000_000_000_000).max(8_640_000_000_000_000),
])

/** What every event may have. */
export const commonEventFields = {
  event_id: boundedString(EVENT_ID_LENGTH_MAX).optional().describe('Idempotency key within the workspace; made (UUID v7) when absent.'),
  occurred_at: instant.optional().describe('When it happened; receipt when absent.'),
  sent_at: instant.optional().describe('Client clock at sending; corrects clocks that are off by more than 5 minutes.'),
  actor_id: id().describe("The customer's own opaque id of the person who acts."),
  session_id: id().optional(),
  device_id: id().optional().describe('Replaced by a keyed hash before it is stored.'),
  ip: boundedString(64).optional().describe('Replaced by a keyed hash before it is stored.'),
  user_agent: boundedString(1024).optional(),
  country: boundedString(64).optional(),
  channel: label()
    .transform((text) => text.toLowerCase())
    .optional()
    .describe('twitter, whatsapp, email, link, ...; free, lower-case.'),
  campaign: label().optional(),
  variant: label().optional(),
  properties: z.record(z.string(), z.unknown()).optional().describe('Free data, at most 32 KB and 8 levels deep.'),
}

export const INVITE_ACTIONS = ['sent', 'delivered', 'opened', 'clicked', 'accepted', 'declined', 'bounced'] as const

const share = z.strictObject({
  type: z.literal('share'),
  ...commonEventFields,
  content_id: id(),
  share_id: id().optional(),
  url: boundedString(4096).optional(),
  referral_code: id().optional(),
})

const invite = z.strictObject({
  type: z.literal('invite'),
  ...commonEventFields,
  action: z.enum(INVITE_ACTIONS),
  invite_id: id(),
  recipient: z
    .strictObject({
      email: boundedString(320).optional(),
      phone: boundedString(64).optional(),
      actor_id: id().optional(),
    })
    .optional(),
  referral_code: id().optional(),
})

const conversion = z.strictObject({
  type: z.literal('conversion'),
  ...commonEventFields,
  kind: label().describe('signup, activation, purchase, subscription, refund, or a name of your own.'),
  invite_id: id().optional(),
  referral_code: id().optional(),
  share_id: id().optional(),
  referrer_id: id().optional(),
  amount_minor: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe('Money in minor units (cents).'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR')
    .optional(),
  order_id: id().optional(),
  email: boundedString(320).optional(),
  payment_hash: id().optional(),
})

const rum = z.strictObject({
  type: z.literal('rum'),
  ...commonEventFields,
  actor_id: id().optional(),
  name: label().describe('LCP, INP, CLS, FCP, TTFB, FID, api, or a name of your own.'),
  value: z.number().min(0),
  page: boundedString(2048),
  status: z.number().int().min(0).max(999).optional(),
  release: label().optional(),
  device: label().optional(),
  sample_rate: z.number().gt(0).max(1).optional(),
})

export const incomingEvent = z
  .discriminatedUnion('type', [share, invite, conversion, rum])
  .refine((event) => event.type !== 'conversion' || event.amount_minor === undefined || event.currency !== undefined, {
    path: ['currency'],
    message: 'is required with amount_minor',
  })

export type IncomingEvent = z.output<typeof incomingEvent>
