/** Shapes of `/v1/growth/restatements` and `/v1/growth/late`: what changed after it was final, and what came too late to change anything. */
import { z } from 'zod'
import { instantText, scopeParameters } from './growth-api.ts'
import { LIVE_WINDOWS } from './windows.ts'

const windowNames = LIVE_WINDOWS.map(({ name }) => name)

export const restatementsQuery = z.strictObject({
  window: z.enum(windowNames as [string, ...string[]]).optional(),
  metric: z.string().min(1).max(200).optional().describe('A number, such as k_factor; of money one currency, such as revenue:EUR.'),
  from: instantText.optional().describe('Windows that end at this instant or later.'),
  to: instantText.optional().describe('Windows that end at this instant or before.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().max(500).optional().describe('`next` of the page before.'),
  ...scopeParameters,
})

export const restatementsResponse = z.object({
  rows: z.array(
    z.object({
      metric: z.string(),
      window: z.string(),
      at: z.string().describe('End of the window.'),
      before: z.number().nullable(),
      after: z.number().nullable(),
      cause: z.string().describe('`late_event`, `import:ID`, or `replay:ID`, with `@` and the instant from which it replaced numbers.'),
      restated_at: z.string().nullable().describe('When: the newest receipt of the events behind it. Null for what an older build wrote.'),
    }),
  ),
  next: z.string().nullable().describe('Cursor of the next page; null at the end.'),
})
export type RestatementsResponse = z.infer<typeof restatementsResponse>

export const lateQuery = z.strictObject({
  from: instantText.optional().describe('Events that occurred at this instant or later.'),
  to: instantText.optional().describe('Events that occurred before this instant.'),
  ...scopeParameters,
})

export const lateResponse = z.object({
  events: z.number().describe('Events beyond the allowed lateness: stored, and counted nowhere. `kappa import` of them counts them.'),
  rows: z.array(
    z.object({
      day: z.string().describe('Day of occurrence, UTC.'),
      type: z.string(),
      events: z.number(),
      newest_receipt: z.string().describe('When the last of them came.'),
    }),
  ),
})
export type LateResponse = z.infer<typeof lateResponse>
