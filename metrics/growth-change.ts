/**
 * Why a number moved between two windows: the change of K, of the referral rate C / A or of the viral coefficient C / U told apart into
 * causes that add up to it. Referred signups are a sum over groups of people g and channels i of
 *   A x A_g / A x U_g / A_g x O / U x O_i / O x C_i / O_i
 * (who is there, who of them spreads, how much, where, how well), so that `log-mean-index.ts` gives each factor its
 * part without a rest. How much and how well is taken to be the same for spreaders of all groups: no event says more.
 */
import type { NullReason } from '../schemas/growth-api.ts'
import { arrivalsAndDelays, type ExposureParts, type ExposureCounts } from './exposure-change.ts'
import { kMean, PRIOR_RATE, PRIOR_SHAPE } from './k-factor.ts'
import { type IndexTerm, logMean, termParts } from './log-mean-index.ts'

/** Counts of a window, whole and in parts; totals are the sums of the parts. */
export interface ChangeCounts {
  /** Active people by kind, for example new and unreferred, new and referred, known before. One group leaves `mix` out of rates. */
  readonly groups: Readonly<Record<string, { readonly active: number; readonly spreaders: number }>>
  /** Outreaches and referred signups by channel. */
  readonly channels: Readonly<Record<string, { readonly outreaches: number; readonly credits: number }>>
  /** L of K by kind of arrival; null when it is not known. */
  readonly exposure: ExposureCounts | null
}

export type ChangedRatio = 'k_factor' | 'viral_coefficient' | 'referral_rate'

/**
 * participation: who of those who are there spreads. outreach: how much a spreader does. conversion: how well it works within
 * a channel. channels: where it is done. mix: who is there. delays: the time that people take to bring others.
 */
export const CHANGE_CAUSES = ['participation', 'outreach', 'conversion', 'channels', 'mix', 'delays'] as const
export type ChangeCause = (typeof CHANGE_CAUSES)[number]

/** What `mix` is made of: how many are active, of which groups, and who arrived and is expected to bring others. */
export interface MixParts extends Omit<ExposureParts, 'delays'> {
  readonly active_people: number
  readonly groups: number
}

export interface GrowthChange {
  readonly metric: ChangedRatio
  readonly before: number
  readonly after: number
  /** In the metric's own unit; they add up to `after - before`. */
  readonly parts: Readonly<Record<ChangeCause, number>>
  readonly mix: MixParts
  /** Parts `conversion` and `channels` by channel. */
  readonly by_channel: Readonly<Record<string, { readonly conversion: number; readonly channels: number }>>
  /** Share of each group among active people. */
  readonly group_shares: Readonly<Record<string, { readonly before: number; readonly after: number }>>
}

export interface UnknownChange {
  readonly metric: ChangedRatio
  readonly reason: NullReason
}

type Factor = 'active_people' | 'groups' | 'participation' | 'outreach' | 'channels' | 'conversion' | 'exposure'
interface ChannelTerm extends IndexTerm<Factor> {
  readonly channel: string
}

/** What a window comes to. */
interface Totals {
  readonly active: number
  readonly spreaders: number
  readonly outreaches: number
  readonly credits: number
  /** What referred signups are divided by: A, U, or the posterior's rate. */
  readonly divisor: number
}

/**
 * The change of a metric from one window to another, or why there is none: the metric is null in one of them.
 *
 * @throws RangeError for a count that is negative or no number, or a group with more spreaders than active people
 */
export function growthChange(metric: ChangedRatio, before: ChangeCounts, after: ChangeCounts): GrowthChange | UnknownChange {
  const totals = [totalsOf(metric, before), totalsOf(metric, after)] as const
  const reason = nullReason(metric, totals[0], before) ?? nullReason(metric, totals[1], after)
  if (reason !== undefined) return { metric, reason }
  const terms = termsOf(metric, [before, after], totals)
  const factors: Record<Factor, number> = {
    active_people: 0,
    groups: 0,
    participation: 0,
    outreach: 0,
    channels: 0,
    conversion: 0,
    exposure: 0,
  }
  const byChannel = new Map<string, { conversion: number; channels: number }>()
  let exposureWeight = 0
  for (const term of terms) {
    if (term.before > 0 && term.after > 0 && term.factors.exposure !== undefined) exposureWeight += logMean(term.after, term.before)
    for (const [factor, part] of termParts(term)) {
      factors[factor] += part
      if (factor !== 'conversion' && factor !== 'channels') continue
      const ofChannel = byChannel.get(term.channel) ?? { conversion: 0, channels: 0 }
      byChannel.set(term.channel, { ...ofChannel, [factor]: ofChannel[factor] + part })
    }
  }
  const ofExposure = exposureParts(metric, before, after, exposureWeight)
  const { participation, outreach, conversion, channels, active_people, groups } = factors
  const { unreferred_arrivals, referred_arrivals, delays } = ofExposure
  const mix = { active_people, groups, unreferred_arrivals, referred_arrivals }
  return {
    metric,
    before: ratioOf(metric, totals[0]),
    after: ratioOf(metric, totals[1]),
    parts: { participation, outreach, conversion, channels, mix: active_people + groups + unreferred_arrivals + referred_arrivals, delays },
    mix,
    by_channel: Object.fromEntries(byChannel),
    group_shares: groupShares(before, after, totals),
  }
}

function totalsOf(metric: ChangedRatio, counts: ChangeCounts): Totals {
  const totals = { active: 0, spreaders: 0, outreaches: 0, credits: 0 }
  for (const { active, spreaders } of Object.values(counts.groups)) {
    if (!(spreaders >= 0 && active >= spreaders)) throw new RangeError('a group has more spreaders than active people, or a count below 0')
    totals.active += active
    totals.spreaders += spreaders
  }
  for (const { outreaches, credits } of Object.values(counts.channels)) {
    if (!(outreaches >= 0 && credits >= 0)) throw new RangeError('a channel has a count below 0')
    totals.outreaches += outreaches
    totals.credits += credits
  }
  const exposure = exposureOf(counts) ?? 0
  const divisor = { referral_rate: totals.active, viral_coefficient: totals.spreaders, k_factor: PRIOR_RATE + exposure }[metric]
  return { ...totals, divisor }
}

function exposureOf({ exposure }: ChangeCounts): number | null {
  return exposure === null ? null : exposure.referred + exposure.unreferred
}

function nullReason(metric: ChangedRatio, totals: Totals, counts: ChangeCounts): NullReason | undefined {
  if (metric === 'k_factor') {
    return kMean({ credits: totals.credits, exposure: exposureOf(counts), credits_squared: 0, people: 0, cycles: 0 }).reason
  }
  if (totals.divisor > 0) return undefined
  return metric === 'referral_rate' ? 'no_active_users' : 'no_spreaders'
}

function ratioOf(metric: ChangedRatio, { credits, divisor }: Totals): number {
  return ((metric === 'k_factor' ? PRIOR_SHAPE : 0) + credits) / divisor
}

function termsOf(metric: ChangedRatio, counts: readonly [ChangeCounts, ChangeCounts], totals: readonly [Totals, Totals]): ChannelTerm[] {
  const perDivisor = both((side) => 1 / totals[side].divisor)
  // Signups of earlier outreach alone, in a window without any: nothing tells the factors apart.
  const isOpaque = totals.some(({ credits, spreaders, outreaches }) => credits > 0 && (spreaders === 0 || outreaches === 0))
  const isOfK = metric === 'k_factor'
  const outer = {
    ...(isOfK ? { exposure: perDivisor } : {}),
    ...(isOfK && !isOpaque ? { active_people: both((side) => totals[side].active) } : {}),
  }
  const groups = metric === 'viral_coefficient' || isOpaque ? [null] : keysOf(counts[0].groups, counts[1].groups)
  const terms: ChannelTerm[] = []
  for (const channel of keysOf(counts[0].channels, counts[1].channels)) {
    const of = both((side) => own(counts[side].channels, channel) ?? NO_OUTREACH)
    for (const group of groups) {
      const people = both((side) => (group === null ? ALL : (own(counts[side].groups, group) ?? NOBODY)))
      const share = both((side) => (group === null ? 1 : (quotient(people[side].spreaders, totals[side].spreaders) ?? 0)))
      const [before, after] = both((side) => of[side].credits * share[side] * perDivisor[side])
      const factors = isOpaque
        ? { conversion: both((side) => (isOfK ? of[side].credits : quotient(of[side].credits, totals[side].divisor))) }
        : {
            ...(group === null ? {} : groupFactors(people, totals)),
            outreach: both((side) => quotient(totals[side].outreaches, totals[side].spreaders)),
            ...channelFactors(of, totals),
          }
      terms.push({ channel, before, after, factors: defined({ ...outer, ...factors }), otherwise: 'conversion' })
    }
  }
  if (isOfK) {
    const [before, after] = both((side) => PRIOR_SHAPE * perDivisor[side])
    terms.push({ channel: '', before, after, factors: { exposure: perDivisor }, otherwise: 'exposure' })
  }
  return terms
}

const ALL = { active: 1, spreaders: 1 } as const
const NOBODY = { active: 0, spreaders: 0 } as const
const NO_OUTREACH = { outreaches: 0, credits: 0 } as const

type Pair<Value> = readonly [before: Value, after: Value]

function both<Value>(of: (side: 0 | 1) => Value): Pair<Value> {
  return [of(0), of(1)]
}

function groupFactors(people: Pair<{ active: number; spreaders: number }>, totals: Pair<Totals>) {
  return {
    groups: both((side) => quotient(people[side].active, totals[side].active)),
    participation: both((side) => quotient(people[side].spreaders, people[side].active)),
  }
}

/** A channel that brought signups without outreach in the window (of earlier outreach) has one factor only: signups per outreach of all. */
function channelFactors(of: Pair<{ outreaches: number; credits: number }>, totals: Pair<Totals>) {
  if (of.some(({ outreaches, credits }) => outreaches === 0 && credits > 0)) {
    return { conversion: both((side) => quotient(of[side].credits, totals[side].outreaches)) }
  }
  return {
    channels: both((side) => quotient(of[side].outreaches, totals[side].outreaches)),
    conversion: both((side) => quotient(of[side].credits, of[side].outreaches)),
  }
}

function quotient(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator
}

/** Factors that have a value in both windows; the others say nothing of the change. */
function defined(factors: Partial<Record<Factor, Pair<number | null>>>): Partial<Record<Factor, Pair<number>>> {
  const known = Object.entries(factors).filter(([, [before, after]]) => before !== null && after !== null)
  return Object.fromEntries(known) as Partial<Record<Factor, Pair<number>>>
}

/** The part of 1 / (prior rate + L), told apart by arrivals and delays: - W x dL_g / L(rate after, rate before). */
function exposureParts(metric: ChangedRatio, before: ChangeCounts, after: ChangeCounts, weight: number): ExposureParts {
  if (metric !== 'k_factor' || before.exposure === null || after.exposure === null) return NO_EXPOSURE
  const changes = arrivalsAndDelays(before.exposure, after.exposure)
  const scale = -weight / logMean(PRIOR_RATE + (exposureOf(after) ?? 0), PRIOR_RATE + (exposureOf(before) ?? 0))
  const { unreferred_arrivals, referred_arrivals, delays } = changes
  return { unreferred_arrivals: scale * unreferred_arrivals, referred_arrivals: scale * referred_arrivals, delays: scale * delays }
}

const NO_EXPOSURE: ExposureParts = { unreferred_arrivals: 0, referred_arrivals: 0, delays: 0 }

function groupShares(before: ChangeCounts, after: ChangeCounts, totals: Pair<Totals>): GrowthChange['group_shares'] {
  const share = (counts: ChangeCounts, group: string, { active }: Totals) => quotient(own(counts.groups, group)?.active ?? 0, active) ?? 0
  return Object.fromEntries(
    keysOf(before.groups, after.groups).map((group) => [
      group,
      { before: share(before, group, totals[0]), after: share(after, group, totals[1]) },
    ]),
  )
}

/** Names come from outside: `constructor` is one like any other. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

function keysOf(before: object, after: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
}
