/**
 * One parsed value on its way to the log: validate -> key scope -> time -> properties -> personal data -> record ->
 * key for the dedupe. Pure but for the ids it makes; shared by HTTP requests and imports.
 */
import type { KeyKind } from '../schemas/config.ts'
import type { EventRecord } from '../schemas/log-records.ts'
import { partitionOf } from '../schemas/partitioner.ts'
import type { StorableEvent } from '../schemas/tracked-events.ts'
import type { DedupeStep, EventKey } from './dedupe/dedupe-step.ts'
import type { EventFault } from './event-fault.ts'
import type { KeptLookup } from './kept-index.ts'
import type { PersonalDataHasher } from './personal-data.ts'
import { eventTime } from './steps/event-time.ts'
import { guardProperties } from './steps/guard-properties.ts'
import { scopeFault } from './steps/key-scope.ts'
import { logRecordOf } from './steps/log-record-step.ts'
import { eventIdOf, quarantinedRecordOf, redactFault } from './steps/quarantine-record.ts'
import type { IncomingItem } from './steps/split-body.ts'
import { type Validated, validateEvent } from './steps/validate-event.ts'

/** What holds for all events of one request or one import. */
export interface AdmissionContext {
  readonly workspace: string
  /** Kind of the key that sent; imports come from the operator and count as `admin`. */
  readonly keyKind: KeyKind
  readonly receivedAtMs: number
  readonly shiftMs: number
  readonly importId: string | undefined
  readonly connectionIp: string | undefined
  readonly hasher: PersonalDataHasher
  readonly partitions: number
  readonly dedupe: DedupeStep
  /** A UUID v7. */
  readonly newId: () => string
  /** For imports: what is kept of this id, if anything. */
  readonly kept?: KeptLookup | undefined
}

/** A record that is ready for the log. */
export interface PreparedRecord {
  readonly partition: number
  readonly text: string
  /** Stored only when none of the keys was taken before; no keys: always. */
  readonly key: EventKey | undefined
  /** Marked as taken together with `key`, but does not make this record a duplicate. */
  readonly alsoKey?: EventKey | undefined
}

export type Admitted =
  | { readonly kind: 'event'; readonly prepared: PreparedRecord }
  /** Known before the log was asked. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'quarantined'; readonly prepared: PreparedRecord; readonly fault: EventFault; readonly eventId: string | undefined }

/** One incoming value, and what validation said of it. */
export interface ValidatedItem {
  readonly item: IncomingItem
  readonly validated: Validated<StorableEvent>
}

/** Validates the value of an item; the fault of a line that did not parse stands. */
export function validateItem(item: IncomingItem): Validated {
  return 'value' in item ? validateEvent(item.value) : { fault: item.fault }
}

/** The outcome of one item up to the commit. `validated` is what `validateItem` said of it. */
export function admitItem(item: IncomingItem, validated: Validated<StorableEvent>, context: AdmissionContext): Admitted {
  if ('fault' in validated) return quarantine(item, validated.fault, context)
  let event: StorableEvent = validated.event
  const scope = scopeFault(event, context.keyKind)
  if (scope) return quarantine(item, scope, context)
  const time = eventTime(event, context.receivedAtMs, context.shiftMs)
  if ('fault' in time) return quarantine(item, time.fault, context)
  if (event.properties !== undefined) {
    const guarded = guardProperties(event.properties, context.hasher)
    if ('fault' in guarded) return quarantine(item, guarded.fault, context)
    event = { ...event, properties: guarded.properties }
  }

  // An id made here can't have been sent before: it needs no place in the index.
  if (event.event_id === undefined) {
    const record = logRecordOf(event, context.newId(), time.occurredAtMs, context, undefined)
    return { kind: 'event', prepared: prepare(record, context, undefined, undefined) }
  }
  const key = context.dedupe.keyOf(context.workspace, event.event_id)
  if (context.kept?.isCounted(key)) return { kind: 'duplicate' }
  const kept = context.kept?.late(event.event_id)
  const record = logRecordOf(event, event.event_id, time.occurredAtMs, context, kept)
  if (!kept) return { kind: 'event', prepared: prepare(record, context, key, undefined) }
  // A row kept as late is replaced once, although its id may still be known; the id is known again from now on.
  const replaces = context.dedupe.keyOfOther(context.workspace, `supersedes:${kept.partition}:${kept.offset}`)
  return { kind: 'event', prepared: prepare(record, context, replaces, key) }
}

function prepare(record: EventRecord, context: AdmissionContext, key: EventKey | undefined, alsoKey: EventKey | undefined): PreparedRecord {
  const partition = partitionOf(context.workspace, record.actor_id ?? record.event_id, context.partitions)
  return { partition, text: JSON.stringify(record), key, alsoKey }
}

/** The reason goes into the log with the event. One with an event id is kept once by id and reason, so that retries add nothing. */
function quarantine(item: IncomingItem, rawFault: EventFault, context: AdmissionContext): Admitted {
  const fault = redactFault(rawFault)
  const quarantineId = context.newId()
  const record = quarantinedRecordOf(item, fault, { ...context, quarantineId })
  const eventId = 'value' in item ? eventIdOf(item.value) : undefined
  const key = eventId && context.dedupe.keyOfOther(context.workspace, `quarantined:${fault.code}:${fault.path}:${eventId}`)
  const partition = partitionOf(context.workspace, eventId ?? quarantineId, context.partitions)
  return { kind: 'quarantined', fault, eventId, prepared: { partition, text: JSON.stringify(record), key: key || undefined } }
}
