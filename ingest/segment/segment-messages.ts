/** Bodies of Segment's HTTP API (one message, or `batch`) as messages. */
import { TRACKED_KINDS, type TrackedKind } from '../../schemas/tracked-events.ts'
import { correctedInstant, fieldsOf, instantOf, isFields, type SdkItem, type SdkMessage, textOf } from '../sdk/sdk-message.ts'

type Fields = Readonly<Record<string, unknown>>

function kindNamed(value: unknown): TrackedKind | undefined {
  const name = typeof value === 'string' ? value.toLowerCase() : ''
  return TRACKED_KINDS.find((kind) => kind === name)
}

/** The kind of a message that does not name it: by what it has. */
function kindOfFields(message: Fields): TrackedKind {
  if (textOf(message['event']) !== undefined) return 'track'
  if (textOf(message['previousId']) !== undefined) return 'alias'
  if (textOf(message['groupId']) !== undefined) return 'group'
  return isFields(message['traits']) ? 'identify' : 'track'
}

/**
 * A `receivedAt` was written by a server that corrected `timestamp` already: what it says stands. Otherwise the client's
 * clock is corrected by `sentAt` of the message or of its batch. Without a receipt, in an import, no clock is.
 */
function occurredAt(message: Fields, batch: Fields, receivedAtMs: number | undefined): number | undefined {
  const { timestamp, originalTimestamp } = message
  if (receivedAtMs === undefined) return instantOf(timestamp) ?? instantOf(originalTimestamp)
  if (instantOf(message['receivedAt']) !== undefined && instantOf(timestamp) !== undefined) return instantOf(timestamp)
  return correctedInstant(receivedAtMs, originalTimestamp ?? timestamp, message['sentAt'] ?? batch['sentAt'])
}

function messageOf(message: Fields, batch: Fields, pathKind: TrackedKind | undefined, receivedAtMs: number | undefined): SdkMessage {
  const kind = pathKind ?? kindNamed(message['type']) ?? kindNamed(message['action']) ?? kindOfFields(message)
  const context = { ...fieldsOf(batch['context']), ...fieldsOf(message['context']) }
  const ownTraits = fieldsOf(message['traits'])
  // RudderStack's SDKs have the traits of an identify in the context.
  const traits = kind === 'identify' && Object.keys(ownTraits).length === 0 ? fieldsOf(context['traits']) : ownTraits
  const hasTraits = kind === 'identify' || kind === 'group'
  return {
    kind,
    name: textOf(kind === 'track' ? message['event'] : message['name']) ?? '',
    messageId: textOf(message['messageId']),
    userId: textOf(message['userId']),
    anonymousId: textOf(message['anonymousId']),
    previousId: textOf(message['previousId']),
    groupId: textOf(message['groupId']),
    occurredAtMs: occurredAt(message, batch, receivedAtMs),
    properties: hasTraits ? traits : fieldsOf(message['properties']),
    traits,
    context,
  }
}

/**
 * The messages of a body; `pathKind` is undefined for `batch`. `receivedAtMs` is the instant of receipt in epoch ms, undefined
 * in an import, where clocks stay as they are.
 */
export function segmentItems(body: unknown, pathKind: TrackedKind | undefined, receivedAtMs: number | undefined): SdkItem[] {
  const batch = fieldsOf(body)
  const isBatch = Array.isArray(body) || Array.isArray(batch['batch'])
  const list: readonly unknown[] = Array.isArray(body) ? body : Array.isArray(batch['batch']) ? batch['batch'] : [body]
  return list.map((one) =>
    isFields(one) ? messageOf(one, isBatch ? batch : {}, isBatch ? undefined : pathKind, receivedAtMs) : { unreadable: one },
  )
}
