/**
 * What each person adds to the windows: activity, the counted signup with its credit, money, and, as an inviter, the
 * credits of others. Keyed by the person; all changes go to the totals as intervals of window ends.
 */
import type { CauseKind } from '../../schemas/records.ts'
import type { ActorIds } from '../runtime/actor-ids.ts'
import { MINUTE_MS } from '../../schemas/windows.ts'
import { type Arrival, Credits, type CreditsSnapshot, type CreditTotals } from './credits.ts'
import { MEASURE, MONEY, PANE_WINDOWS, paneOfMs } from './measures.ts'
import { type PresenceMeasure, PresencePanes, type PresenceSnapshot, SEEN, type SeenKind } from './presence-panes.ts'
import type { SliceTable } from './slices.ts'

/** The counted signup of an actor and to whom it is credited (METRICS "Attribution"). */
export interface SignupFact {
  readonly atMs: number
  readonly eventId: string
  /** '' when it is credited to nobody. */
  readonly referrerId: string
  readonly via: CauseKind | ''
  /** Where the signup counts: its cause's fields, else its own. */
  readonly channel: string
  readonly campaign: string
  readonly variant: string
}

interface Payment {
  readonly atMs: number
  readonly currency: string
  /** Minor units; negative for a refund. */
  readonly amount: number
  readonly slice: number
}

export interface PeopleTotals extends CreditTotals {
  readonly arrivals: { add(firstMs: number, signupMs: number, sign: 1 | -1): void }
  readonly firstCredit: { add(signupMs: number, sign: 1 | -1): void }
}

export interface PeopleSnapshot {
  readonly presence: PresenceSnapshot
  readonly firstMs: Float64Array
  readonly signups: Map<number, SignupFact>
  readonly payments: Map<number, Payment[]>
  readonly credits: CreditsSnapshot
}

const NEVER: Arrival = { firstMs: Number.NaN, signupMs: Number.NaN }
const INVITE = 1 << SEEN.invite
const SHARE = 1 << SEEN.share
const CONVERSION = 1 << SEEN.conversion
const ACTOR_MEASURES: readonly PresenceMeasure[] = [
  { column: MEASURE.active_users, kindBits: INVITE | SHARE | CONVERSION },
  { column: MEASURE.inviters, kindBits: INVITE },
  { column: MEASURE.sharers, kindBits: SHARE },
  { column: MEASURE.spreaders, kindBits: INVITE | SHARE },
]

const VIA_COLUMN = { invite: MEASURE.via_invite, code: MEASURE.via_code, share: MEASURE.via_share, referrer: MEASURE.via_referrer }

export class GrowthPeople {
  readonly #actors: ActorIds
  readonly #slices: SliceTable
  readonly #totals: PeopleTotals
  readonly #presence: PresencePanes
  readonly #credits: Credits
  readonly #sendCredit: (referrerId: string, signupMs: number, sign: 1 | -1) => void
  /** First activity by actor; NaN for none. */
  #firstMs: Float64Array = new Float64Array(1024).fill(Number.NaN)
  #signups = new Map<number, SignupFact>()
  #payments = new Map<number, Payment[]>()
  #changed = new Set<number>()

  constructor(options: {
    actors: ActorIds
    slices: SliceTable
    totals: PeopleTotals
    /** Hands a credit to the partition of the person who earned it. */
    sendCredit: (referrerId: string, signupMs: number, sign: 1 | -1) => void
    from?: PeopleSnapshot
  }) {
    this.#actors = options.actors
    this.#slices = options.slices
    this.#totals = options.totals
    this.#sendCredit = options.sendCredit
    this.#presence = new PresencePanes(ACTOR_MEASURES, options.slices.at)
    this.#credits = new Credits(options.totals, options.from?.credits)
    if (options.from === undefined) return
    this.#presence.restore(options.from.presence)
    this.#firstMs = options.from.firstMs
    this.#signups = options.from.signups
    this.#payments = options.from.payments
  }

  /** A share, a sent invite, or a conversion that is not the counted signup. */
  active(actor: number, atMs: number, slice: number, kind: SeenKind): void {
    this.#presence.add(actor, Math.ceil(atMs / MINUTE_MS), slice, kind, 1)
    if (kind === SEEN.share) this.#count(MEASURE.shares, atMs, slice, 1)
    if ((this.#firstMs[actor] as number) <= atMs) return // as for most events: the actor is known since before
    const before = this.arrival(actor)
    this.#arrivalChanged(actor, before, { firstMs: atMs, signupMs: before.signupMs })
  }

  /** The counted signup became this one (sign 1), or is no longer (-1). */
  signup(actor: number, fact: SignupFact, sign: 1 | -1): void {
    const slice = this.#slices.indexOf(fact)
    this.#presence.add(actor, Math.ceil(fact.atMs / MINUTE_MS), slice, SEEN.conversion, sign)
    this.#count(MEASURE.new_users, fact.atMs, slice, sign)
    if (fact.via !== '') {
      this.#count(VIA_COLUMN[fact.via], fact.atMs, slice, sign)
      this.#totals.firstCredit.add(fact.atMs, sign)
      for (const payment of this.#payments.get(actor) ?? []) this.#addReferredMoney(payment, fact, sign)
      this.#sendCredit(fact.referrerId, fact.atMs, sign)
    }
    const before = this.arrival(actor)
    if (sign > 0) this.#signups.set(actor, fact)
    else this.#signups.delete(actor)
    this.#arrivalChanged(actor, before, {
      firstMs: sign > 0 ? earliest(before.firstMs, fact.atMs) : before.firstMs,
      signupMs: sign > 0 ? fact.atMs : Number.NaN,
    })
  }

  /** Money of a conversion, negative for a refund. */
  paid(actor: number, atMs: number, currency: string, amount: number, slice: number): void {
    const payment = { atMs, currency, amount, slice }
    const payments = this.#payments.get(actor)
    if (payments) payments.push(payment)
    else this.#payments.set(actor, [payment])
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      for (const scope of this.#slices.at(slice).scopes)
        scope.money(currency, window.index).add(MONEY.revenue, pane, pane + window.panes, amount)
    }
    const fact = this.#signups.get(actor)
    if (fact && fact.via !== '') this.#addReferredMoney(payment, fact, 1)
  }

  /** A signup at `signupMs` is credited to this person, or no longer. */
  credited(referrerId: string, signupMs: number, sign: 1 | -1): void {
    const referrer = this.#actors.find(referrerId)
    this.#credits.add(referrerId, referrer === undefined ? NEVER : this.arrival(referrer), signupMs, sign)
  }

  arrival(actor: number): Arrival {
    return { firstMs: this.#firstMs[actor] ?? Number.NaN, signupMs: this.#signupMs(actor) }
  }

  /** The counted signup of an actor. */
  factOf(actor: number): SignupFact | undefined {
    return this.#signups.get(actor)
  }

  /** Actors whose arrival or signup changed since the last call. */
  takeChanged(): Set<number> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  /** Forgets sightings and payments before `atMs`. */
  dropBefore(atMs: number): void {
    this.#presence.dropBefore(Math.floor(atMs / MINUTE_MS))
    for (const [actor, payments] of this.#payments) {
      const kept = payments.filter((payment) => payment.atMs >= atMs)
      if (kept.length === 0) this.#payments.delete(actor)
      else if (kept.length < payments.length) this.#payments.set(actor, kept)
    }
  }

  snapshot(): PeopleSnapshot {
    return {
      presence: this.#presence.snapshot(),
      firstMs: this.#firstMs,
      signups: this.#signups,
      payments: this.#payments,
      credits: this.#credits.snapshot(),
    }
  }

  #signupMs(actor: number): number {
    return this.#signups.get(actor)?.atMs ?? Number.NaN
  }

  #arrivalChanged(actor: number, before: Arrival, after: Arrival): void {
    if (actor >= this.#firstMs.length) {
      const grown = new Float64Array(Math.max(actor + 1, this.#firstMs.length * 2)).fill(Number.NaN)
      grown.set(this.#firstMs)
      this.#firstMs = grown
    }
    this.#firstMs[actor] = after.firstMs
    this.#changed.add(actor)
    if (before.firstMs === after.firstMs && effectiveSignup(before) === effectiveSignup(after)) return
    if (!Number.isNaN(before.firstMs)) this.#totals.arrivals.add(before.firstMs, before.signupMs, -1)
    this.#totals.arrivals.add(after.firstMs, after.signupMs, 1)
    this.#credits.arrivalChanged(this.#actors.nameOf(actor), before, after)
  }

  #addReferredMoney({ atMs, currency, amount, slice }: Payment, fact: SignupFact, sign: 1 | -1): void {
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      const from = Math.max(pane, paneOfMs(fact.atMs, window.paneMs)) // as of an end before the signup it is not referred
      for (const scope of this.#slices.at(slice).scopes) {
        scope.money(currency, window.index).add(MONEY.referred_revenue, from, pane + window.panes, sign * amount)
      }
    }
  }

  #count(column: number, atMs: number, slice: number, n: number): void {
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      for (const scope of this.#slices.at(slice).scopes) scope.counts(window.index).add(column, pane, pane + window.panes, n)
    }
  }
}

function earliest(aMs: number, bMs: number): number {
  return Number.isNaN(aMs) ? bMs : Math.min(aMs, bMs)
}

/** Without a signup, or with one that is the first activity, the arrival is the first activity throughout. */
function effectiveSignup({ firstMs, signupMs }: Arrival): number {
  return Number.isNaN(signupMs) ? firstMs : signupMs
}
