/** Statistics of K at any window end, from `people` (METRICS "K and its interval"). Histograms come from SQL, the weights from `metrics/`. */
import { cohortStartMs, DELAY_BIN_MINUTES, delayBinOfMinutes } from '../../metrics/delay-bins.ts'
import { exposure, peopleAtLeast } from '../../metrics/k-factor.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { KStatistics } from '../../schemas/records.ts'
import { isCredited, peopleAsOf } from './people-as-of.ts'
import { workspaceQuery } from './workspace-query.ts'

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

/**
 * Everything about who was credited, in one walk over the people: who refers is the smaller side of the join, and stands in it
 * once with all the signups. The row of delay 0 has the credits of the window, how many of the people behind them are not of
 * the cohort, and the first signup that was ever credited. The others have cycle times (the child's signup since the arrival
 * of a parent of the cohort) by whole minutes, rounded up to an edge of the delay bins.
 */
const credited = workspaceQuery`
SELECT
  delay_minutes,
  count() AS people,
  sum(credits_of_person) AS credits,
  sum(credits_of_person * credits_of_person) AS credits_squared,
  countIf(credits_of_person > 0 AND is_of_cohort = 0) AS people_outside_cohort,
  min(first_signup_ms) AS first_ms
FROM (
  SELECT
    credits_of_person, is_of_cohort, first_signup_ms,
    arrayJoin(arrayConcat([toInt64(0)], if(is_of_cohort = 0, [], arrayMap(
      signup -> -roundDown(-greatest(1, intDiv(signup - parent.arrived_ms + 59999, 60000)), {negatedEdges:Array(Int64)}),
      arrayFilter(signup -> signup >= parent.arrived_ms, signups)
    )))) AS delay_minutes
  FROM (
    SELECT actor_id, arrived_ms, 1 AS is_of_cohort
    FROM ${peopleAsOf}
    WHERE arrived_ms <= {endMs:Int64} AND arrived_ms > {cohortStartMs:Int64}
  ) AS parent
  RIGHT ANY JOIN (
    SELECT
      referrer_id, groupArray(signup_ms) AS signups, countIf(signup_ms > {startMs:Int64}) AS credits_of_person,
      min(signup_ms) AS first_signup_ms
    FROM ${peopleAsOf}
    WHERE ${isCredited}
    GROUP BY referrer_id
  ) AS child ON parent.actor_id = child.referrer_id
)
GROUP BY delay_minutes`

interface CreditedRow {
  readonly delay_minutes: number
  readonly people: number
  readonly credits: number
  readonly credits_squared: number
  readonly people_outside_cohort: number
  readonly first_ms: number
}

/** Ages are rounded down to these; 0 is younger than the first edge. */
const EDGES = [0, ...DELAY_BIN_MINUTES]
/** To round up is to round the negative down. */
const NEGATED_EDGES = Array.from(DELAY_BIN_MINUTES, (minutes) => -minutes).reverse()

/**
 * The statistics of K for the window `(endMs - lengthMs, endMs]` as of its end. The window starts no earlier than the first
 * credited signup, which is in it. Rejects with `WarehouseUnavailableError`.
 */
export async function readKStatistics(reader: WarehouseReader, workspace: string, endMs: number, lengthMs: number): Promise<KStatistics> {
  const bounds = { endMs, cohortStartMs: cohortStartMs(endMs) }
  const creditedRows = await reader.select<CreditedRow>({
    workspace,
    sql: credited,
    params: { ...bounds, startMs: endMs - lengthMs, negatedEdges: NEGATED_EDGES },
  })
  const all = creditedRows.find((row) => row.delay_minutes === 0)
  // No credit lies before the first, so the later start has the same credits.
  const startMs = all === undefined ? endMs - lengthMs : Math.max(endMs - lengthMs, all.first_ms - 1)
  const ageRows = await reader.select<{ age_at_end: number; age_at_start: number; is_cohort: number; people: number }>({
    workspace,
    sql: ages,
    params: { ...bounds, startMs, edges: EDGES },
  })

  const cycleCounts = new Int32Array(DELAY_BIN_MINUTES.length)
  let cycleTotal = 0
  for (const { delay_minutes, people } of creditedRows) {
    if (delay_minutes === 0) continue
    cycleCounts[delayBinOfMinutes(delay_minutes)] = people
    cycleTotal += people
  }
  const cohort = ageRows.filter((row) => row.is_cohort === 1)
  const cohortAtLeast = peopleAtLeast(cohort.map((row) => [row.age_at_end, row.people] as const))
  const atEnd = peopleAtLeast(ageRows.map((row) => [row.age_at_end, row.people] as const))
  const atStart = peopleAtLeast(ageRows.filter((row) => row.age_at_start >= 0).map((row) => [row.age_at_start, row.people] as const))
  return {
    credits: all?.credits ?? 0,
    credits_squared: all?.credits_squared ?? 0,
    people: cohort.reduce((sum, row) => sum + row.people, 0) + (all?.people_outside_cohort ?? 0),
    cycles: cycleTotal,
    exposure: exposure(cycleCounts, cohortAtLeast, (minutes) => atEnd(minutes) - atStart(minutes)),
  }
}
