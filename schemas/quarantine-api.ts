/** Shapes of `/v1/quarantine`. */
import { z } from 'zod'
import { EVENT_ERRORS, type EventErrorCode } from './errors.ts'
import { instantText, scopeParameters } from './growth-api.ts'

const codes = Object.keys(EVENT_ERRORS) as [EventErrorCode, ...EventErrorCode[]]
const STATES = ['open', 'retried', 'discarded'] as const

export const quarantineQuery = z.strictObject({
  code: z.enum(codes).optional(),
  state: z.enum([...STATES, 'all']).default('open'),
  from: instantText.optional().describe('Events received at this instant or later.'),
  to: instantText.optional().describe('Events received before this instant.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().max(500).optional().describe('`next` of the page before.'),
  ...scopeParameters,
})

export const quarantineRow = z.object({
  id: z.string(),
  received_at: z.string(),
  code: z.string(),
  path: z.string().describe('Field that the code is about, or place in the log.'),
  message: z.string(),
  event_id: z.string().nullable(),
  import_id: z.string().nullable(),
  state: z.enum(STATES),
  settled_at: z.string().nullable(),
  body: z.string().nullable().describe('The event as it is kept: personal data hashed or removed. For admins only, else null.'),
})

export const quarantineResponse = z.object({
  counts: z.array(z.object({ code: z.string(), events: z.number() })).describe('All events of the filter, by code.'),
  rows: z.array(quarantineRow),
  next: z.string().nullable().describe('Cursor of the next page; null at the end.'),
})
export type QuarantineResponse = z.infer<typeof quarantineResponse>

export const settleResponse = z.object({
  id: z.string(),
  outcome: z
    .enum(['accepted', 'duplicate', 'discarded', 'rejected', 'incomplete'])
    .describe(
      'accepted: it is an event now. duplicate: an event of its id is stored already. discarded: it is given up. rejected: it still has a fault, and stays. incomplete: personal data was removed from it, so it stays; send the event again, or discard it.',
    ),
  code: z.string().optional(),
  path: z.string().optional(),
  message: z.string().optional(),
})
export type SettleResponse = z.infer<typeof settleResponse>
