/** A validated event as its record of the log: instants in ms, hashes in place of personal data. */
import { type EventRecord, LOG_RECORD_VERSION } from '../../schemas/log-records.ts'
import type { KeptEvent } from '../../schemas/ports/kept-ids.ts'
import type { StorableEvent } from '../../schemas/tracked-events.ts'
import type { PersonalDataHasher } from '../personal-data.ts'
import { replaceEmails } from '../personal-patterns.ts'

/** What the record has beside the fields of the event. */
export interface RecordContext {
  readonly workspace: string
  readonly receivedAtMs: number
  readonly importId: string | undefined
  /** Address of the connection, for events from browsers that carry none. */
  readonly connectionIp: string | undefined
  readonly hasher: PersonalDataHasher
}

type Draft = { -readonly [Field in keyof StorableEvent]?: unknown } & Record<string, unknown>

/**
 * The record of an event. `properties` were guarded before. Addresses in `url`, `page` and the name of a `tracked`
 * event are hashed, since links and titles carry them.
 */
export function logRecordOf(
  event: StorableEvent,
  eventId: string,
  occurredAtMs: number,
  context: RecordContext,
  supersedes: KeptEvent | undefined,
): EventRecord {
  const { hasher } = context
  const { sent_at: _sentAt, occurred_at: _occurredAt, event_id: _eventId, device_id, ip, ...kept } = event
  const draft: Draft = {
    v: LOG_RECORD_VERSION,
    workspace: context.workspace,
    received_at: context.receivedAtMs,
    event_id: eventId,
    occurred_at: occurredAtMs,
    ...kept,
  }
  if (context.importId !== undefined) draft.import_id = context.importId
  if (supersedes) draft.supersedes = { partition: supersedes.partition, offset: supersedes.offset, occurred_at: supersedes.occurred_at }
  if (device_id !== undefined) draft.device_hash = hasher.device(device_id)
  const address = ip ?? context.connectionIp
  const ipHash = address === undefined ? undefined : hasher.ip(address)
  if (ipHash !== undefined) draft.ip_hash = ipHash

  if (event.type === 'conversion' && event.email !== undefined) {
    delete draft.email
    Object.assign(draft, hasher.email(event.email))
  } else if (event.type === 'invite' && event.recipient) {
    const { email, phone, actor_id } = event.recipient
    const phoneHash = phone === undefined ? undefined : hasher.phone(phone)
    draft.recipient = {
      ...(actor_id === undefined ? {} : { actor_id }),
      ...(email === undefined ? {} : hasher.email(email)),
      ...(phoneHash === undefined ? {} : { phone_hash: phoneHash }),
    }
  } else if (event.type === 'share' && event.url !== undefined) {
    draft.url = withoutAddresses(event.url, hasher)
  } else if (event.type === 'rum') {
    draft.page = withoutAddresses(event.page, hasher)
  } else if (event.type === 'tracked') {
    // Titles of pages stand here, and people name events after what they are about.
    draft.name = withoutAddresses(event.name, hasher)
  }
  return draft as unknown as EventRecord
}

function withoutAddresses(text: string, hasher: PersonalDataHasher): string {
  return replaceEmails(text, (address) => hasher.email(address.replace(/%40/, '@')).email_hash)
}
