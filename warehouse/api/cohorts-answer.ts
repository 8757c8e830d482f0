/** `/v1/cohorts`: the cohort triangle, with K of each cohort corrected for those still to come. */
import { broughtByAge, cohortK } from '../../metrics/cohort-k.ts'
import { type CohortLength, COHORTS_MAX, type CohortsResponse } from '../../schemas/cohorts-api.ts'
import { RequestError } from '../../schemas/errors.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { type Cohort, readCohorts } from '../queries/cohorts.ts'
import { readCycleTimes } from '../queries/k-statistics.ts'
import { readWatermarkMs } from '../queries/workspace-facts.ts'

export interface CohortsRequest {
  readonly by: CohortLength
  readonly atMs: number | undefined
  readonly fromMs: number | undefined
  readonly ages: number
}

/** Cohorts without `from`. */
const DEFAULT_COHORTS = 12
const AGE_MS: Readonly<Record<CohortLength, number>> = { day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS }
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS

/** Start of the cohort of `ms`, `steps` cohorts further on. */
function cohortStart(by: CohortLength, ms: number, steps: number): number {
  if (by === 'day') return (Math.floor(ms / DAY_MS) + steps) * DAY_MS
  if (by === 'week') return (Math.floor((ms - FIRST_MONDAY_MS) / (7 * DAY_MS)) + steps) * 7 * DAY_MS + FIRST_MONDAY_MS
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + steps, 1)
}

/** Throws `RequestError` for too many cohorts; rejects with `WarehouseUnavailableError`. */
export async function cohortsAnswer(reader: WarehouseReader, workspace: string, request: CohortsRequest): Promise<CohortsResponse> {
  const { by, fromMs, ages } = request
  const endMs = request.atMs ?? (await readWatermarkMs(reader, workspace))
  if (endMs === null) return { by, at: null, rows: [] }
  const starts: number[] = []
  for (let steps = 0; fromMs === undefined ? steps < DEFAULT_COHORTS : true; steps += 1) {
    const startMs = cohortStart(by, endMs, -steps)
    if (fromMs !== undefined && startMs < fromMs) break
    starts.unshift(startMs)
    if (starts.length > COHORTS_MAX)
      throw new RequestError('parameter_invalid', `from: more than ${COHORTS_MAX} cohorts: take longer ones or a later start`)
  }
  const toMs = cohortStart(by, endMs, 1)
  const cohorts = await readCohorts(reader, workspace, { starts, toMs, endMs, ageMs: AGE_MS[by], ages })
  const { cycleCounts, reachedBy } = await readCycleTimes(reader, workspace, endMs)
  const brought = broughtByAge(cycleCounts, reachedBy)
  const rows = cohorts.map((cohort) => ({
    cohort: new Date(cohort.startMs).toISOString(),
    people: cohort.passed[0] ?? 0,
    referrals: cohort.referrals,
    cohort_k: cohortK(cohort.referrals, cohort.byMinutes, brought),
    ages: agesOf(cohort),
  }))
  return { by, at: new Date(endMs).toISOString(), rows }
}

/** Ages that somebody has been through. */
function agesOf({ passed, byAge }: Cohort): CohortsResponse['rows'][number]['ages'] {
  const cells: CohortsResponse['rows'][number]['ages'] = []
  let perPerson = 0
  for (const [age, { referrals, spreading }] of byAge.entries()) {
    const people = passed[age + 1] ?? 0
    if (people === 0) break
    perPerson += referrals / people
    cells.push({ age, people, referrals_per_person: perPerson, spreading: spreading / people })
  }
  return cells
}
