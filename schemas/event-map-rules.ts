/**
 * Which events of other products' SDKs become events of ours, and from where each field is taken. The default map is
 * `ingest/segment/default-event-map.ts`; the setting `eventMap` names a JSON file of this form that is laid over it.
 */
import { z } from 'zod'
import { INVITE_ACTIONS } from './events.ts'

/**
 * Where a value stands, first found first taken: a property, or with the prefix `context.` or `traits.` a field of
 * those; dots lead into objects.
 */
const sources = z.union([
  z
    .string()
    .min(1)
    .transform((one) => [one]),
  z.array(z.string().min(1)),
])

/** The fields that a map may fill, by type of event. `amount` is in major units (19.99), `amount_minor` in minor ones. */
const ANY_FIELDS = ['channel', 'campaign', 'variant', 'session_id', 'device_id', 'country'] as const
export const MAPPED_FIELDS = {
  share: [...ANY_FIELDS, 'content_id', 'share_id', 'url', 'referral_code'],
  invite: [...ANY_FIELDS, 'invite_id', 'recipient_email', 'recipient_phone', 'recipient_actor_id', 'referral_code'],
  conversion: [
    ...ANY_FIELDS,
    'invite_id',
    'referral_code',
    'share_id',
    'referrer_id',
    'amount',
    'amount_minor',
    'currency',
    'order_id',
    'email',
    'payment_hash',
  ],
  rum: [...ANY_FIELDS, 'value', 'page', 'release', 'device'],
} as const
export type MappedType = keyof typeof MAPPED_FIELDS

const fieldsOf = <Type extends MappedType>(type: Type) => z.partialRecord(z.enum(MAPPED_FIELDS[type]), sources).optional()
const name = z.string().min(1).max(200)

export const mapRule = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('share'), fields: fieldsOf('share') }),
  z.strictObject({ type: z.literal('invite'), action: z.enum(INVITE_ACTIONS), fields: fieldsOf('invite') }),
  z.strictObject({ type: z.literal('conversion'), kind: name, fields: fieldsOf('conversion') }),
  z.strictObject({ type: z.literal('rum'), name, fields: fieldsOf('rum') }),
])
export type MapRule = z.output<typeof mapRule>

export const eventMap = z.strictObject({
  $schema: z.string().optional(),
  extendsDefault: z.boolean().default(true).describe('false: only the events named here are mapped.'),
  defaultCurrency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR')
    .optional()
    .describe('Of amounts without a currency; USD as in the Segment spec.'),
  events: z
    .record(name, mapRule.nullable())
    .default({})
    .describe('Rule by name of the event; upper and lower case, spaces, _ and - are alike. null: stored, not mapped.'),
  fields: z
    .strictObject({ share: fieldsOf('share'), invite: fieldsOf('invite'), conversion: fieldsOf('conversion'), rum: fieldsOf('rum') })
    .partial()
    .default({})
    .describe('Where fields of all events of a type stand; asked after those of the rule.'),
})
export type EventMapFile = z.output<typeof eventMap>
