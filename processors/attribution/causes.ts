/**
 * Causes of conversions, keyed by what a conversion names: an invite, a code or a share (METRICS "Attribution"). Knows
 * what carries each, answers a claim, and answers again when what arrives later changes the answer. Nothing depends
 * on the order of arrival.
 */
import { DAY_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { compareEvents, type Ordered } from './event-order.ts'

/** A cause counts this long before a conversion, and this long after it (clocks differ). */
export const CAUSE_BEFORE_MS_MAX = 30 * DAY_MS
export const CAUSE_AFTER_MS_MAX = 5 * MINUTE_MS

/** What a conversion may name that is an event of ours. */
export const CARRIED_CAUSES = ['invite', 'code', 'share'] as const
export type CarriedCause = (typeof CARRIED_CAUSES)[number]

/** The event that made an invite, a code or a share known; '' for an absent field. */
export interface Carrier extends Ordered {
  readonly actorId: string
  readonly channel: string
  readonly campaign: string
  readonly variant: string
}

export interface CauseName {
  readonly kind: CarriedCause
  readonly id: string
}

/** A conversion that names the cause and waits for an answer. */
export interface Claim extends Ordered {
  readonly actorId: string
}

/** The answer: the event that the conversion is caused by, or null when none is in reach. */
export interface Resolution {
  readonly actorId: string
  readonly eventId: string
  readonly kind: CarriedCause
  readonly carrier: Carrier | null
}

interface Cause {
  /** In order. Of invites and shares only the first is kept; of codes all, since the latest in reach is the cause. */
  carriers: Carrier[]
  readonly claims: { readonly claim: Claim; answered: Carrier | null }[]
}

export type CausesSnapshot = Map<string, Cause>

export class Causes {
  readonly #answer: (resolution: Resolution) => void
  readonly #causes: Map<string, Cause>

  constructor(answer: (resolution: Resolution) => void, from?: CausesSnapshot) {
    this.#answer = answer
    this.#causes = from ?? new Map()
  }

  /** An event carries the cause: an invite's `sent`, a share with its id, either with a code. */
  carried(name: CauseName, carrier: Carrier): void {
    const cause = this.#of(name)
    const { carriers } = cause
    let index = carriers.length
    while (index > 0 && compareEvents(carriers[index - 1] as Carrier, carrier) > 0) index -= 1
    if (name.kind !== 'code') {
      if (index > 0) return // sending again restarts nothing
      cause.carriers = [carrier]
    } else carriers.splice(index, 0, carrier)
    for (const waiting of cause.claims) this.#resolve(name, cause, waiting)
  }

  /** A conversion names the cause. It is answered only when there is something to say, now or later. */
  claimed(name: CauseName, claim: Claim): void {
    const cause = this.#of(name)
    const waiting = { claim, answered: null }
    cause.claims.push(waiting)
    this.#resolve(name, cause, waiting)
  }

  snapshot(): CausesSnapshot {
    return this.#causes
  }

  #of({ kind, id }: CauseName): Cause {
    const key = `${kind}:${id}`
    let cause = this.#causes.get(key)
    if (cause === undefined) {
      cause = { carriers: [], claims: [] }
      this.#causes.set(key, cause)
    }
    return cause
  }

  #resolve({ kind }: CauseName, cause: Cause, waiting: Cause['claims'][number]): void {
    const { claim } = waiting
    const carrier = kind === 'code' ? latestOfOwner(cause.carriers, claim) : firstInReach(cause.carriers, claim)
    if (carrier === waiting.answered) return
    waiting.answered = carrier
    this.#answer({ actorId: claim.actorId, eventId: claim.eventId, kind, carrier })
  }
}

function isInReach(carrier: Carrier, claim: Claim): boolean {
  const beforeMs = claim.atMs - carrier.atMs
  return beforeMs >= -CAUSE_AFTER_MS_MAX && beforeMs <= CAUSE_BEFORE_MS_MAX
}

function firstInReach(carriers: readonly Carrier[], claim: Claim): Carrier | null {
  const first = carriers[0]
  return first && isInReach(first, claim) ? first : null
}

/** A code belongs to the first actor who carried it; the cause is that owner's latest carrying event in reach. */
function latestOfOwner(carriers: readonly Carrier[], claim: Claim): Carrier | null {
  const owner = carriers[0]?.actorId
  const latest = carriers.findLast((carrier) => carrier.actorId === owner && carrier.atMs <= claim.atMs + CAUSE_AFTER_MS_MAX)
  return latest && isInReach(latest, claim) ? latest : null
}
