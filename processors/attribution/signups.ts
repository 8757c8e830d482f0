/**
 * Which signup of an actor counts and to whom it is credited (METRICS "Attribution"). Keyed by the actor, as columns by
 * the person's number. Of its signups the earliest counts, and it alone decides; of the causes it names the first that
 * leads to somebody else wins.
 */
import type { CauseKind } from '../../schemas/records.ts'
import { grownTo } from '../runtime/grown-cells.ts'
import { NONE, SortedLists, type SortedListsSnapshot } from '../runtime/sorted-lists.ts'
import { CARRIED_CAUSES, type CauseName, type Claim, type Resolution } from './causes.ts'
import { compareEvents, type Ordered } from './event-order.ts'
import type { LabelNumbers } from './labels.ts'

/** A signup conversion as it came. */
export interface SignupEvent extends Ordered {
  readonly actorId: string
  readonly inviteId: string | undefined
  readonly code: string | undefined
  readonly shareId: string | undefined
  readonly referrerId: string | undefined
  /** Number of its own labels. */
  readonly labels: number
}

export interface CountedSignup extends Ordered {
  /** '' when it is credited to nobody. */
  readonly referrerId: string
  readonly via: CauseKind | ''
  /** Number of the labels where it counts: its cause's, else its own. */
  readonly labels: number
}

export interface SignupsSnapshot {
  readonly atMs: Float64Array
  readonly eventIds: readonly string[]
  readonly referrerIds: readonly (string | null)[]
  readonly labels: Int32Array
  readonly resolved: SortedListsSnapshot
  readonly carrierIds: readonly string[]
  readonly carrierLabels: Int32Array
}

export interface SignupsOutput {
  /** The person's counted signup is this one (sign 1), or no longer (-1). */
  counted(person: number, signup: CountedSignup, sign: 1 | -1): void
  /** A signup conversion that does not count: activity, no more. */
  plain(person: number, atMs: number, labels: number): void
  claim(name: CauseName, claim: Claim): void
}

export class Signups {
  readonly #output: SignupsOutput
  readonly #labelNumbers: LabelNumbers
  /** The earliest signup by person: NaN for none. */
  #atMs: Float64Array = new Float64Array(64).fill(Number.NaN)
  #eventIds: string[] = []
  /** Whom it names itself, if that is somebody else. */
  #referrerIds: (string | null)[] = []
  /** Its own labels. */
  #labels: Int32Array = new Int32Array(64)
  /** What the causes that are events of ours resolved to so far: by person the rank of each, the one that wins first. */
  readonly #resolved: SortedLists
  #carrierIds: string[] = []
  #carrierLabels: Int32Array = new Int32Array(64)

  constructor(output: SignupsOutput, labelNumbers: LabelNumbers, from?: SignupsSnapshot) {
    this.#output = output
    this.#labelNumbers = labelNumbers
    this.#resolved = new SortedLists(from?.resolved)
    if (from === undefined) return
    this.#atMs = from.atMs
    this.#eventIds = [...from.eventIds]
    this.#referrerIds = [...from.referrerIds]
    this.#labels = from.labels
    this.#carrierIds = [...from.carrierIds]
    this.#carrierLabels = from.carrierLabels
  }

  signedUp(person: number, event: SignupEvent): void {
    this.#reserve(person)
    const current = this.counted(person)
    if (current !== undefined) {
      if (compareEvents(current, event) <= 0) {
        this.#output.plain(person, event.atMs, event.labels)
        return
      }
      this.#output.counted(person, current, -1)
      this.#output.plain(person, current.atMs, this.#labels[person] as number)
      while (this.#resolved.first(person) !== NONE) this.#resolved.removeBehind(person, NONE)
    }
    const { referrerId } = event
    this.#atMs[person] = event.atMs
    this.#eventIds[person] = event.eventId
    this.#referrerIds[person] = referrerId === undefined || referrerId === event.actorId ? null : referrerId
    this.#labels[person] = event.labels
    this.#output.counted(person, this.counted(person) as CountedSignup, 1)
    const { actorId, atMs, eventId } = event
    const claim = { actorId, atMs, eventId }
    if (event.inviteId !== undefined) this.#output.claim({ kind: 'invite', id: event.inviteId }, claim)
    if (event.code !== undefined) this.#output.claim({ kind: 'code', id: event.code }, claim)
    if (event.shareId !== undefined) this.#output.claim({ kind: 'share', id: event.shareId }, claim)
  }

  resolved(person: number, { actorId, eventId, kind, carrier }: Resolution): void {
    const before = this.counted(person)
    if (before?.eventId !== eventId) return // an earlier signup has taken its place
    // Who leads to oneself is no cause.
    this.#resolve(person, rankOf(kind), carrier === null || carrier.actorId === actorId ? null : carrier)
    const after = this.counted(person) as CountedSignup
    if (after.referrerId === before.referrerId && after.via === before.via && after.labels === before.labels) return
    this.#output.counted(person, before, -1)
    this.#output.counted(person, after, 1)
  }

  /** The person's counted signup: credited to the first cause, in the order invite, code, share, referrer, that leads to somebody else. */
  counted(person: number): CountedSignup | undefined {
    const atMs = this.#atMs[person] ?? Number.NaN
    if (Number.isNaN(atMs)) return undefined
    const eventId = this.#eventIds[person] as string
    const own = this.#labels[person] as number
    const cause = this.#resolved.first(person)
    if (cause !== NONE) {
      const labels = this.#labelsOf(this.#carrierLabels[cause] as number, own)
      return { atMs, eventId, referrerId: this.#carrierIds[cause] as string, via: kindOf(this.#resolved.key(cause)), labels }
    }
    const referrerId = this.#referrerIds[person] as string | null
    return { atMs, eventId, referrerId: referrerId ?? '', via: referrerId === null ? '' : 'referrer', labels: own }
  }

  snapshot(): SignupsSnapshot {
    return {
      atMs: this.#atMs,
      eventIds: this.#eventIds,
      referrerIds: this.#referrerIds,
      labels: this.#labels,
      resolved: this.#resolved.snapshot(),
      carrierIds: this.#carrierIds,
      carrierLabels: this.#carrierLabels,
    }
  }

  #reserve(person: number): void {
    this.#atMs = grownTo(this.#atMs, person, Number.NaN)
    this.#labels = grownTo(this.#labels, person)
    while (this.#eventIds.length <= person) {
      this.#eventIds.push('')
      this.#referrerIds.push(null)
    }
  }

  #resolve(person: number, rank: number, carrier: Resolution['carrier']): void {
    const resolved = this.#resolved
    let previous = NONE
    let entry = resolved.first(person)
    while (entry !== NONE && resolved.key(entry) > rank) {
      previous = entry
      entry = resolved.next(entry)
    }
    if (entry !== NONE && resolved.key(entry) === rank) resolved.removeBehind(person, previous)
    if (carrier === null) return
    const added = resolved.insert(person, previous, rank)
    this.#carrierIds[added] = carrier.actorId
    this.#carrierLabels = grownTo(this.#carrierLabels, added)
    this.#carrierLabels[added] = this.#labelNumbers.indexOf(carrier)
  }

  /** The carrier's labels, and where it has none the signup's own. */
  #labelsOf(carrier: number, own: number): number {
    if (carrier === own) return own
    const first = this.#labelNumbers.at(carrier)
    const second = this.#labelNumbers.at(own)
    return this.#labelNumbers.indexOf({
      channel: first.channel || second.channel,
      campaign: first.campaign || second.campaign,
      variant: first.variant || second.variant,
    })
  }
}

/** The cause that wins over others has the higher rank. */
function rankOf(kind: (typeof CARRIED_CAUSES)[number]): number {
  return CARRIED_CAUSES.length - 1 - CARRIED_CAUSES.indexOf(kind)
}

function kindOf(rank: number): (typeof CARRIED_CAUSES)[number] {
  return CARRIED_CAUSES[CARRIED_CAUSES.length - 1 - rank] as (typeof CARRIED_CAUSES)[number]
}
