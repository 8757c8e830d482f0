/** One incoming value against the event union: the event, or the fault that names field and reason. */
import type { z } from 'zod'
import { type IncomingEvent, incomingEvent } from '../../schemas/events.ts'
import { type TrackedEvent, trackedEvent } from '../../schemas/tracked-events.ts'
import { type EventFault, eventFault } from '../event-fault.ts'
import { quickValidate } from './quick-validator.ts'

export const EVENT_DEPTH_MAX = 16

export type Validated<Event = IncomingEvent> = { readonly event: Event } | { readonly fault: EventFault }

type Issue = z.core.$ZodIssue

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function faultOf(issue: Issue, value: unknown): EventFault {
  const path = issue.path.map(String).join('.')
  if (issue.path.length === 0 && issue.code === 'invalid_type') return eventFault('event_not_object')
  if (path === 'type') return valueAt(value, ['type']) === undefined ? eventFault('type_missing', path) : eventFault('type_unknown', path)
  if (issue.code === 'unrecognized_keys') {
    const name = [...issue.path.map(String), issue.keys[0] ?? ''].join('.')
    return eventFault('field_unknown', name)
  }
  if (path === 'occurred_at' || path === 'sent_at') return eventFault('time_invalid', path)
  if (valueAt(value, issue.path) === undefined)
    return eventFault('field_missing', path, issue.code === 'custom' ? issue.message : `${path} is required.`)
  return eventFault('field_invalid', path, issue.message)
}

/** Whether objects and arrays nest deeper than `levels`; the value was parsed from text of bounded depth. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const inner of Object.values(value)) if (isDeeperThan(inner, levels - 1)) return true
  return false
}

/** Validates one parsed value of bounded depth. Unknown fields are faults, `__proto__` and `constructor` among them. */
export function validateEvent(value: unknown): Validated {
  const quick = quickValidate(value)
  return quick ? { event: quick } : validateAgainst(incomingEvent, value)
}

/** Validates what the SDK routes made of a message that is none of our events. */
export function validateTrackedEvent(value: unknown): Validated<TrackedEvent> {
  return validateAgainst(trackedEvent, value)
}

function validateAgainst<Event extends { readonly properties?: Record<string, unknown> | undefined }>(
  schema: z.ZodType<Event>,
  value: unknown,
): Validated<Event> {
  if (isDeeperThan(value, EVENT_DEPTH_MAX)) return { fault: eventFault('event_too_deep') }
  const result = schema.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    return { fault: issue ? faultOf(issue, value) : eventFault('field_invalid') }
  }
  const event = result.data
  // zod leaves `__proto__` out of records without a word; the properties step has to see and refuse it.
  const given = valueAt(value, ['properties'])
  return { event: given === undefined ? event : { ...event, properties: given as Record<string, unknown> } }
}
