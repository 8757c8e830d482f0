/** Growth numbers of one window from plain facts: sets and sums, as METRICS "Growth" words them. */
import { type CauseKind, DIMENSIONS, type Dimension, type GrowthCounts, type Money } from '../schemas/records.ts'
import { firstAfter } from './naive-attribution.ts'
import { naiveKStatistics } from './naive-k-statistics.ts'
import type { Fact, Facts } from './naive-facts.ts'
import type { SliceNumbers, WindowNumbers, WindowSpec } from './window-numbers.ts'

class Tally {
  readonly active = new Set<string>()
  readonly inviters = new Set<string>()
  readonly sharers = new Set<string>()
  readonly invites = new Set<string>()
  newUsers = 0
  shares = 0
  readonly via: Record<CauseKind, number> = { invite: 0, code: 0, share: 0, referrer: 0 }
  readonly revenue = new Map<string, number>()
  readonly referredRevenue = new Map<string, number>()

  counts(): GrowthCounts {
    return {
      active_users: this.active.size,
      new_users: this.newUsers,
      inviters: this.inviters.size,
      sharers: this.sharers.size,
      spreaders: new Set([...this.inviters, ...this.sharers]).size,
      invites_sent: this.invites.size,
      shares: this.shares,
      via_invite: this.via.invite,
      via_code: this.via.code,
      via_share: this.via.share,
      via_referrer: this.via.referrer,
      revenue: moneyOf(this.revenue),
      referred_revenue: moneyOf(this.referredRevenue),
    }
  }
}

/** A currency whose purchases and refunds cancel out is left out, as one that was never used. */
function moneyOf(sums: ReadonlyMap<string, number>): Money {
  return Object.fromEntries([...sums].filter(([, minor]) => minor !== 0).sort(([left], [right]) => (left < right ? -1 : 1)))
}

class Tallies {
  readonly whole = new Tally()
  readonly bySlice = new Map<Dimension, Map<string, Tally>>(DIMENSIONS.map((dimension) => [dimension, new Map()]))

  /** The whole workspace's tally and that of each dimension's value. */
  at(place: Readonly<Record<Dimension, string>>): Tally[] {
    const found = [this.whole]
    for (const [dimension, tallies] of this.bySlice) {
      const value = place[dimension]
      let tally = tallies.get(value)
      if (tally === undefined) {
        tally = new Tally()
        tallies.set(value, tally)
      }
      found.push(tally)
    }
    return found
  }
}

/** Numbers of one window as of its end. Slices are sorted by dimension, then value. */
export function naiveWindow(facts: Facts, window: WindowSpec): WindowNumbers {
  const startMs = window.endMs - window.lengthMs
  const tallies = new Tallies()
  for (let index = firstAfter(facts.ordered, startMs); index < facts.ordered.length; index++) {
    const fact = facts.ordered[index]
    if (fact === undefined || fact.occurredAtMs > window.endMs) break
    count(fact, facts, window.endMs, tallies)
  }
  const slices: SliceNumbers[] = []
  for (const [dimension, byValue] of tallies.bySlice) {
    for (const value of [...byValue.keys()].sort()) {
      slices.push({ dimension, value, counts: (byValue.get(value) as Tally).counts() })
    }
  }
  return { whole: { counts: tallies.whole.counts(), k: naiveKStatistics(facts, window) }, slices }
}

function count(fact: Fact, facts: Facts, endMs: number, tallies: Tallies): void {
  const signup = facts.signups.get(fact.actorId)
  const isCounted = signup?.fact === fact
  const credit = isCounted ? signup.credit : null
  for (const tally of tallies.at(credit?.cause ? placeOfCredited(fact, credit.cause) : fact)) {
    tally.active.add(fact.actorId)
    if (fact.type === 'invite') {
      tally.inviters.add(fact.actorId)
      tally.invites.add(fact.inviteId)
    }
    if (fact.type === 'share') {
      tally.sharers.add(fact.actorId)
      tally.shares += 1
    }
    if (isCounted) tally.newUsers += 1
    if (credit !== null) tally.via[credit.via] += 1
  }
  if (fact.currency === '') return
  const minor = fact.kind === 'refund' ? -fact.amountMinor : fact.amountMinor
  const isReferred = signup !== undefined && signup.credit !== null && signup.fact.occurredAtMs <= endMs
  for (const tally of tallies.at(fact)) {
    add(tally.revenue, fact.currency, minor)
    if (isReferred) add(tally.referredRevenue, fact.currency, minor)
  }
}

/** A credited signup stands where its cause says, else where it says itself. */
function placeOfCredited(signup: Fact, cause: Fact): Record<Dimension, string> {
  return {
    channel: cause.channel || signup.channel,
    campaign: cause.campaign || signup.campaign,
    variant: cause.variant || signup.variant,
  }
}

function add(sums: Map<string, number>, currency: string, minor: number): void {
  sums.set(currency, (sums.get(currency) ?? 0) + minor)
}
