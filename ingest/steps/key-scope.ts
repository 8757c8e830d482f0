/** What a key may send: write keys stand in web pages, so whoever holds one must not move money. */
import type { KeyKind } from '../../schemas/config.ts'
import type { StorableEvent } from '../../schemas/tracked-events.ts'
import { type EventFault, eventFault } from '../event-fault.ts'

/** A refund needs no amount to take money back: it names the order. */
export const MONEY_FIELDS = ['amount_minor', 'currency', 'order_id'] as const

/** The fault of an event that the key may not send; undefined when it may. */
export function scopeFault(event: StorableEvent, kind: KeyKind): EventFault | undefined {
  if (kind !== 'write' || event.type !== 'conversion') return undefined
  if (event.kind === 'refund') return eventFault('event_not_allowed', 'kind')
  const field = MONEY_FIELDS.find((name) => event[name] !== undefined)
  return field && eventFault('event_not_allowed', field)
}
