/** Statistics of K at any window end, from `people` (METRICS "K and its interval"). Histograms come from SQL, the weights from `metrics/`. */
import { cohortStartMs, DELAY_BIN_MINUTES, delayBinOfMinutes } from '../../metrics/delay-bins.ts'
import { exposure, peopleAtLeast } from '../../metrics/k-factor.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { KStatistics } from '../../schemas/records.ts'
import { isCredited, peopleAsOf } from './people-as-of.ts'
import { workspaceQuery } from './workspace-query.ts'

const firstCredited = workspaceQuery`
SELECT if(count() = 0, NULL, min(signup_ms)) AS first_ms FROM ${peopleAsOf} WHERE ${isCredited}`

/** People by age in whole minutes, rounded down to an edge of the delay bins: only there is "at least this old" ever asked. */
const ages = workspaceQuery`
SELECT
  roundDown(intDiv({endMs:Int64} - arrived_ms, 60000), {edges:Array(Int64)}) AS age_at_end,
  if(arrived_ms <= {startMs:Int64}, roundDown(intDiv({startMs:Int64} - arrived_ms, 60000), {edges:Array(Int64)}), -1) AS age_at_start,
  arrived_ms > {cohortStartMs:Int64} AS is_cohort,
  count() AS people
FROM ${peopleAsOf}
WHERE arrived_ms <= {endMs:Int64}
GROUP BY age_at_end, age_at_start, is_cohort`

/** Cycle times by whole minutes, rounded up: the child's signup since the arrival of a parent of the cohort. */
const cycles = workspaceQuery`
SELECT greatest(1, intDiv(child.signup_ms - parent.arrived_ms + 59999, 60000)) AS delay_minutes, count() AS cycles
FROM (SELECT referrer_id, signup_ms FROM ${peopleAsOf} WHERE ${isCredited}) AS child
INNER JOIN (
  SELECT actor_id, arrived_ms FROM ${peopleAsOf} WHERE arrived_ms <= {endMs:Int64} AND arrived_ms > {cohortStartMs:Int64}
) AS parent ON child.referrer_id = parent.actor_id
WHERE parent.arrived_ms <= child.signup_ms
GROUP BY delay_minutes`

/** Credits of the window by person, and how many of those people are not of the cohort. */
const credits = workspaceQuery`
SELECT
  sum(credits_of_person) AS credits,
  sum(credits_of_person * credits_of_person) AS credits_squared,
  countIf(referrer_id NOT IN (
    SELECT actor_id FROM ${peopleAsOf} WHERE arrived_ms <= {endMs:Int64} AND arrived_ms > {cohortStartMs:Int64}
  )) AS people_outside_cohort
FROM (
  SELECT referrer_id, count() AS credits_of_person
  FROM ${peopleAsOf}
  WHERE ${isCredited} AND signup_ms > {startMs:Int64}
  GROUP BY referrer_id
)`

/** Ages are rounded down to these; 0 is younger than the first edge. */
const EDGES = [0, ...DELAY_BIN_MINUTES]

/**
 * The statistics of K for the window `(endMs - lengthMs, endMs]` as of its end. The window starts no earlier than the first
 * credited signup, which is in it. Rejects with `WarehouseUnavailableError`.
 */
export async function readKStatistics(reader: WarehouseReader, workspace: string, endMs: number, lengthMs: number): Promise<KStatistics> {
  const [first] = await reader.select<{ first_ms: number | null }>({ workspace, sql: firstCredited, params: { endMs } })
  const firstMs = first?.first_ms ?? null
  const startMs = firstMs === null ? endMs - lengthMs : Math.max(endMs - lengthMs, firstMs - 1)
  const params = { endMs, startMs, cohortStartMs: cohortStartMs(endMs) }

  const ageRows = await reader.select<{ age_at_end: number; age_at_start: number; is_cohort: number; people: number }>({
    workspace,
    sql: ages,
    params: { ...params, edges: EDGES },
  })
  const cycleRows = await reader.select<{ delay_minutes: number; cycles: number }>({ workspace, sql: cycles, params })
  const [credited] = await reader.select<{ credits: number; credits_squared: number; people_outside_cohort: number }>({
    workspace,
    sql: credits,
    params,
  })

  const cycleCounts = new Int32Array(DELAY_BIN_MINUTES.length)
  let cycleTotal = 0
  for (const row of cycleRows) {
    const bin = delayBinOfMinutes(row.delay_minutes)
    cycleCounts[bin] = (cycleCounts[bin] ?? 0) + row.cycles
    cycleTotal += row.cycles
  }
  const cohort = ageRows.filter((row) => row.is_cohort === 1)
  const cohortAtLeast = peopleAtLeast(cohort.map((row) => [row.age_at_end, row.people] as const))
  const atEnd = peopleAtLeast(ageRows.map((row) => [row.age_at_end, row.people] as const))
  const atStart = peopleAtLeast(ageRows.filter((row) => row.age_at_start >= 0).map((row) => [row.age_at_start, row.people] as const))
  return {
    credits: credited?.credits ?? 0,
    credits_squared: credited?.credits_squared ?? 0,
    people: cohort.reduce((sum, row) => sum + row.people, 0) + (credited?.people_outside_cohort ?? 0),
    cycles: cycleTotal,
    exposure: exposure(cycleCounts, cohortAtLeast, (minutes) => atEnd(minutes) - atStart(minutes)),
  }
}
