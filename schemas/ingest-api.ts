/** Shapes of the ingest answers (CONTRACT "HTTP"). */
import { z } from 'zod'
import { EVENT_ERRORS, type EventErrorCode } from './errors.ts'

export const quarantinedResult = z.object({
  index: z.int(),
  event_id: z.string().nullable(),
  code: z.enum(Object.keys(EVENT_ERRORS) as [EventErrorCode, ...EventErrorCode[]]),
  path: z.string(),
  message: z.string(),
})
export type QuarantinedResult = z.infer<typeof quarantinedResult>

export const ingestResponse = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  quarantined: z.array(quarantinedResult),
})
export type IngestResponse = z.infer<typeof ingestResponse>
