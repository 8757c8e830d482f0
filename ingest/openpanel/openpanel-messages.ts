/** Bodies of OpenPanel's `/track` in the words of Segment's spec. */
import type { TrackedKind } from '../../schemas/tracked-events.ts'
import { fieldsOf, instantOf, isFields, type SdkItem, type SdkMessage, textOf } from '../sdk/sdk-message.ts'
import { listOf } from '../sdk/sdk-routes.ts'

type Fields = Readonly<Record<string, unknown>>

const KIND_OF_TYPE = new Map<string, TrackedKind>([
  ['track', 'track'],
  ['identify', 'identify'],
  ['group', 'group'],
  ['assign_group', 'group'],
  ['alias', 'alias'],
])

/** What OpenPanel keeps of an identify beside its properties. */
const PROFILE_FIELDS = ['firstName', 'lastName', 'email', 'avatar']

function propertiesOf(kind: TrackedKind, payload: Fields): Fields {
  const properties = fieldsOf(payload['properties'])
  if (kind === 'identify') {
    const profile = PROFILE_FIELDS.filter((name) => payload[name] !== undefined).map((name) => [name, payload[name]])
    return { ...properties, ...Object.fromEntries(profile) }
  }
  if (kind === 'track' || kind === 'page') return properties
  const { profileId: _profileId, properties: _properties, ...rest } = payload
  return { ...rest, ...properties }
}

function messageOf(type: string, payload: Fields, headers: Fields, visitorId: string): SdkMessage {
  const given = textOf(payload['name']) ?? ''
  const kind = type === 'track' && given === 'screen_view' ? 'page' : (KIND_OF_TYPE.get(type) ?? 'track')
  const properties = propertiesOf(kind, payload)
  const [groupId] = listOf(payload['groupIds'] ?? (kind === 'group' ? payload['id'] : payload['groups']))
  return {
    kind,
    name: kind === 'page' ? (textOf(properties['__title']) ?? '') : kind === 'track' && type !== 'track' ? type : given,
    messageId: undefined,
    userId: textOf(payload['profileId']),
    // OpenPanel knows visitors by their address and browser; so that nobody's events are lost, so do we.
    anonymousId: textOf(properties['__deviceId']) ?? visitorId,
    previousId: textOf(payload['alias']),
    groupId: textOf(groupId),
    // Only events that were held back have a time of their own, and no clock to correct it by.
    occurredAtMs: instantOf(properties['__timestamp']),
    properties,
    traits: properties,
    context: {
      ip: properties['__ip'] ?? headers['x-client-ip'],
      userAgent: headers['user-agent'],
      page: { path: properties['__path'] },
    },
  }
}

/** The messages of a body; recordings of sessions are none. */
export function openpanelItems(body: unknown, headers: Fields, visitorId: string): SdkItem[] {
  return listOf(body).flatMap((one): SdkItem[] => {
    if (!isFields(one) || !isFields(one['payload'])) return [{ unreadable: one }]
    const type = textOf(one['type']) ?? 'track'
    return type === 'replay' ? [] : [messageOf(type, one['payload'], headers, visitorId)]
  })
}
