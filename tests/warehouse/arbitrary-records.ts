/** Event records of every kind with every field, for round trips. */
import fc from 'fast-check'
import type { EventRecord } from '../../schemas/log-records.ts'
import { TRACKED_KINDS } from '../../schemas/tracked-events.ts'

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((value) => value.isWellFormed() && !value.includes('\u0000'))
const instant = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2099, 0, 1) })
const trouble = fc.constantFrom("it's", 'back\\slash', 'tab\tand\nline', '{workspace:String}', '"quoted"', '\\N', 'ünïcødé 🙂', "');--")
const anyText = fc.oneof(text, trouble)
/** A value as its JSON text gives it back: `JSON.stringify(-0)` is `0`. */
const writtenJson = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as typeof value)
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 })

const common = {
  v: fc.constant(1 as const),
  workspace: fc.constant('roundtrip'),
  received_at: instant,
  occurred_at: instant,
  import_id: optional(anyText),
  supersedes: fc.constant(undefined),
  session_id: optional(anyText),
  device_hash: optional(anyText),
  ip_hash: optional(anyText),
  user_agent: optional(anyText),
  country: optional(anyText),
  channel: optional(anyText),
  campaign: optional(anyText),
  variant: optional(anyText),
  properties: optional(fc.dictionary(text, writtenJson, { maxKeys: 4, noNullPrototype: true })),
}
const safeInteger = fc.maxSafeNat()
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0))
const yes = optional(fc.constant(true as const))

const share = fc.record({
  type: fc.constant('share' as const),
  ...common,
  actor_id: anyText,
  content_id: anyText,
  share_id: optional(anyText),
  url: optional(anyText),
  referral_code: optional(anyText),
})
const invite = fc.record({
  type: fc.constant('invite' as const),
  ...common,
  actor_id: anyText,
  action: fc.constantFrom('sent' as const, 'accepted' as const, 'bounced' as const),
  invite_id: anyText,
  recipient: optional(
    fc.record({
      actor_id: optional(anyText),
      email_hash: optional(anyText),
      email_domain: optional(anyText),
      email_malformed: yes,
      phone_hash: optional(anyText),
    }),
  ),
  referral_code: optional(anyText),
})
const conversion = fc.record({
  type: fc.constant('conversion' as const),
  ...common,
  actor_id: anyText,
  kind: anyText,
  invite_id: optional(anyText),
  referral_code: optional(anyText),
  share_id: optional(anyText),
  referrer_id: optional(anyText),
  amount_minor: optional(safeInteger),
  currency: optional(fc.constantFrom('EUR', 'BRL')),
  order_id: optional(anyText),
  email_hash: optional(anyText),
  email_domain: optional(anyText),
  email_malformed: yes,
  payment_hash: optional(anyText),
})
const rum = fc.record({
  type: fc.constant('rum' as const),
  ...common,
  actor_id: optional(anyText),
  name: anyText,
  value: finite,
  page: fc.oneof(anyText, fc.constant('')),
  status: optional(fc.integer({ min: 0, max: 999 })),
  release: optional(anyText),
  device: optional(anyText),
  sample_rate: optional(fc.double({ min: 1e-9, max: 1, noNaN: true })),
})

const tracked = fc.record({
  type: fc.constant('tracked' as const),
  ...common,
  actor_id: optional(anyText),
  kind: fc.constantFrom(...TRACKED_KINDS),
  name: fc.oneof(anyText, fc.constant('')),
  anonymous_id: optional(anyText),
  previous_id: optional(anyText),
  group_id: optional(anyText),
})

/** Records without `event_id`: the test gives each its own. Absent fields are absent, not undefined. */
export const arbitraryRecord: fc.Arbitrary<Omit<EventRecord, 'event_id'>> = fc
  .oneof(share, invite, conversion, rum)
  .map((record) => withoutUndefined(record) as Omit<EventRecord, 'event_id'>)
/** Those that history leaves out. */
export const arbitraryTrackedRecord: fc.Arbitrary<Omit<EventRecord, 'event_id'>> = tracked.map(
  (record) => withoutUndefined(record) as Omit<EventRecord, 'event_id'>,
)

function withoutUndefined(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([name, field]) => [name, name === 'recipient' ? withoutUndefined(field as object) : field]),
  )
}
