/** What `/readyz` answers, with 200 when ready and 503 when not. */
import { z } from 'zod'

export const readiness = z.object({
  ready: z.boolean(),
  not_ready: z.array(
    z.object({
      name: z.string().describe('`log`, `warehouse` or `processors`.'),
      reason: z.string(),
      since: z.string().describe('When this was first seen by somebody who asked.'),
    }),
  ),
  sink_lag: z
    .object({ events: z.number(), ms: z.number() })
    .nullable()
    .describe('How far what can be read is behind what was taken. Null when it can not be told.'),
})
export type Readiness = z.infer<typeof readiness>
