/**
 * What one simulated person does from its arrival on: it signs up, invites and shares, buys, and brings others. The
 * branching process (how many, when) and the events that make it visible come from here, for `kappa simulate` and for
 * the live traffic of the demo alike.
 */
import type { IncomingEvent } from '../schemas/events.ts'
import type { Random } from './random.ts'

export type EventOf<Type extends IncomingEvent['type']> = Extract<IncomingEvent, { type: Type }>

/** An event with its instant, epoch ms; `occurred_at` is written when it is emitted. */
export interface TimedEvent {
  readonly atMs: number
  readonly event: IncomingEvent
}

/** The cause that a signup names, with what its signup event carries. */
type Cause = Partial<Pick<EventOf<'conversion'>, 'invite_id' | 'referral_code' | 'share_id' | 'referrer_id' | 'channel' | 'campaign'>>

export interface Person {
  readonly id: string
  readonly arrivalMs: number
  /** Null for somebody who came by itself. */
  readonly parentId: string | null
  readonly cause: Cause
}

/** How people bring others. */
export interface ReferralProcess {
  /** Expected number of signups that one person brings in the long run. */
  readonly k: number
  /** k of a negative binomial number of children (few bring most); Poisson without it. */
  readonly dispersion?: number
  /** Mean of the delay from a person's arrival to that of one it brings. */
  readonly generationMeanMs: number
}

/** The delay is the sum of two exponential steps (Erlang): hear of it, then sign up. Its sd is mean / sqrt(2). */
export const GENERATION_SHAPE = 2

/** Each child's way, in proportions as a product with all four would see them. */
const WAYS = [
  ['invite', 45],
  ['code', 20],
  ['share', 20],
  ['referrer', 15],
] as const
const INVITE_CHANNELS = [
  ['email', 50],
  ['whatsapp', 30],
  ['sms', 20],
] as const
const SHARE_CHANNELS = [
  ['twitter', 35],
  ['facebook', 25],
  ['whatsapp', 25],
  ['link', 15],
] as const
const ARRIVAL_CHANNELS = [
  ['search', 45],
  ['ads', 30],
  [undefined, 25],
] as const
const CAMPAIGNS = [
  [undefined, 60],
  ['launch', 25],
  ['give-get', 15],
] as const
const VARIANTS = [
  ['a', 50],
  ['b', 50],
] as const
/** Outreach that brings nobody, purchases and refunds, per person. */
const IDLE_INVITES_MEAN = 0.8
const IDLE_SHARES_MEAN = 0.7
const PURCHASE_PROBABILITY = 0.3
const REFUND_PROBABILITY = 0.06
const CURRENCIES = [
  ['EUR', 60],
  ['USD', 40],
] as const
/** Expected events of a person that do not come with a child; of a child by invite, code or share. */
const EVENTS_ALONE = 1 + IDLE_INVITES_MEAN * 1.5 + IDLE_SHARES_MEAN + PURCHASE_PROBABILITY * (1 + REFUND_PROBABILITY)
const EVENTS_PER_CHILD = 0.45 * 2.4 + 0.4

/** Expected number of events of one person, its own signup included. */
export function expectedEventsPerPerson(k: number): number {
  return EVENTS_ALONE + k * EVENTS_PER_CHILD
}

/** Somebody who comes by itself. */
export function unreferredPerson(id: string, arrivalMs: number, random: Random): Person {
  const channel = random.pick<string | undefined>(ARRIVAL_CHANNELS)
  return { id, arrivalMs, parentId: null, cause: channel === undefined ? {} : { channel } }
}

/** All events and children of a person, however late; the caller cuts. `nameChild` gives ids in order of creation. */
export function personStory(
  person: Person,
  process: ReferralProcess,
  random: Random,
  nameChild: () => string,
): { events: TimedEvent[]; children: Person[] } {
  const events: TimedEvent[] = []
  const children: Person[] = []
  let number = 0
  const add = (atMs: number, event: IncomingEvent) => events.push({ atMs: Math.round(atMs), event })
  const eventId = () => {
    number += 1
    return `${person.id}-${number}`
  }
  add(person.arrivalMs, { type: 'conversion', event_id: eventId(), actor_id: person.id, kind: 'signup', ...person.cause })

  const sendInvite = (atMs: number, answeredMs: number | null) => {
    const inviteId = `${person.id}-invite-${number + 1}`
    const campaign = random.pick<string | undefined>(CAMPAIGNS)
    const common = {
      type: 'invite' as const,
      actor_id: person.id,
      invite_id: inviteId,
      channel: random.pick(INVITE_CHANNELS),
      variant: random.pick(VARIANTS),
      ...(campaign === undefined ? {} : { campaign }),
    }
    add(atMs, { ...common, event_id: eventId(), action: 'sent' })
    // Who signs up has opened the invite, mostly with images on; of the others few do.
    const opens = random.uniform() < (answeredMs === null ? 0.35 : 0.8)
    const openMs = atMs + (answeredMs === null ? random.exponential(process.generationMeanMs / 4) : (answeredMs - atMs) * random.uniform())
    if (opens) add(openMs, { ...common, event_id: eventId(), action: 'opened' })
    const clicks = random.uniform() < (answeredMs === null ? 0.15 : 0.6)
    if (clicks)
      add(answeredMs === null ? openMs : openMs + (answeredMs - openMs) / 2, { ...common, event_id: eventId(), action: 'clicked' })
    return inviteId
  }
  const shareStory = (atMs: number, extra: Partial<EventOf<'share'>>) => {
    const campaign = random.pick<string | undefined>(CAMPAIGNS)
    add(atMs, {
      type: 'share',
      event_id: eventId(),
      actor_id: person.id,
      content_id: `story-${1 + Math.floor(random.uniform() ** 2 * 40)}`,
      channel: random.pick(SHARE_CHANNELS),
      ...(campaign === undefined ? {} : { campaign }),
      ...extra,
    })
  }

  const code = `CODE-${person.id}`
  const count = process.dispersion === undefined ? random.poisson(process.k) : random.negativeBinomial(process.k, process.dispersion)
  for (let child = 0; child < count; child++) {
    const delayMs = random.gamma(GENERATION_SHAPE, process.generationMeanMs / GENERATION_SHAPE)
    const arrivalMs = Math.round(person.arrivalMs + delayMs)
    const reachMs = Math.floor(person.arrivalMs + delayMs * random.uniform())
    const way = random.pick(WAYS)
    let cause: Cause
    if (way === 'invite') cause = { invite_id: sendInvite(reachMs, arrivalMs) }
    else if (way === 'referrer') cause = { referrer_id: person.id, channel: 'link' }
    else {
      const shareId = `${person.id}-share-${number + 1}`
      shareStory(reachMs, way === 'code' ? { referral_code: code } : { share_id: shareId })
      cause = way === 'code' ? { referral_code: code } : { share_id: shareId }
    }
    children.push({ id: nameChild(), arrivalMs, parentId: person.id, cause })
  }

  const someTime = () => person.arrivalMs + random.gamma(GENERATION_SHAPE, process.generationMeanMs / GENERATION_SHAPE)
  for (let idle = random.poisson(IDLE_INVITES_MEAN); idle > 0; idle--) sendInvite(someTime(), null)
  for (let idle = random.poisson(IDLE_SHARES_MEAN); idle > 0; idle--) shareStory(someTime(), {})
  if (random.uniform() < PURCHASE_PROBABILITY) {
    const order = {
      type: 'conversion' as const,
      actor_id: person.id,
      order_id: `${person.id}-order`,
      amount_minor: 500 + Math.floor(random.exponential(4_000)),
      currency: random.pick(CURRENCIES),
    }
    const boughtMs = someTime()
    add(boughtMs, { ...order, event_id: eventId(), kind: 'purchase' })
    if (random.uniform() < REFUND_PROBABILITY)
      add(boughtMs + random.exponential(process.generationMeanMs), { ...order, event_id: eventId(), kind: 'refund' })
  }
  return { events, children }
}
