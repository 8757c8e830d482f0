/** Time of an event (METRICS "Time"): one correction of the client's clock for a request, and the bounds of `occurred_at`. */
import type { StorableEvent } from '../../schemas/tracked-events.ts'
import { CLOCK_SKEW_TOLERANCE_MS, EARLIEST_OCCURRED_AT_MS, LATEST_LEAD_MS } from '../../schemas/windows.ts'
import { type EventFault, eventFault } from '../event-fault.ts'
import { instantMs } from './instant.ts'

export type EventTime = { readonly occurredAtMs: number } | { readonly fault: EventFault }

/**
 * How far the events of a request are shifted, in ms. `sent_at` is a field of events, but says when the request was sent:
 * the first one of the request (in its order) counts for all. Within 5 minutes of receipt: not at all.
 */
export function requestShiftMs(sentAt: string | number | undefined, receivedAtMs: number): number {
  if (sentAt === undefined) return 0
  const shiftMs = receivedAtMs - instantMs(sentAt)
  return Math.abs(shiftMs) > CLOCK_SKEW_TOLERANCE_MS ? shiftMs : 0
}

/** `occurred_at` as the log stores it. An event without one happened at receipt, which needs no correction. */
export function eventTime(event: StorableEvent, receivedAtMs: number, shiftMs: number): EventTime {
  if (event.occurred_at === undefined) return { occurredAtMs: receivedAtMs }
  const occurredAtMs = instantMs(event.occurred_at) + shiftMs
  if (occurredAtMs < EARLIEST_OCCURRED_AT_MS) return { fault: eventFault('time_too_early', 'occurred_at') }
  if (occurredAtMs > receivedAtMs + LATEST_LEAD_MS) return { fault: eventFault('time_in_future', 'occurred_at') }
  return { occurredAtMs }
}
