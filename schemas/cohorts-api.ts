/** Shape of `/v1/cohorts`: people by when they arrived, and what came of them by age. */
import { z } from 'zod'
import { instantText, scopeParameters } from './growth-api.ts'

export const COHORT_LENGTHS = ['day', 'week', 'month'] as const
export type CohortLength = (typeof COHORT_LENGTHS)[number]

export const COHORTS_MAX = 400
export const COHORT_REASONS = ['no_arrivals', 'too_few_cycles', 'too_young'] as const

export const cohortsQuery = z.strictObject({
  by: z.enum(COHORT_LENGTHS).default('week').describe('Cohorts of calendar days, weeks from Monday, or months, of UTC.'),
  at: instantText.optional().describe('As of when; without it as of what is final.'),
  from: instantText.optional().describe('Cohorts that begin then or later; without it the newest 12.'),
  ages: z.coerce.number().int().min(1).max(104).default(12).describe('Ages told apart: days, weeks, or months of 30 days.'),
  ...scopeParameters,
})

export const cohortsResponse = z.object({
  by: z.enum(COHORT_LENGTHS),
  at: z.string().nullable().describe('As of when; null before the first event.'),
  rows: z.array(
    z.object({
      cohort: z.string().describe('When the cohort begins.'),
      people: z.number(),
      referrals: z.number().describe('Signups that they brought so far.'),
      cohort_k: z.object({
        value: z.number().nullable().describe('Referrals per person once all have come.'),
        naive: z.number().nullable().describe('Referrals per person so far.'),
        maturity: z.number().nullable().describe('Mean share of what is to come that has had the time to.'),
        maturing: z.boolean(),
        reason: z.enum(COHORT_REASONS).optional(),
      }),
      ages: z.array(
        z.object({
          age: z.number().describe('0 is the first day, week or month of a person.'),
          people: z.number().describe('Those who have been through it.'),
          referrals_per_person: z.number().describe('Up to the end of this age: the mean cumulative function.'),
          spreading: z.number().describe('Share of them who shared or invited at this age.'),
        }),
      ),
    }),
  ),
})
export type CohortsResponse = z.infer<typeof cohortsResponse>
