/** Statistics of K at any window end, from `people` (METRICS "K and its interval"). Histograms come from SQL, the weights from `metrics/`. */
import { cohortStartMs, DELAY_BIN_MINUTES, delayBinOfMinutes } from '../../metrics/delay-bins.ts'
import { exposure, peopleAtLeast } from '../../metrics/k-factor.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { KStatistics } from '../../schemas/records.ts'
import { MINUTE_MS } from '../../schemas/windows.ts'
import { isCredited, peopleAsOf } from './people-as-of.ts'
import { workspaceQuery } from './workspace-query.ts'

/**
 * People by age, rounded down to an edge of the delay bins: only there is "at least this old" ever asked. They are grouped by
 * whole minutes first, of which there are far fewer than people; `older` says whether the rest of the minute reaches the
 * length of the window too, so that both ages follow from one.
 */
const ages = workspaceQuery`
SELECT
  roundDown(age, {edges:Array(Int64)}) AS age_at_end,
  if(age + older > {lengthMinutes:Int64}, roundDown(age + older - 1 - {lengthMinutes:Int64}, {edges:Array(Int64)}), -1) AS age_at_start,
  is_cohort,
  sum(arrived) AS people
FROM (
  SELECT
    intDiv({endMs:Int64} - arrived_ms, 60000) AS age,
    ({endMs:Int64} - arrived_ms) % 60000 >= {lengthRestMs:Int64} AS older,
    arrived_ms > {cohortStartMs:Int64} AS is_cohort,
    count() AS arrived
  FROM ${peopleAsOf}
  WHERE arrived_ms <= {endMs:Int64}
  GROUP BY age, older, is_cohort
)
GROUP BY age_at_end, age_at_start, is_cohort`

/**
 * Everything about who was credited, from one join of the credited signups with who arrived in the cohort. Each credit counts
 * twice: with those of the same person, and by its cycle time (the child's signup since the arrival of a parent of the
 * cohort, in whole minutes; 0 where there is none). The row of delay 0 is about persons: the credits of the window, how
 * many of the people behind them are not of the cohort, and the first signup that was ever credited. The others are
 * about cycle times, rounded up to an edge of the delay bins.
 */
const credited = workspaceQuery`
SELECT
  if(is_person, 0, -roundDown(-delay, {negatedEdges:Array(Int64)})) AS delay_minutes,
  sum(signups) AS cycles,
  sum(credits_of_person) AS credits,
  sum(credits_of_person * credits_of_person) AS credits_squared,
  countIf(credits_of_person > 0 AND is_of_cohort = 0) AS people_outside_cohort,
  min(first_signup_ms) AS first_ms
FROM (
  SELECT
    grouping(delay) = 1 AS is_person,
    delay,
    count() AS signups,
    countIf(signup_ms > {startMs:Int64}) AS credits_of_person,
    max(is_of_parent_cohort) AS is_of_cohort,
    min(signup_ms) AS first_signup_ms
  FROM (
    SELECT
      referrer_key, signup_ms, is_of_parent_cohort,
      if(is_of_parent_cohort = 0 OR signup_ms < parent.arrived_ms, 0, greatest(1, intDiv(signup_ms - parent.arrived_ms + 59999, 60000))) AS delay
    FROM (
      SELECT actor_key, arrived_ms, 1 AS is_of_parent_cohort
      FROM ${peopleAsOf}
      WHERE arrived_ms <= {endMs:Int64} AND arrived_ms > {cohortStartMs:Int64}
    ) AS parent
    ALL RIGHT JOIN (
      SELECT referrer_key, signup_ms FROM ${peopleAsOf} WHERE ${isCredited}
    ) AS child ON parent.actor_key = child.referrer_key
  )
  GROUP BY GROUPING SETS ((referrer_key), (delay))
)
WHERE is_person OR delay > 0
GROUP BY is_person, delay_minutes`

interface CreditedRow {
  readonly delay_minutes: number
  readonly cycles: number
  readonly credits: number
  readonly credits_squared: number
  readonly people_outside_cohort: number
  readonly first_ms: number
}

/** Ages are rounded down to these; 0 is younger than the first edge. */
const EDGES = [0, ...DELAY_BIN_MINUTES]
/** To round up is to round the negative down. */
const NEGATED_EDGES = Array.from(DELAY_BIN_MINUTES, (minutes) => -minutes).reverse()

/** What both answers below are made of. */
interface Histograms {
  readonly credited: CreditedRow | undefined
  readonly cycleCounts: Int32Array
  readonly ages: readonly AgeRow[]
  readonly cohort: readonly AgeRow[]
  readonly cohortAtLeast: (minutes: number) => number
}

interface AgeRow {
  readonly age_at_end: number
  readonly age_at_start: number
  readonly is_cohort: number
  readonly people: number
}

async function readHistograms(reader: WarehouseReader, workspace: string, endMs: number, lengthMs: number): Promise<Histograms> {
  const bounds = { endMs, cohortStartMs: cohortStartMs(endMs) }
  const creditedRows = await reader.select<CreditedRow>({
    workspace,
    sql: credited,
    params: { ...bounds, startMs: endMs - lengthMs, negatedEdges: NEGATED_EDGES },
  })
  const all = creditedRows.find((row) => row.delay_minutes === 0)
  // No credit lies before the first, so the later start has the same credits.
  const startMs = all === undefined ? endMs - lengthMs : Math.max(endMs - lengthMs, all.first_ms - 1)
  const ageRows = await reader.select<AgeRow>({
    workspace,
    sql: ages,
    params: {
      ...bounds,
      lengthMinutes: Math.floor((endMs - startMs) / MINUTE_MS),
      lengthRestMs: (endMs - startMs) % MINUTE_MS,
      edges: EDGES,
    },
  })
  const cycleCounts = new Int32Array(DELAY_BIN_MINUTES.length)
  for (const { delay_minutes, cycles } of creditedRows) if (delay_minutes > 0) cycleCounts[delayBinOfMinutes(delay_minutes)] = cycles
  const cohort = ageRows.filter((row) => row.is_cohort === 1)
  const cohortAtLeast = peopleAtLeast(cohort.map((row) => [row.age_at_end, row.people] as const))
  return { credited: all, cycleCounts, ages: ageRows, cohort, cohortAtLeast }
}

/**
 * The statistics of K for the window `(endMs - lengthMs, endMs]` as of its end. The window starts no earlier than the first
 * credited signup, which is in it. Rejects with `WarehouseUnavailableError`.
 */
export async function readKStatistics(reader: WarehouseReader, workspace: string, endMs: number, lengthMs: number): Promise<KStatistics> {
  const { credited: all, cycleCounts, ages: people, cohort, cohortAtLeast } = await readHistograms(reader, workspace, endMs, lengthMs)
  const atEnd = peopleAtLeast(people.map((row) => [row.age_at_end, row.people] as const))
  const atStart = peopleAtLeast(people.filter((row) => row.age_at_start >= 0).map((row) => [row.age_at_start, row.people] as const))
  return {
    credits: all?.credits ?? 0,
    credits_squared: all?.credits_squared ?? 0,
    people: cohort.reduce((sum, row) => sum + row.people, 0) + (all?.people_outside_cohort ?? 0),
    cycles: cycleCounts.reduce((sum, count) => sum + count, 0),
    exposure: exposure(cycleCounts, cohortAtLeast, (minutes) => atEnd(minutes) - atStart(minutes)),
  }
}

/** Cycle times by bin of `DELAY_BIN_MINUTES`, and how many people had the time for each. */
export interface CycleTimes {
  readonly cycleCounts: Int32Array
  readonly reachedBy: (minutes: number) => number
}

/** The cycle times behind K as of `endMs`. Rejects with `WarehouseUnavailableError`. */
export async function readCycleTimes(reader: WarehouseReader, workspace: string, endMs: number): Promise<CycleTimes> {
  const { cycleCounts, cohortAtLeast: reachedBy } = await readHistograms(reader, workspace, endMs, 0)
  return { cycleCounts, reachedBy }
}
