/** The statistics behind K by plain SQL: histograms come from the warehouse, the weights are added up here. */
import type { WarehouseReader } from '../schemas/ports/warehouse.ts'
import type { KStatistics } from '../schemas/records.ts'
import { DAY_MS } from '../schemas/windows.ts'
import { COHORT_DAYS, CYCLES_MIN, PEOPLE_AT_RISK_MIN, roundUpDelayMinutes } from './delay-grid.ts'
import { type RecomputationScope, recomputation, windowsOf } from './sql-credits.ts'
import type { WindowSpec } from './window-numbers.ts'

/** Everybody with the first activity and, where there is one, the counted signup. */
const PEOPLE_SQL = `,
people_seen AS (
  SELECT
    actor_id, min(at) AS first_at,
    minIf(at, type = 'conversion' AND kind = 'signup') AS signed_at,
    countIf(type = 'conversion' AND kind = 'signup') > 0 AS has_signed
  FROM counted GROUP BY actor_id
)`

/** Numbers (from 1) of the windows by whose end an instant has passed. */
const windowsAfter = (instant: string) =>
  `arrayJoin(arrayFilter(number -> ${instant} <= {ends_ms:Array(Int64)}[number], arrayEnumerate({ends_ms:Array(Int64)})))`

/** Arrival as of the end of window w: the counted signup if it has happened by then, else the first activity. */
const arrivedAt = (person: string) =>
  `if(${person}.has_signed AND ${person}.signed_at <= {ends_ms:Array(Int64)}[w], ${person}.signed_at, ${person}.first_at)`
const isThere = (person: string) => `(${person}.actor_id != '' AND ${person}.first_at <= {ends_ms:Array(Int64)}[w])`

const CREDITS_PER_PERSON_SQL = recomputation(`${PEOPLE_SQL}
SELECT
  c.w AS w, sum(n) AS credits, sum(n * n) AS credits_squared,
  countIf(NOT ${isThere('a')} OR ${arrivedAt('a')} <= {cohorts_after_ms:Array(Int64)}[w]) AS outside_cohort
FROM (
  SELECT referrer_id, ${windowsOf('signup_at')} AS w, count() AS n FROM signups
  WHERE via != ''
  GROUP BY referrer_id, w
) AS c
LEFT JOIN people_seen AS a ON c.referrer_id = a.actor_id
GROUP BY w`)

/** Credited signups by their cycle time; -1 where the parent is not of the cohort, unseen, or arrived later. */
const CYCLES_SQL = recomputation(`${PEOPLE_SQL}
SELECT
  s.w AS w,
  if(
    ${isThere('a')} AND ${arrivedAt('a')} <= s.signup_at AND ${arrivedAt('a')} > {cohorts_after_ms:Array(Int64)}[w],
    greatest(1, intDiv(s.signup_at - ${arrivedAt('a')} + 59999, 60000)),
    -1
  ) AS delay_minutes,
  count() AS cycles,
  min(s.signup_at) AS first_credited_at
FROM (SELECT *, ${windowsAfter('signup_at')} AS w FROM signups WHERE via != '') AS s
LEFT JOIN people_seen AS a ON s.referrer_id = a.actor_id
GROUP BY w, delay_minutes
ORDER BY w, delay_minutes`)

/** Arrivals by whole minutes of age at the end and at the start of the window; -1: not there yet at the start. */
const AGES_SQL = recomputation(`${PEOPLE_SQL}
SELECT
  w,
  intDiv({ends_ms:Array(Int64)}[w] - arrived_at, 60000) AS age_at_end,
  if(arrived_at <= {starts_ms:Array(Int64)}[w], intDiv({starts_ms:Array(Int64)}[w] - arrived_at, 60000), -1) AS age_at_start,
  count() AS people,
  countIf(arrived_at > {cohorts_after_ms:Array(Int64)}[w]) AS cohort
FROM (SELECT p.w AS w, ${arrivedAt('p')} AS arrived_at FROM (SELECT *, ${windowsAfter('first_at')} AS w FROM people_seen) AS p)
GROUP BY w, age_at_end, age_at_start`)

type Numeric = number | string

/** Statistics of windows as of their ends, in the order of the windows. Rejects as the reader does. */
export async function sqlKStatistics(
  reader: WarehouseReader,
  workspace: string,
  windows: readonly WindowSpec[],
  scope: RecomputationScope,
): Promise<KStatistics[]> {
  const asOf = {
    ...scope,
    ends_ms: windows.map(({ endMs }) => endMs),
    cohorts_after_ms: windows.map(({ endMs }) => Math.floor(endMs / DAY_MS) * DAY_MS - COHORT_DAYS * DAY_MS),
  }
  const cycleRows = groupByWindow(await reader.select<CycleRow>({ workspace, sql: CYCLES_SQL, params: asOf }))
  // A window that opens before the first credited signup opens with it instead.
  const starts_ms = windows.map(({ endMs, lengthMs }, index) => {
    const firstCreditedMs = Math.min(...rowsOf(cycleRows, index).map((row) => Number(row.first_credited_at)), endMs)
    return Math.max(endMs - lengthMs, firstCreditedMs - 1)
  })
  const params = { ...asOf, starts_ms }
  const credits = cycleRows.size === 0 ? [] : await reader.select<CreditsRow>({ workspace, sql: CREDITS_PER_PERSON_SQL, params })
  const creditRows = groupByWindow(credits)
  const ageRows = groupByWindow(await reader.select<AgeRow>({ workspace, sql: AGES_SQL, params }))
  return windows.map((_, index) => statisticsOf(rowsOf(cycleRows, index), rowsOf(creditRows, index)[0], rowsOf(ageRows, index)))
}

function statisticsOf(cycleRows: readonly CycleRow[], credited: CreditsRow | undefined, ages: readonly AgeRow[]): KStatistics {
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

function groupByWindow<Row extends { readonly w: Numeric }>(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>()
  for (const row of rows) {
    const index = Number(row.w) - 1
    const group = groups.get(index)
    if (group === undefined) groups.set(index, [row])
    else group.push(row)
  }
  return groups
}

function rowsOf<Row>(groups: ReadonlyMap<number, readonly Row[]>, index: number): readonly Row[] {
  return groups.get(index) ?? []
}

interface CreditsRow {
  readonly w: Numeric
  readonly credits: Numeric
  readonly credits_squared: Numeric
  readonly outside_cohort: Numeric
}

interface CycleRow {
  readonly w: Numeric
  readonly delay_minutes: Numeric
  readonly cycles: Numeric
  readonly first_credited_at: Numeric
}

interface AgeRow {
  readonly w: Numeric
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
