/** The statistics behind K by plain SQL: histograms come from the warehouse, the weights are added up here. */
import type { WarehouseReader } from '../schemas/ports/warehouse.ts'
import type { KStatistics } from '../schemas/records.ts'
import { DAY_MS } from '../schemas/windows.ts'
import { COHORT_DAYS, CYCLES_MIN, PEOPLE_AT_RISK_MIN, roundUpDelayMinutes } from './delay-grid.ts'
import { recomputation } from './sql-credits.ts'
import type { WindowSpec } from './window-numbers.ts'

/** People who have arrived by the end of the window: the counted signup, or before it the first activity. */
const ARRIVALS_SQL = `,
arrivals AS (
  SELECT
    actor_id,
    if(countIf(type = 'conversion' AND kind = 'signup') > 0, minIf(at, type = 'conversion' AND kind = 'signup'), min(at)) AS arrived_at
  FROM counted WHERE at <= {end_ms:Int64} GROUP BY actor_id
)`

const CREDITS_PER_PERSON_SQL = recomputation(`${ARRIVALS_SQL}
SELECT sum(n) AS credits, sum(n * n) AS credits_squared, countIf(a.actor_id = '' OR a.arrived_at <= {cohort_after_ms:Int64}) AS outside_cohort
FROM (
  SELECT referrer_id, count() AS n FROM signups
  WHERE via != '' AND signup_at > {start_ms:Int64} AND signup_at <= {end_ms:Int64}
  GROUP BY referrer_id
) AS c
LEFT JOIN arrivals AS a ON c.referrer_id = a.actor_id`)

/** Credited signups by their cycle time; -1 where the parent is not of the cohort, unseen, or arrived later. */
const CYCLES_SQL = recomputation(`${ARRIVALS_SQL}
SELECT
  if(
    a.actor_id != '' AND a.arrived_at <= s.signup_at AND a.arrived_at > {cohort_after_ms:Int64},
    greatest(1, intDiv(s.signup_at - a.arrived_at + 59999, 60000)),
    -1
  ) AS delay_minutes,
  count() AS cycles,
  min(s.signup_at) AS first_credited_at
FROM (SELECT * FROM signups WHERE via != '' AND signup_at <= {end_ms:Int64}) AS s
LEFT JOIN arrivals AS a ON s.referrer_id = a.actor_id
GROUP BY delay_minutes
ORDER BY delay_minutes`)

/** Arrivals by whole minutes of age at the end and at the start of the window; -1: not there yet at the start. */
const AGES_SQL = recomputation(`${ARRIVALS_SQL}
SELECT
  intDiv({end_ms:Int64} - arrived_at, 60000) AS age_at_end,
  if(arrived_at <= {start_ms:Int64}, intDiv({start_ms:Int64} - arrived_at, 60000), -1) AS age_at_start,
  count() AS people,
  countIf(arrived_at > {cohort_after_ms:Int64}) AS cohort
FROM arrivals
GROUP BY age_at_end, age_at_start`)

type Numeric = number | string

/** Statistics as of the window's end. Rejects as the reader does. */
export async function sqlKStatistics(
  reader: WarehouseReader,
  workspace: string,
  { endMs, lengthMs }: WindowSpec,
  belowOffsets: readonly number[],
): Promise<KStatistics> {
  const asOf = { below_offsets: belowOffsets, end_ms: endMs, cohort_after_ms: Math.floor(endMs / DAY_MS) * DAY_MS - COHORT_DAYS * DAY_MS }
  const cycleRows = await reader.select<CycleRow>({ workspace, sql: CYCLES_SQL, params: asOf })
  // A window that opens before the first credited signup opens with it instead.
  const firstCreditedMs = Math.min(...cycleRows.map((row) => Number(row.first_credited_at)), endMs)
  const params = { ...asOf, start_ms: Math.max(endMs - lengthMs, firstCreditedMs - 1) }
  const [credited] =
    cycleRows.length === 0
      ? []
      : await reader.select<{ credits: Numeric; credits_squared: Numeric; outside_cohort: Numeric }>({
          workspace,
          sql: CREDITS_PER_PERSON_SQL,
          params,
        })
  const ages = await reader.select<AgeRow>({ workspace, sql: AGES_SQL, params })

  let cycles = 0
  const cyclesByDelay = new Map<number, number>()
  for (const row of cycleRows) {
    if (Number(row.delay_minutes) < 0) continue
    cycles += Number(row.cycles)
    const delayMinutes = roundUpDelayMinutes(Number(row.delay_minutes))
    cyclesByDelay.set(delayMinutes, (cyclesByDelay.get(delayMinutes) ?? 0) + Number(row.cycles))
  }
  return {
    credits: Number(credited?.credits ?? 0),
    credits_squared: Number(credited?.credits_squared ?? 0),
    people: ages.reduce((sum, row) => sum + Number(row.cohort), 0) + Number(credited?.outside_cohort ?? 0),
    cycles,
    exposure: cycles < CYCLES_MIN ? null : exposureOf(cyclesByDelay, ages),
  }
}

interface CycleRow {
  readonly delay_minutes: Numeric
  readonly cycles: Numeric
  readonly first_credited_at: Numeric
}

interface AgeRow {
  readonly age_at_end: Numeric
  readonly age_at_start: Numeric
  readonly people: Numeric
  readonly cohort: Numeric
}

/** L: over the delays, weight times the people who reached that age inside the window; null without a usable delay. */
function exposureOf(cyclesByDelay: ReadonlyMap<number, number>, ages: readonly AgeRow[]): number | null {
  const oldest = Math.max(...cyclesByDelay.keys())
  const atEnd = new Float64Array(oldest + 2)
  const atStart = new Float64Array(oldest + 2)
  const cohort = new Float64Array(oldest + 2)
  for (const row of ages) {
    const ageAtEnd = Math.min(oldest, Number(row.age_at_end))
    const ageAtStart = Math.min(oldest, Number(row.age_at_start))
    atEnd[ageAtEnd] = (atEnd[ageAtEnd] ?? 0) + Number(row.people)
    cohort[ageAtEnd] = (cohort[ageAtEnd] ?? 0) + Number(row.cohort)
    if (ageAtStart >= 0) atStart[ageAtStart] = (atStart[ageAtStart] ?? 0) + Number(row.people)
  }
  for (const histogram of [atEnd, atStart, cohort]) {
    // From people of an age to people of at least that age.
    for (let age = oldest - 1; age >= 0; age--) histogram[age] = (histogram[age] ?? 0) + (histogram[age + 1] ?? 0)
  }
  let total = 0
  let weighted = 0
  for (const [delayMinutes, number] of cyclesByDelay) {
    const atRisk = cohort[delayMinutes] ?? 0
    if (atRisk < PEOPLE_AT_RISK_MIN) continue
    const weight = number / atRisk
    total += weight
    weighted += weight * ((atEnd[delayMinutes] ?? 0) - (atStart[delayMinutes] ?? 0))
  }
  return total === 0 ? null : weighted / total
}
