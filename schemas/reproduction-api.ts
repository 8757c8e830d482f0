/** Shape of `/v1/growth/reproduction`: the reproduction number by step (METRICS "reproduction_number"). */
import { z } from 'zod'
import { instantText, scopeParameters, windowLength } from './growth-api.ts'

/** Why there is no estimate: at one step, or (the first three) at none of them. */
export const REPRODUCTION_REASONS = [
  'too_few_cycles',
  'step_too_long',
  'mean_not_above_one_step',
  'before_mean_interval',
  'no_earlier_step',
  'no_exposure',
] as const
export const REPRODUCTION_POINTS_MAX = 2_000
/** Steps from the first arrival on, all of which lie behind every point. */
export const REPRODUCTION_STEPS_MAX = 10_000

const positive = z.coerce.number().positive().max(1e6)

export const reproductionQuery = z
  .strictObject({
    step: windowLength.default('1d').describe('Length of a step; steps are counted from `from`.'),
    tau: z.coerce.number().int().min(1).max(1_000).default(7).describe('Steps of the window behind a point.'),
    from: instantText.optional().describe('Without it 90 steps before `to`.'),
    to: instantText.optional().describe('Without it the last whole step, of UTC, that is final.'),
    interval_mean: positive.optional().describe('Mean of the generation interval in steps, above 1. Without it the measured interval.'),
    interval_sd: positive.optional().describe('Its standard deviation in steps.'),
    prior_mean: positive.default(5),
    prior_sd: positive.default(5),
    ...scopeParameters,
  })
  .refine(({ interval_mean, interval_sd }) => (interval_mean === undefined) === (interval_sd === undefined), {
    path: ['interval_sd'],
    message: 'interval_mean and interval_sd go together',
  })

export const reproductionResponse = z.object({
  step: z.string(),
  tau: z.number(),
  interval: z
    .object({ kind: z.enum(['given', 'measured']), mean: z.number().describe('In steps.') })
    .nullable()
    .describe('The generation interval; null where none could be measured.'),
  points: z.array(
    z.object({
      at: z.string().describe('End of the window of `tau` steps.'),
      mean: z.number().nullable(),
      median: z.number().nullable(),
      lower: z.number().nullable().describe('2.5 % quantile.'),
      upper: z.number().nullable().describe('97.5 % quantile.'),
      local: z.number().describe('Arrivals of the window that somebody brought.'),
      imported: z.number().describe('The other arrivals of the window.'),
      reason: z.enum(REPRODUCTION_REASONS).optional(),
    }),
  ),
})
export type ReproductionResponse = z.infer<typeof reproductionResponse>
