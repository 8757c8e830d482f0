/**
 * Messages of SDKs to events of ours by a map (`schemas/event-map-rules.ts`). Pure: what no rule maps, and what lacks a field
 * that its type must have, becomes a `tracked` event, so that nothing is lost.
 */
import { type EventMapFile, eventMap, type MapRule, MAPPED_FIELDS, type MappedType } from '../../schemas/event-map-rules.ts'
import { ID_LENGTH_MAX } from '../../schemas/events.ts'
import { TRACKED_NAME_LENGTH_MAX } from '../../schemas/tracked-events.ts'
import { clippedText, eventIdOfMessage, fieldsOf, isFields, type SdkMessage, textOf } from '../sdk/sdk-message.ts'
import { ANY_EVENT_FIELDS, DEFAULT_EVENT_MAP } from './default-event-map.ts'
import { minorUnits } from './money-amount.ts'

type Sources = readonly string[]
type SourcesByField = Readonly<Record<string, Sources | undefined>>

/** A map as it is asked: rules by plain name, the sources of each type's fields in order. */
export interface EventMap {
  readonly rules: ReadonlyMap<string, MapRule>
  readonly fields: Readonly<Record<MappedType, SourcesByField>>
  readonly defaultCurrency: string
}

export interface MappingContext {
  readonly map: EventMap
  /** Write keys stand in web pages: what they send moves no money. */
  readonly mayMoveMoney: boolean
  /** Hides a user's id that is an e-mail address. */
  readonly hideId: (id: string) => string
  /** An id for an invite that has none. */
  readonly newId: () => string
}

/** An event to validate: of the incoming union, or `tracked`. */
export type MappedEvent = { readonly type: MappedType | 'tracked' } & Record<string, unknown>

/** The name that decides: case, spaces, _, - and camelCase make no difference. */
export function plainEventName(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[\s_\-:./]+/g, ' ')
    .trim()
}

/** Puts a file's map over the default one. */
export function createEventMap(file: EventMapFile = eventMap.parse({})): EventMap {
  const base = eventMap.parse(DEFAULT_EVENT_MAP)
  const rules = new Map<string, MapRule>()
  for (const events of file.extendsDefault ? [base.events, file.events] : [file.events]) {
    for (const [name, rule] of Object.entries(events)) {
      if (rule) rules.set(plainEventName(name), rule)
      else rules.delete(plainEventName(name))
    }
  }
  const fieldsOfType = (type: MappedType): SourcesByField =>
    Object.fromEntries(
      MAPPED_FIELDS[type].map((field) => [
        field,
        [file.fields[type], base.fields[type], ANY_EVENT_FIELDS].flatMap((sources: SourcesByField | undefined) => sources?.[field] ?? []),
      ]),
    )
  return {
    rules,
    fields: {
      share: fieldsOfType('share'),
      invite: fieldsOfType('invite'),
      conversion: fieldsOfType('conversion'),
      rum: fieldsOfType('rum'),
    },
    defaultCurrency: file.defaultCurrency ?? base.defaultCurrency ?? 'USD',
  }
}

/** The value at a path of the map; keys that contain dots are found as they are. */
function valueAt(message: SdkMessage, path: string): unknown {
  const [root = '', ...rest] = path.split('.')
  const inContext = root === 'context' || root === 'traits'
  const start = root === 'context' ? message.context : root === 'traits' ? message.traits : message.properties
  if (!inContext && Object.hasOwn(start, path)) return start[path]
  let value: unknown = start
  for (const key of inContext ? rest : [root, ...rest]) {
    if (!isFields(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/** First source that holds text or a number. */
function firstOf(message: SdkMessage, sources: Sources): string | number | undefined {
  for (const source of sources) {
    const value = valueAt(message, source)
    const text = textOf(value)
    if (text !== undefined) return typeof value === 'number' ? value : text
  }
  return undefined
}

function absentLeftOut(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** What the message says whatever it is: ids, time, place. */
function envelopeOf(message: SdkMessage, { hideId }: MappingContext): Record<string, unknown> {
  const { context } = message
  const actorId = message.userId ?? message.anonymousId
  const ip = clippedText(context['ip'], 64)
  return {
    event_id: eventIdOfMessage(message.messageId),
    occurred_at: message.occurredAtMs,
    actor_id: actorId === undefined ? undefined : hideId(actorId),
    ip,
    user_agent: clippedText(context['userAgent'] ?? context['user_agent'], 1024),
    properties: Object.keys(message.properties).length > 0 ? message.properties : undefined,
  }
}

/** Fields of the mapped type but money and recipient, each from its first source. */
function plainFields(message: SdkMessage, sources: (field: string) => Sources, names: readonly string[], context: MappingContext) {
  const fields: Record<string, unknown> = {}
  for (const name of names) {
    const value = firstOf(message, sources(name))
    if (value === undefined) continue
    if (name === 'country') fields[name] = clippedText(value, 64)
    else if (name === 'url') fields[name] = clippedText(value, 4096)
    else if (name === 'email') fields[name] = clippedText(value, 320)
    else if (name === 'channel' || name === 'campaign' || name === 'variant') fields[name] = clippedText(value, ID_LENGTH_MAX)
    else if (name === 'referrer_id') fields[name] = context.hideId(String(value))
    else fields[name] = String(value)
  }
  return fields
}

function moneyOf(message: SdkMessage, sources: (field: string) => Sources, { map }: MappingContext): Record<string, unknown> {
  const named = firstOf(message, sources('currency'))
  const code = String(named ?? map.defaultCurrency).toUpperCase()
  // An amount in something that is no currency is no amount of money.
  if (!/^[A-Z]{3}$/.test(code)) return {}
  const minor = firstOf(message, sources('amount_minor'))
  const isMinor = minor !== undefined && Number.isSafeInteger(Number(minor)) && Number(minor) >= 0
  const amount = isMinor ? Number(minor) : minorUnits(firstOf(message, sources('amount')), code)
  return amount === undefined ? {} : { amount_minor: amount, currency: code }
}

function mappedEvent(message: SdkMessage, rule: MapRule, context: MappingContext): MappedEvent | undefined {
  const own: SourcesByField = rule.fields ?? {}
  const byType = context.map.fields[rule.type]
  const sources = (field: string): Sources => [...(own[field] ?? []), ...(byType[field] ?? [])]
  const fields = (...names: string[]) =>
    plainFields(message, sources, ['channel', 'campaign', 'variant', 'session_id', 'device_id', 'country', ...names], context)
  const envelope = envelopeOf(message, context)
  if (rule.type === 'rum') {
    const value = Number(firstOf(message, sources('value')) ?? Number.NaN)
    const page = clippedText(firstOf(message, sources('page')), 2048)
    if (!Number.isFinite(value) || value < 0 || page === undefined) return undefined
    return { ...envelope, ...fields('release', 'device'), type: 'rum', name: rule.name, value, page }
  }
  if (envelope['actor_id'] === undefined) return undefined
  switch (rule.type) {
    case 'share': {
      const found = fields('content_id', 'share_id', 'url', 'referral_code')
      return { ...envelope, ...found, type: 'share', content_id: clippedText(found['content_id'], ID_LENGTH_MAX) ?? 'unknown' }
    }
    case 'invite': {
      const found = fields('invite_id', 'referral_code')
      const inviteId = found['invite_id'] ?? (rule.action === 'sent' ? (eventIdOfMessage(message.messageId) ?? context.newId()) : undefined)
      if (inviteId === undefined) return undefined
      const recipient = recipientOf(message, sources, context)
      return { ...envelope, ...found, ...(recipient ? { recipient } : {}), type: 'invite', action: rule.action, invite_id: inviteId }
    }
    case 'conversion': {
      if (rule.kind === 'refund' && !context.mayMoveMoney) return undefined
      const found = fields('invite_id', 'referral_code', 'share_id', 'referrer_id', 'email', 'payment_hash')
      const order = context.mayMoveMoney ? { ...moneyOf(message, sources, context), ...orderOf(message, sources) } : {}
      return { ...envelope, ...found, ...order, type: 'conversion', kind: rule.kind }
    }
  }
}

function orderOf(message: SdkMessage, sources: (field: string) => Sources): Record<string, unknown> {
  const orderId = textOf(firstOf(message, sources('order_id')))
  return orderId === undefined ? {} : { order_id: orderId }
}

function recipientOf(message: SdkMessage, sources: (field: string) => Sources, { hideId }: MappingContext): object | undefined {
  const email = clippedText(firstOf(message, sources('recipient_email')), 320)
  const actorId = textOf(firstOf(message, sources('recipient_actor_id')))
  const recipient = absentLeftOut({
    email: email?.includes('@') ? email : undefined,
    phone: clippedText(firstOf(message, sources('recipient_phone')), 64),
    actor_id: actorId === undefined ? undefined : hideId(actorId),
  })
  return Object.keys(recipient).length > 0 ? recipient : undefined
}

/** The message as it is, for whoever asks; traits stand with the properties, personal data goes at admission. */
function trackedEvent(message: SdkMessage, context: MappingContext): MappedEvent {
  const hidden = (id: string | undefined) => (id === undefined ? undefined : context.hideId(id))
  const sources = (field: string): Sources => (ANY_EVENT_FIELDS as SourcesByField)[field] ?? []
  return {
    ...envelopeOf(message, context),
    ...plainFields(message, sources, Object.keys(ANY_EVENT_FIELDS), context),
    type: 'tracked',
    kind: message.kind,
    name: clippedText(message.name, TRACKED_NAME_LENGTH_MAX) ?? '',
    anonymous_id: hidden(message.anonymousId),
    previous_id: hidden(message.previousId),
    group_id: hidden(message.groupId ?? textOf(fieldsOf(message.context)['groupId'])),
  }
}

/** The event of a message: by its rule, or as `tracked`. */
export function eventOfMessage(message: SdkMessage, context: MappingContext): MappedEvent {
  const rule = message.kind === 'track' ? context.map.rules.get(plainEventName(message.name)) : undefined
  const mapped = rule && mappedEvent(message, rule, context)
  return absentLeftOut({ ...(mapped ?? trackedEvent(message, context)) }) as MappedEvent
}
