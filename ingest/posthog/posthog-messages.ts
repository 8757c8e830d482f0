/** Bodies of PostHog's capture API (one event, a list, or `batch`) in the words of Segment's spec. */
import type { TrackedKind } from '../../schemas/tracked-events.ts'
import { correctedInstant, fieldsOf, isFields, type SdkItem, type SdkMessage, textOf } from '../sdk/sdk-message.ts'
import { listOf, textUnder } from '../sdk/sdk-routes.ts'

type Fields = Readonly<Record<string, unknown>>

/** PostHog's own events that are calls of Segment's spec. */
const KIND_OF_EVENT = new Map<string, TrackedKind>([
  ['$pageview', 'page'],
  ['$screen', 'screen'],
  ['$identify', 'identify'],
  ['$set', 'identify'],
  ['$groupidentify', 'group'],
  ['$create_alias', 'alias'],
])

/** The key of the project stands among the properties of browsers' events; it is nobody's to read. */
function withoutKey({ token: _token, api_key: _apiKey, ...properties }: Fields): Fields {
  return properties
}

function sentAtOf(event: Fields, body: unknown, query: Readonly<Record<string, unknown>>): unknown {
  const named = event['sent_at'] ?? fieldsOf(body)['sent_at']
  if (named !== undefined) return named
  // posthog-js puts its clock into the address.
  return typeof query['_'] === 'string' && /^\d{13}$/.test(query['_']) ? Number(query['_']) : undefined
}

function occurredAt(event: Fields, sentAt: unknown, receivedAtMs: number): number | undefined {
  const { timestamp, offset } = event
  if (timestamp !== undefined && timestamp !== null) return correctedInstant(receivedAtMs, timestamp, sentAt)
  return typeof offset === 'number' && Number.isFinite(offset) && offset >= 0 ? receivedAtMs - Math.trunc(offset) : undefined
}

function propertiesOf(kind: TrackedKind, event: Fields, all: Fields): Fields {
  if (kind === 'identify') return { ...fieldsOf(all['$set_once'] ?? event['$set_once']), ...fieldsOf(all['$set'] ?? event['$set']) }
  return kind === 'group' ? fieldsOf(all['$group_set']) : all
}

function messageOf(event: Fields, sentAt: unknown, receivedAtMs: number): SdkMessage {
  const all = withoutKey(fieldsOf(event['properties']))
  const name = textOf(event['event']) ?? ''
  const kind = KIND_OF_EVENT.get(name) ?? 'track'
  const properties = propertiesOf(kind, event, all)
  return {
    kind,
    name: kind === 'page' ? (textOf(all['title']) ?? '') : kind === 'screen' ? (textOf(all['$screen_name']) ?? '') : name,
    messageId: textOf(event['uuid'] ?? all['$insert_id']),
    userId: textOf(event['distinct_id'] ?? all['distinct_id'] ?? event['$distinct_id']),
    anonymousId: textOf(all['$anon_distinct_id'] ?? event['$anon_distinct_id']),
    previousId: kind === 'alias' ? textOf(all['alias']) : undefined,
    groupId: textOf(all['$group_key']),
    occurredAtMs: occurredAt(event, sentAt, receivedAtMs),
    properties,
    traits: fieldsOf(all['$set']),
    context: {
      ip: all['$ip'],
      userAgent: all['$raw_user_agent'] ?? all['$useragent'],
      device: { id: all['$device_id'] },
      page: { path: all['$pathname'], url: all['$current_url'] },
      location: { country: all['$geoip_country_code'] },
      sessionId: all['$session_id'],
    },
  }
}

function eventsOf(body: unknown): readonly unknown[] {
  const { batch, data } = fieldsOf(body)
  if (Array.isArray(batch)) return batch
  return Array.isArray(data) ? data : listOf(body)
}

/** The key of a body: `api_key` or `token`, of the body, its first event, or that event's properties. */
export function posthogKey(body: unknown): string | undefined {
  const [first] = eventsOf(body)
  for (const place of [body, first, fieldsOf(first)['properties']]) {
    const key = textUnder(place, 'api_key') ?? textUnder(place, 'token')
    if (key !== undefined) return key
  }
  return undefined
}

/** The messages of a body. */
export function posthogItems(body: unknown, query: Readonly<Record<string, unknown>>, receivedAtMs: number): SdkItem[] {
  return eventsOf(body).map((event) =>
    isFields(event) ? messageOf(event, sentAtOf(event, body, query), receivedAtMs) : { unreadable: event },
  )
}
