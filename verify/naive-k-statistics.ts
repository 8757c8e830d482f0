/** The statistics behind K from plain facts, by METRICS "K and its interval": lists of instants and binary search. */
import type { KStatistics } from '../schemas/records.ts'
import { DAY_MS, MINUTE_MS } from '../schemas/windows.ts'
import { COHORT_DAYS, CYCLES_MIN, PEOPLE_AT_RISK_MIN, roundUpDelayMinutes } from './delay-grid.ts'
import type { Facts } from './naive-facts.ts'
import type { WindowSpec } from './window-numbers.ts'

/** Statistics as of the window's end: nothing that occurred later is known. */
export function naiveKStatistics(facts: Facts, { endMs, lengthMs }: WindowSpec): KStatistics {
  const cohortAfterMs = Math.floor(endMs / DAY_MS) * DAY_MS - COHORT_DAYS * DAY_MS
  const arrivalMs = arrivalsAsOf(facts, endMs)
  const arrivals = Float64Array.from(arrivalMs.values()).sort()
  const cohort = arrivals.subarray(countUpTo(arrivals, cohortAfterMs))

  let firstCreditedMs = Number.POSITIVE_INFINITY
  let cycles = 0
  const cyclesByDelay = new Map<number, number>()
  for (const { fact, credit } of facts.signups.values()) {
    if (credit === null || fact.occurredAtMs > endMs) continue
    firstCreditedMs = Math.min(firstCreditedMs, fact.occurredAtMs)
    const parentArrivalMs = arrivalMs.get(credit.referrerId)
    if (parentArrivalMs === undefined || parentArrivalMs <= cohortAfterMs || parentArrivalMs > fact.occurredAtMs) continue
    cycles += 1
    const delayMinutes = roundUpDelayMinutes(Math.ceil((fact.occurredAtMs - parentArrivalMs) / MINUTE_MS))
    cyclesByDelay.set(delayMinutes, (cyclesByDelay.get(delayMinutes) ?? 0) + 1)
  }
  const startMs = Math.max(endMs - lengthMs, firstCreditedMs - 1)

  let credits = 0
  const creditsOf = new Map<string, number>()
  for (const { fact, credit } of facts.signups.values()) {
    if (credit === null || fact.occurredAtMs <= startMs || fact.occurredAtMs > endMs) continue
    credits += 1
    creditsOf.set(credit.referrerId, (creditsOf.get(credit.referrerId) ?? 0) + 1)
  }
  let people = cohort.length
  let creditsSquared = 0
  for (const [referrerId, number] of creditsOf) {
    creditsSquared += number * number
    if (!((arrivalMs.get(referrerId) ?? Number.NEGATIVE_INFINITY) > cohortAfterMs)) people += 1
  }

  const weights: { delayMs: number; weight: number }[] = []
  for (const [delayMinutes, number] of [...cyclesByDelay].sort(([left], [right]) => left - right)) {
    const delayMs = delayMinutes * MINUTE_MS
    const atRisk = countUpTo(cohort, endMs - delayMs)
    if (atRisk >= PEOPLE_AT_RISK_MIN) weights.push({ delayMs, weight: number / atRisk })
  }
  let exposure: number | null = null
  if (cycles >= CYCLES_MIN && weights.length > 0) {
    const total = weights.reduce((sum, { weight }) => sum + weight, 0)
    exposure = 0
    for (const { delayMs, weight } of weights) {
      exposure += (weight / total) * (countUpTo(arrivals, endMs - delayMs) - countUpTo(arrivals, startMs - delayMs))
    }
  }
  return { credits, credits_squared: creditsSquared, people, cycles, exposure }
}

/** Arrival of everybody who has arrived by `endMs`: the counted signup, or before it the first activity. */
function arrivalsAsOf(facts: Facts, endMs: number): Map<string, number> {
  const arrivalMs = new Map<string, number>()
  for (const [actorId, firstActivityMs] of facts.firstActivityMs) {
    if (firstActivityMs > endMs) continue
    const signupMs = facts.signups.get(actorId)?.fact.occurredAtMs
    arrivalMs.set(actorId, signupMs !== undefined && signupMs <= endMs ? signupMs : firstActivityMs)
  }
  return arrivalMs
}

/** How many of the sorted instants are at or before `limitMs`: B(limit). */
function countUpTo(sorted: Float64Array, limitMs: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) <= limitMs) low = middle + 1
    else high = middle
  }
  return low
}
