/**
 * Messages of other products' SDKs that are none of our events: page views, traits, events that no rule maps. They are
 * stored as `tracked`, so that nothing is lost, and count nowhere. Only the SDK routes make them.
 */
import { z } from 'zod'
import { commonEventFields, eventId, type IncomingEvent } from './events.ts'

/** The calls of Segment's spec; those of the other SDKs are told in its words. */
export const TRACKED_KINDS = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const
export type TrackedKind = (typeof TRACKED_KINDS)[number]

export const TRACKED_NAME_LENGTH_MAX = 200

export const trackedEvent = z.strictObject({
  type: z.literal('tracked'),
  ...commonEventFields,
  actor_id: eventId().optional(),
  kind: z.enum(TRACKED_KINDS),
  name: z.string().max(TRACKED_NAME_LENGTH_MAX).describe('Name of the event, page or screen; may be empty.'),
  anonymous_id: eventId().optional().describe('Id of the visitor beside that of the user: what joins the two.'),
  previous_id: eventId().optional().describe('alias: the id under which actor_id was known before.'),
  group_id: eventId().optional(),
})
export type TrackedEvent = z.output<typeof trackedEvent>

/** Everything that may become an event of the log. */
export type StorableEvent = IncomingEvent | TrackedEvent
