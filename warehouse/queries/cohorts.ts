/** People by cohort of arrival and by age, as of an instant. Cohorts are ranges `[start, next start)` of arrival. */
import { DELAY_BIN_MINUTES } from '../../metrics/delay-bins.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { peopleAsOf } from './people-as-of.ts'
import { rowsOf, sql, workspaceQuery } from './workspace-query.ts'

const isOfCohorts = sql`arrived_ms >= {fromMs:Int64} AND arrived_ms < {toMs:Int64} AND arrived_ms <= {endMs:Int64}`

const people = workspaceQuery`
SELECT
  roundDown(arrived_ms, {starts:Array(Int64)}) AS cohort_ms,
  roundDown(intDiv({endMs:Int64} - arrived_ms, 60000), {edges:Array(Int64)}) AS age_minutes,
  least(intDiv({endMs:Int64} - arrived_ms, {ageMs:Int64}), {ages:Int64}) AS ages_passed,
  count() AS people
FROM ${peopleAsOf}
WHERE ${isOfCohorts}
GROUP BY cohort_ms, age_minutes, ages_passed`

/** Signups by the cohort of who brought them and that person's age; those of ages that are not over apart. */
const referrals = workspaceQuery`
SELECT
  cohort_ms,
  if(ages_passed > age_then, age_then, -1) AS age,
  count() AS referrals
FROM (
  SELECT
    parent.cohort_ms AS cohort_ms, parent.ages_passed AS ages_passed,
    intDiv(child.signup_ms - parent.arrived_ms, {ageMs:Int64}) AS age_then
  FROM (
    SELECT
      actor_key, arrived_ms,
      roundDown(arrived_ms, {starts:Array(Int64)}) AS cohort_ms,
      intDiv({endMs:Int64} - arrived_ms, {ageMs:Int64}) AS ages_passed
    FROM ${peopleAsOf}
    WHERE ${isOfCohorts}
  ) AS parent
  INNER JOIN (
    SELECT referrer_key, signup_ms FROM ${peopleAsOf} WHERE referrer_key != 0 AND signup_ms <= {endMs:Int64}
  ) AS child ON parent.actor_key = child.referrer_key
  WHERE child.signup_ms >= parent.arrived_ms
)
GROUP BY cohort_ms, age`

/** Who shared or invited at an age that is over. */
const spreading = workspaceQuery`
SELECT cohort_ms, age, uniqExact(actor) AS people
FROM (
  SELECT
    person.actor AS actor, person.cohort_ms AS cohort_ms, person.ages_passed AS ages_passed,
    intDiv(event.occurred_ms - person.arrived_ms, {ageMs:Int64}) AS age
  FROM (
    SELECT actor, toUnixTimestamp64Milli(occurred_at) AS occurred_ms
    FROM ${rowsOf(
      'events',
      sql`occurred_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND occurred_at <= fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`,
    )}
    WHERE late = 0 AND (type = 'share' OR (type = 'invite' AND action = 'sent'))
  ) AS event
  INNER JOIN (
    SELECT
      actor, arrived_ms,
      roundDown(arrived_ms, {starts:Array(Int64)}) AS cohort_ms,
      intDiv({endMs:Int64} - arrived_ms, {ageMs:Int64}) AS ages_passed
    FROM ${peopleAsOf}
    WHERE ${isOfCohorts}
  ) AS person ON person.actor = event.actor
  WHERE event.occurred_ms >= person.arrived_ms
)
WHERE age < ages_passed AND age < {ages:Int64}
GROUP BY cohort_ms, age`

export interface CohortsAsked {
  /** Starts of the cohorts, ascending, epoch ms; the last cohort ends at `toMs`. */
  readonly starts: readonly number[]
  readonly toMs: number
  /** As of when. */
  readonly endMs: number
  /** Length of an age, and how many are told apart. */
  readonly ageMs: number
  readonly ages: number
}

/** What is known of the cohort that begins at `startMs`. */
export interface Cohort {
  readonly startMs: number
  /** `[age in minutes, rounded down to an edge of the delay bins, people]`. */
  readonly byMinutes: (readonly [minutes: number, people: number])[]
  /** People who have been through so many ages, or more; by that number. */
  readonly passed: number[]
  /** Signups that they brought. */
  referrals: number
  /** Of those who have been through an age: what they brought at it, and how many of them shared or invited. */
  readonly byAge: { referrals: number; spreading: number }[]
}

const EDGES = [0, ...DELAY_BIN_MINUTES]

/** The cohorts in the order of `starts`. Rejects with `WarehouseUnavailableError`. */
export async function readCohorts(reader: WarehouseReader, workspace: string, asked: CohortsAsked): Promise<Cohort[]> {
  const { starts, toMs, endMs, ageMs, ages } = asked
  const bounds = { starts: [...starts], fromMs: starts[0] ?? toMs, toMs, endMs, ageMs }
  const cohorts = starts.map(
    (startMs): Cohort => ({
      startMs,
      byMinutes: [],
      passed: new Array<number>(ages + 1).fill(0),
      referrals: 0,
      byAge: Array.from({ length: ages }, () => ({ referrals: 0, spreading: 0 })),
    }),
  )
  const byStart = new Map(cohorts.map((cohort) => [cohort.startMs, cohort]))
  const [peopleRows, referralRows, spreadingRows] = [
    await reader.select<{ cohort_ms: number; age_minutes: number; ages_passed: number; people: number }>({
      workspace,
      sql: people,
      params: { ...bounds, ages, edges: EDGES },
    }),
    await reader.select<{ cohort_ms: number; age: number; referrals: number }>({ workspace, sql: referrals, params: bounds }),
    await reader.select<{ cohort_ms: number; age: number; people: number }>({ workspace, sql: spreading, params: { ...bounds, ages } }),
  ]
  for (const row of peopleRows) {
    const cohort = byStart.get(row.cohort_ms)
    cohort?.byMinutes.push([row.age_minutes, row.people])
    for (let age = 0; cohort !== undefined && age <= row.ages_passed; age += 1) cohort.passed[age] = (cohort.passed[age] ?? 0) + row.people
  }
  for (const { cohort_ms, age, referrals: count } of referralRows) {
    const cohort = byStart.get(cohort_ms)
    if (cohort === undefined) continue
    cohort.referrals += count
    const cell = cohort.byAge[age]
    if (cell !== undefined) cell.referrals = count
  }
  for (const { cohort_ms, age, people: count } of spreadingRows) {
    const cell = byStart.get(cohort_ms)?.byAge[age]
    if (cell !== undefined) cell.spreading = count
  }
  return cohorts
}
