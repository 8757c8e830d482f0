/** A message of an SDK on its way in, over HTTP or in an import: mapped to an event, and validated as what it became. */
import { type ValidatedItem, validateItem } from '../admit-event.ts'
import { canonicalEmail, type PersonalDataHasher } from '../personal-data.ts'
import { eventOfMessage, type MappingContext } from '../segment/event-map.ts'
import { validateTrackedEvent } from '../steps/validate-event.ts'
import type { SdkItem } from './sdk-message.ts'

export interface MessageMapping extends Pick<MappingContext, 'map' | 'mayMoveMoney' | 'newId'> {
  /** That of the workspace. */
  readonly hasher: PersonalDataHasher
}

/** The event of a message, validated; a value that is no message has its fault. */
export function validatedMessage(item: SdkItem, { hasher, ...mapping }: MessageMapping): ValidatedItem {
  if ('unreadable' in item) return { item: { value: item.unreadable }, validated: validateItem({ value: item.unreadable }) }
  const value = eventOfMessage(item, { ...mapping, hideId: (id) => (canonicalEmail(id) ? hasher.email(id).email_hash : id) })
  return { item: { value }, validated: value.type === 'tracked' ? validateTrackedEvent(value) : validateItem({ value }) }
}
