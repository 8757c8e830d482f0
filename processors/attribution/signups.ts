/**
 * Which signup of an actor counts and to whom it is credited (METRICS "Attribution"). Keyed by the actor. Of its
 * signups the earliest counts, and it alone decides; of the causes it names the first that leads to somebody else wins.
 */
import type { CauseKind } from '../../schemas/records.ts'
import type { Carrier, CarriedCause, CauseName, Claim, Resolution } from './causes.ts'
import { compareEvents, type Ordered } from './event-order.ts'

/** A signup conversion as it came. */
export interface SignupEvent extends Ordered {
  readonly actorId: string
  readonly inviteId?: string | undefined
  readonly code?: string | undefined
  readonly shareId?: string | undefined
  readonly referrerId?: string | undefined
  readonly channel: string
  readonly campaign: string
  readonly variant: string
}

export interface CountedSignup {
  readonly atMs: number
  readonly eventId: string
  readonly referrerId: string
  readonly via: CauseKind | ''
  readonly channel: string
  readonly campaign: string
  readonly variant: string
}

interface Signup {
  readonly event: SignupEvent
  /** What the causes that are events of ours resolved to so far. */
  readonly resolved: Partial<Record<CarriedCause, Carrier>>
  counted: CountedSignup
}

export type SignupsSnapshot = Map<number, Signup>

export interface SignupsOutput {
  /** The actor's counted signup is this one (sign 1), or no longer (-1). */
  counted(actor: number, signup: CountedSignup, sign: 1 | -1): void
  /** A signup conversion that does not count: activity, no more. */
  plain(actor: number, signup: SignupEvent): void
  claim(name: CauseName, claim: Claim): void
}

export class Signups {
  readonly #output: SignupsOutput
  readonly #signups: Map<number, Signup>

  constructor(output: SignupsOutput, from?: SignupsSnapshot) {
    this.#output = output
    this.#signups = from ?? new Map()
  }

  signedUp(actor: number, event: SignupEvent): void {
    const current = this.#signups.get(actor)
    if (current && compareEvents(current.event, event) <= 0) {
      this.#output.plain(actor, event)
      return
    }
    if (current) {
      this.#output.counted(actor, current.counted, -1)
      this.#output.plain(actor, current.event)
    }
    const signup: Signup = { event, resolved: {}, counted: credit(event, {}) }
    this.#signups.set(actor, signup)
    this.#output.counted(actor, signup.counted, 1)
    for (const name of namedCauses(event)) this.#output.claim(name, event)
  }

  resolved(actor: number, { eventId, kind, carrier }: Resolution): void {
    const signup = this.#signups.get(actor)
    if (signup?.event.eventId !== eventId) return // an earlier signup has taken its place
    if (carrier === null) delete signup.resolved[kind]
    else signup.resolved[kind] = carrier
    const counted = credit(signup.event, signup.resolved)
    if (isSame(counted, signup.counted)) return
    this.#output.counted(actor, signup.counted, -1)
    signup.counted = counted
    this.#output.counted(actor, counted, 1)
  }

  snapshot(): SignupsSnapshot {
    return this.#signups
  }
}

function namedCauses({ inviteId, code, shareId }: SignupEvent): CauseName[] {
  const names: CauseName[] = []
  if (inviteId !== undefined) names.push({ kind: 'invite', id: inviteId })
  if (code !== undefined) names.push({ kind: 'code', id: code })
  if (shareId !== undefined) names.push({ kind: 'share', id: shareId })
  return names
}

/** The first cause, in the order invite, code, share, referrer, that leads to somebody else. */
function credit(event: SignupEvent, resolved: Partial<Record<CarriedCause, Carrier>>): CountedSignup {
  const { atMs, eventId, channel, campaign, variant } = event
  for (const via of ['invite', 'code', 'share'] as const) {
    const carrier = resolved[via]
    if (carrier === undefined || carrier.actorId === event.actorId) continue
    return {
      atMs,
      eventId,
      referrerId: carrier.actorId,
      via,
      channel: carrier.channel || channel,
      campaign: carrier.campaign || campaign,
      variant: carrier.variant || variant,
    }
  }
  const own = { atMs, eventId, channel, campaign, variant }
  if (event.referrerId !== undefined && event.referrerId !== event.actorId) return { ...own, referrerId: event.referrerId, via: 'referrer' }
  return { ...own, referrerId: '', via: '' }
}

function isSame(a: CountedSignup, b: CountedSignup): boolean {
  return a.referrerId === b.referrerId && a.via === b.via && a.channel === b.channel && a.campaign === b.campaign && a.variant === b.variant
}
