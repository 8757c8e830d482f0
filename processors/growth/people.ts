/**
 * What each person adds to the windows: activity, the counted signup with its credit, money, and, as an inviter, the
 * credits of others. Keyed by the person; all changes go to the totals as intervals of window ends.
 */
import type { CauseKind } from '../../schemas/records.ts'
import { MINUTE_MS } from '../../schemas/windows.ts'
import { grownTo } from '../runtime/grown-cells.ts'
import { type Arrival, Credits, type CreditsSnapshot, type CreditTotals } from './credits.ts'
import { MEASURE, MONEY, PANE_WINDOWS, paneOfMs } from './measures.ts'
import { type PresenceMeasure, PresencePanes, type PresenceSnapshot, SEEN, type SeenKind } from './presence-panes.ts'
import type { SliceTable } from './slices.ts'

/** The counted signup of a person and to whom it is credited (METRICS "Attribution"). */
export interface SignupFact {
  readonly atMs: number
  /** '' when it is credited to nobody. */
  readonly referrerId: string
  readonly via: CauseKind | ''
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
  readonly signupMs: Float64Array
  readonly isReferred: Uint8Array
  readonly payments: Map<number, Payment[]>
  readonly credits: CreditsSnapshot
  /** Absent where nothing is forgotten. */
  readonly forgottenBefore?: number
}

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
  readonly #slices: SliceTable
  readonly #totals: PeopleTotals
  readonly #presence: PresencePanes
  readonly #credits: Credits
  readonly #sendCredit: (referrerId: string, signupMs: number, sign: 1 | -1) => void
  /** First activity and counted signup by person; NaN for none. */
  #firstMs: Float64Array = new Float64Array(1024).fill(Number.NaN)
  #signupMs: Float64Array = new Float64Array(1024).fill(Number.NaN)
  /** Whether the counted signup is credited to somebody. */
  #isReferred: Uint8Array = new Uint8Array(1024)
  #payments = new Map<number, Payment[]>()
  /** Sightings before this minute are forgotten. */
  #forgottenBefore: number
  #changed: number[] = []
  #isChanged: Uint8Array = new Uint8Array(1024)

  constructor(options: {
    slices: SliceTable
    totals: PeopleTotals
    /** Hands a credit to the partition of the person who earned it. */
    sendCredit: (referrerId: string, signupMs: number, sign: 1 | -1) => void
    from?: PeopleSnapshot
  }) {
    this.#slices = options.slices
    this.#totals = options.totals
    this.#sendCredit = options.sendCredit
    this.#presence = new PresencePanes(ACTOR_MEASURES, options.slices.at)
    this.#credits = new Credits(options.totals, options.from?.credits)
    this.#forgottenBefore = options.from?.forgottenBefore ?? Number.NEGATIVE_INFINITY
    if (options.from === undefined) return
    this.#presence.restore(options.from.presence)
    this.#firstMs = options.from.firstMs
    this.#signupMs = options.from.signupMs
    this.#isReferred = options.from.isReferred
    this.#payments = options.from.payments
  }

  /** A share, a sent invite, or a conversion that is not the counted signup. */
  active(person: number, atMs: number, slice: number, kind: SeenKind): void {
    this.#presence.add(person, Math.ceil(atMs / MINUTE_MS), slice, kind, 1)
    if (kind === SEEN.share) this.#count(MEASURE.shares, atMs, slice, 1)
    if ((this.#firstMs[person] as number) <= atMs) return // as for most events: the person is known since before
    const before = this.arrival(person)
    this.#arrivalChanged(person, before, { firstMs: atMs, signupMs: before.signupMs })
  }

  /** The counted signup became this one (sign 1), or is no longer (-1). */
  signup(person: number, fact: SignupFact, slice: number, sign: 1 | -1): void {
    const minute = Math.ceil(fact.atMs / MINUTE_MS)
    // What is forgotten can't be taken back: the credit of a signup of long ago may still change, as another task tells of its cause.
    if (minute >= this.#forgottenBefore) this.#presence.add(person, minute, slice, SEEN.conversion, sign)
    this.#count(MEASURE.new_users, fact.atMs, slice, sign)
    if (fact.via !== '') {
      this.#count(VIA_COLUMN[fact.via], fact.atMs, slice, sign)
      this.#totals.firstCredit.add(fact.atMs, sign)
      for (const payment of this.#payments.get(person) ?? []) this.#addReferredMoney(payment, fact.atMs, sign)
      this.#sendCredit(fact.referrerId, fact.atMs, sign)
    }
    const before = this.arrival(person)
    this.#arrivalChanged(person, before, {
      firstMs: sign > 0 ? earliest(before.firstMs, fact.atMs) : before.firstMs,
      signupMs: sign > 0 ? fact.atMs : Number.NaN,
    })
    this.#isReferred[person] = sign > 0 && fact.via !== '' ? 1 : 0
  }

  /** Money of a conversion, negative for a refund. */
  paid(person: number, atMs: number, currency: string, amount: number, slice: number): void {
    const payment = { atMs, currency, amount, slice }
    const payments = this.#payments.get(person)
    if (payments) payments.push(payment)
    else this.#payments.set(person, [payment])
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      for (const scope of this.#slices.at(slice).scopes)
        scope.money(currency, window.index).add(MONEY.revenue, pane, pane + window.panes, amount)
    }
    if (this.#isReferred[person] === 1) this.#addReferredMoney(payment, this.#signupMs[person] as number, 1)
  }

  /** A signup at `signupMs` is credited to this person, or no longer. */
  credited(person: number, signupMs: number, sign: 1 | -1): void {
    this.#credits.add(person, this.arrival(person), signupMs, sign)
  }

  arrival(person: number): Arrival {
    return { firstMs: this.#firstMs[person] ?? Number.NaN, signupMs: this.#signupMs[person] ?? Number.NaN }
  }

  /** People whose arrival or signup changed since the last call. */
  takeChanged(): readonly number[] {
    const changed = this.#changed
    this.#changed = []
    for (const person of changed) this.#isChanged[person] = 0
    return changed
  }

  /** Forgets sightings and payments before `atMs`. */
  dropBefore(atMs: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, Math.floor(atMs / MINUTE_MS))
    this.#presence.dropBefore(this.#forgottenBefore)
    for (const [actor, payments] of this.#payments) {
      const kept = payments.filter((payment) => payment.atMs >= atMs)
      if (kept.length === 0) this.#payments.delete(actor)
      else if (kept.length < payments.length) this.#payments.set(actor, kept)
    }
  }

  /** The totals have all that was added. */
  settle(): void {
    this.#credits.settle()
  }

  /** Call it settled. */
  snapshot(): PeopleSnapshot {
    return {
      presence: this.#presence.snapshot(),
      firstMs: this.#firstMs,
      signupMs: this.#signupMs,
      isReferred: this.#isReferred,
      payments: this.#payments,
      credits: this.#credits.snapshot(),
      forgottenBefore: this.#forgottenBefore,
    }
  }

  #arrivalChanged(person: number, before: Arrival, after: Arrival): void {
    this.#firstMs = grownTo(this.#firstMs, person, Number.NaN)
    this.#signupMs = grownTo(this.#signupMs, person, Number.NaN)
    this.#isReferred = grownTo(this.#isReferred, person)
    this.#isChanged = grownTo(this.#isChanged, person)
    this.#firstMs[person] = after.firstMs
    this.#signupMs[person] = after.signupMs
    if (this.#isChanged[person] === 0) {
      this.#isChanged[person] = 1
      this.#changed.push(person)
    }
    if (before.firstMs === after.firstMs && effectiveSignup(before) === effectiveSignup(after)) return
    if (!Number.isNaN(before.firstMs)) this.#totals.arrivals.add(before.firstMs, before.signupMs, -1)
    this.#totals.arrivals.add(after.firstMs, after.signupMs, 1)
    this.#credits.arrivalChanged(person, before, after)
  }

  #addReferredMoney({ atMs, currency, amount, slice }: Payment, signupMs: number, sign: 1 | -1): void {
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      const from = Math.max(pane, paneOfMs(signupMs, window.paneMs)) // as of an end before the signup it is not referred
      for (const scope of this.#slices.at(slice).scopes) {
        scope.money(currency, window.index).add(MONEY.referred_revenue, from, pane + window.panes, sign * amount)
      }
    }
  }

  #count(column: number, atMs: number, slice: number, n: number): void {
    const { scopes } = this.#slices.at(slice)
    for (const window of PANE_WINDOWS) {
      const pane = paneOfMs(atMs, window.paneMs)
      for (const scope of scopes) scope.counts(window.index).add(column, pane, pane + window.panes, n)
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
