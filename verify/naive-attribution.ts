/** Who brought whom, by METRICS "Attribution", from all events of a workspace in order. */
import type { CauseKind } from '../schemas/records.ts'
import { DAY_MS, MINUTE_MS } from '../schemas/windows.ts'
import type { Credit, Fact, Signup } from './naive-facts.ts'

/** A cause may lie this much after the conversion (clocks differ), and this long before it. */
const CAUSE_LEAD_MS = 5 * MINUTE_MS
const CAUSE_AGE_MS = 30 * DAY_MS

/** Counted signups by actor. `ordered` is by (occurred_at, event_id). */
export function creditSignups(ordered: readonly Fact[]): Map<string, Signup> {
  const firstSent = new Map<string, Fact>()
  const firstShare = new Map<string, Fact>()
  const carriers = new Map<string, Fact[]>()
  const counted = new Map<string, Fact>()
  for (const fact of ordered) {
    if (fact.type === 'invite' && !firstSent.has(fact.inviteId)) firstSent.set(fact.inviteId, fact)
    if (fact.type === 'share' && fact.shareId !== '' && !firstShare.has(fact.shareId)) firstShare.set(fact.shareId, fact)
    if (fact.type !== 'conversion' && fact.referralCode !== '') {
      const ofCode = carriers.get(fact.referralCode)
      if (ofCode === undefined) carriers.set(fact.referralCode, [fact])
      else if (ofCode[0]?.actorId === fact.actorId) ofCode.push(fact) // only its first actor owns a code
    }
    if (fact.type === 'conversion' && fact.kind === 'signup' && !counted.has(fact.actorId)) counted.set(fact.actorId, fact)
  }

  const signups = new Map<string, Signup>()
  for (const [actorId, fact] of counted) {
    const latestCarrier = latestAtOrBefore(carriers.get(fact.referralCode) ?? [], fact.occurredAtMs + CAUSE_LEAD_MS)
    const credit =
      creditTo(fact, 'invite', firstSent.get(fact.inviteId)) ??
      creditTo(fact, 'code', latestCarrier) ??
      creditTo(fact, 'share', firstShare.get(fact.shareId)) ??
      creditToReferrer(fact)
    signups.set(actorId, { fact, credit })
  }
  return signups
}

function creditTo(signup: Fact, via: CauseKind, cause: Fact | undefined): Credit | null {
  if (cause === undefined || cause.actorId === signup.actorId) return null
  const delayMs = signup.occurredAtMs - cause.occurredAtMs
  if (delayMs < -CAUSE_LEAD_MS || delayMs > CAUSE_AGE_MS) return null
  return { via, referrerId: cause.actorId, cause }
}

function creditToReferrer(signup: Fact): Credit | null {
  if (signup.referrerId === '' || signup.referrerId === signup.actorId) return null
  return { via: 'referrer', referrerId: signup.referrerId, cause: null }
}

/** Last of the facts (in order) that occurred at or before `limitMs`. */
function latestAtOrBefore(facts: readonly Fact[], limitMs: number): Fact | undefined {
  return facts[firstAfter(facts, limitMs) - 1]
}

/** Index of the first fact (in order) that occurred after `limitMs`. */
export function firstAfter(facts: readonly Fact[], limitMs: number): number {
  let low = 0
  let high = facts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((facts[middle]?.occurredAtMs ?? Number.POSITIVE_INFINITY) <= limitMs) low = middle + 1
    else high = middle
  }
  return low
}
