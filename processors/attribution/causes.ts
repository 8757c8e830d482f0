/**
 * Causes of conversions, keyed by what a conversion names: an invite, a code or a share (METRICS "Attribution"). Knows
 * what carries each, answers a claim, and answers again when what arrives later changes the answer. Nothing depends
 * on the order of arrival.
 */
import { DAY_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { grownTo } from '../runtime/grown-cells.ts'
import { NONE } from '../runtime/sorted-lists.ts'
import { type ActorEvent, EventLists, type EventListsSnapshot } from './event-lists.ts'
import type { LabelNumbers, Labels } from './labels.ts'

/** A cause counts this long before a conversion, and this long after it (clocks differ). */
export const CAUSE_BEFORE_MS_MAX = 30 * DAY_MS
export const CAUSE_AFTER_MS_MAX = 5 * MINUTE_MS

/** What a conversion may name that is an event of ours. */
export const CARRIED_CAUSES = ['invite', 'code', 'share'] as const
export type CarriedCause = (typeof CARRIED_CAUSES)[number]

/** The event that made an invite, a code or a share known. */
export interface Carrier extends ActorEvent, Labels {}

export interface CauseName {
  readonly kind: CarriedCause
  readonly id: string
}

/** A conversion that names the cause and waits for an answer. */
export type Claim = ActorEvent

/** The answer: the event that the conversion is caused by, or null when none is in reach. */
export interface Resolution {
  readonly actorId: string
  readonly eventId: string
  readonly kind: CarriedCause
  readonly carrier: Carrier | null
}

interface KindSnapshot {
  /** By number of the cause. */
  readonly ids: readonly string[]
  readonly carriers: EventListsSnapshot
  readonly carrierLabels: Int32Array
  readonly first: Int32Array
  readonly claims: EventListsSnapshot
  readonly answers: Int32Array
}

export type CausesSnapshot = Readonly<Record<CarriedCause, KindSnapshot>>

export class Causes {
  readonly #kinds: Readonly<Record<CarriedCause, CausesOfKind>>

  constructor(answer: (resolution: Resolution) => void, labelNumbers: LabelNumbers, from?: CausesSnapshot) {
    const ofKind = (kind: CarriedCause) => new CausesOfKind(kind, answer, labelNumbers, from?.[kind])
    this.#kinds = { invite: ofKind('invite'), code: ofKind('code'), share: ofKind('share') }
  }

  /**
   * An event carries the cause: an invite's `sent`, a share with its id, either with a code. Returns the number of the
   * cause among those of its kind, given out in order of appearance from 0.
   */
  carried({ kind, id }: CauseName, carrier: Carrier): number {
    return this.#kinds[kind].carried(id, carrier)
  }

  /** A conversion names the cause. It is answered only when there is something to say, now or later. */
  claimed({ kind, id }: CauseName, claim: Claim): void {
    this.#kinds[kind].claimed(id, claim)
  }

  snapshot(): CausesSnapshot {
    const { invite, code, share } = this.#kinds
    return { invite: invite.snapshot(), code: code.snapshot(), share: share.snapshot() }
  }
}

class CausesOfKind {
  readonly #kind: CarriedCause
  readonly #answer: (resolution: Resolution) => void
  readonly #labelNumbers: LabelNumbers
  readonly #numbers: Map<string, number>
  /** Of invites and shares only the first is kept; of codes all, since the latest in reach is the cause. */
  readonly #carriers: EventLists
  /** By entry of the carriers. */
  #carrierLabels: Int32Array
  /** Entry of each cause's first carrier. */
  #first: Int32Array
  readonly #claims: EventLists
  /** By entry of the claims the entry of the carrier that was the answer. */
  #answers: Int32Array

  constructor(kind: CarriedCause, answer: (resolution: Resolution) => void, labelNumbers: LabelNumbers, from?: KindSnapshot) {
    this.#kind = kind
    this.#answer = answer
    this.#labelNumbers = labelNumbers
    this.#numbers = new Map(from?.ids.map((id, number) => [id, number]))
    this.#carriers = new EventLists(from?.carriers)
    this.#carrierLabels = from?.carrierLabels ?? new Int32Array(64)
    this.#first = from?.first ?? new Int32Array(64).fill(NONE)
    this.#claims = new EventLists(from?.claims)
    this.#answers = from?.answers ?? new Int32Array(64)
  }

  carried(id: string, carrier: Carrier): number {
    const cause = this.#numberOf(id)
    const before = this.#first[cause] as number
    const isFirst = before === NONE || this.#carriers.isAfter(before, carrier)
    if (!isFirst && this.#kind !== 'code') return cause // sending again restarts nothing
    const entry = this.#carriers.insert(cause, carrier)
    this.#carrierLabels = grownTo(this.#carrierLabels, entry)
    this.#carrierLabels[entry] = this.#labelNumbers.indexOf(carrier)
    if (isFirst) {
      this.#first[cause] = entry
      if (before !== NONE && this.#kind !== 'code') this.#carriers.removeLatest(cause)
    }
    // A claim from before it comes into reach is not concerned, unless the first carrier, the owner of a code, is another.
    const concernedFromMs = isFirst ? Number.NEGATIVE_INFINITY : carrier.atMs - CAUSE_AFTER_MS_MAX
    for (let claim = this.#claims.latest(cause); claim !== NONE; claim = this.#claims.earlier(claim)) {
      if (this.#claims.atMs(claim) < concernedFromMs) break
      this.#resolve(cause, claim)
    }
    return cause
  }

  claimed(id: string, claim: Claim): void {
    const cause = this.#numberOf(id)
    const entry = this.#claims.insert(cause, claim)
    this.#answers = grownTo(this.#answers, entry)
    this.#answers[entry] = NONE
    this.#resolve(cause, entry)
  }

  snapshot(): KindSnapshot {
    return {
      ids: [...this.#numbers.keys()],
      carriers: this.#carriers.snapshot(),
      carrierLabels: this.#carrierLabels,
      first: this.#first,
      claims: this.#claims.snapshot(),
      answers: this.#answers,
    }
  }

  #numberOf(id: string): number {
    let cause = this.#numbers.get(id)
    if (cause === undefined) {
      cause = this.#numbers.size
      this.#numbers.set(id, cause)
      this.#first = grownTo(this.#first, cause, NONE)
    }
    return cause
  }

  #resolve(cause: number, claim: number): void {
    const atMs = this.#claims.atMs(claim)
    const nearest = this.#kind === 'code' ? this.#latestOfOwner(cause, atMs) : (this.#first[cause] as number)
    const carrier = nearest !== NONE && isInReach(this.#carriers.atMs(nearest), atMs) ? nearest : NONE
    if (carrier === this.#answers[claim]) return
    this.#answers[claim] = carrier
    const actorId = this.#claims.actorId(claim)
    const eventId = this.#claims.eventId(claim)
    this.#answer({ actorId, eventId, kind: this.#kind, carrier: carrier === NONE ? null : this.#carrierAt(carrier) })
  }

  /** A code belongs to the first actor who carried it; the cause is that owner's latest carrying event that may be in reach. */
  #latestOfOwner(code: number, claimMs: number): number {
    const carriers = this.#carriers
    const first = this.#first[code] as number
    let entry = carriers.latest(code)
    while (entry !== NONE && (carriers.atMs(entry) > claimMs + CAUSE_AFTER_MS_MAX || carriers.actorId(entry) !== carriers.actorId(first)))
      entry = carriers.earlier(entry)
    return entry
  }

  #carrierAt(entry: number): Carrier {
    const carriers = this.#carriers
    const { channel, campaign, variant } = this.#labelNumbers.at(this.#carrierLabels[entry] as number)
    return { atMs: carriers.atMs(entry), eventId: carriers.eventId(entry), actorId: carriers.actorId(entry), channel, campaign, variant }
  }
}

function isInReach(carrierMs: number, claimMs: number): boolean {
  const beforeMs = claimMs - carrierMs
  return beforeMs >= -CAUSE_AFTER_MS_MAX && beforeMs <= CAUSE_BEFORE_MS_MAX
}
