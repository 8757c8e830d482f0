/**
 * The operators of one workspace in one partition, in the order in which an event meets them. Everything a key owns
 * lives here; what concerns another key leaves as a hop, what all partitions share goes to the totals.
 */
import type { ConversionRecord, EventRecord, InviteRecord, ShareRecord } from '../schemas/log-records.ts'
import type { AdmittedEvent, PersonRow } from '../schemas/records.ts'
import { type Carrier, Causes, type CausesSnapshot } from './attribution/causes.ts'
import { Signups, type SignupsSnapshot } from './attribution/signups.ts'
import { GrowthPeople, type PeopleSnapshot } from './growth/people.ts'
import { type PresenceSnapshot, SEEN } from './growth/presence-panes.ts'
import { SentInvites } from './growth/sent-invites.ts'
import { type SliceKey, SliceTable } from './growth/slices.ts'
import type { PartitionTotals } from './growth/window-totals.ts'
import type { Hop, MovedEvent } from './hops.ts'
import { ActorIds, type ActorIdsSnapshot, globalNumber } from './runtime/actor-ids.ts'
import { PartitionTime, type PartitionTimeReport } from './runtime/partition-time.ts'

export interface WorkspacePartitionSnapshot {
  readonly time: PartitionTimeReport
  readonly lateEvents: number
  readonly actors: ActorIdsSnapshot
  readonly slices: readonly SliceKey[]
  readonly causes: CausesSnapshot
  readonly signups: SignupsSnapshot
  readonly people: PeopleSnapshot
  readonly sentInvites: PresenceSnapshot
}

export interface WorkspacePartitionOptions {
  readonly workspace: string
  readonly partition: number
  readonly partitions: number
  readonly totals: PartitionTotals
  readonly send: (hop: Hop) => void
  /** Takes the raw row of an event. */
  readonly store: (event: AdmittedEvent) => void
  /** Whether this is the first time in 7 days that the event's id comes; without it ids are single already. */
  readonly claimId?: ((record: EventRecord) => boolean) | undefined
  readonly from?: WorkspacePartitionSnapshot | undefined
  /** For a rebuild, in which everybody keeps the number that raw rows hold. */
  readonly actors?: ActorIdsSnapshot | undefined
}

export class WorkspacePartition {
  readonly time: PartitionTime
  readonly #workspace: string
  readonly #partition: number
  readonly #partitions: number
  readonly #send: (hop: Hop) => void
  readonly #store: (event: AdmittedEvent) => void
  readonly #claimId: ((record: EventRecord) => boolean) | undefined
  readonly #actors: ActorIds
  readonly #slices: SliceTable
  readonly #causes: Causes
  readonly #signups: Signups
  readonly #people: GrowthPeople
  readonly #sentInvites: SentInvites
  #lateEvents: number

  constructor(options: WorkspacePartitionOptions) {
    const { from, totals, send } = options
    this.time = new PartitionTime(from?.time)
    this.#lateEvents = from?.lateEvents ?? 0
    this.#store = options.store
    this.#claimId = options.claimId
    this.#workspace = options.workspace
    this.#partition = options.partition
    this.#partitions = options.partitions
    this.#send = send
    this.#actors = new ActorIds(from?.actors ?? options.actors)
    this.#slices = new SliceTable(totals.scopesOf)
    if (from) this.#slices.restore(from.slices)
    this.#people = new GrowthPeople({
      slices: this.#slices,
      totals,
      sendCredit: (referrerId, signupMs, sign) => send({ to: 'credited', referrerId, signupMs, sign }),
      ...(from ? { from: from.people } : {}),
    })
    this.#sentInvites = new SentInvites(this.#slices, from?.sentInvites)
    this.#causes = new Causes((resolution) => send({ to: 'resolved', resolution }), this.#slices, from?.causes)
    this.#signups = new Signups(
      {
        counted: (person, signup, sign) => this.#people.signup(person, signup, signup.labels, sign),
        plain: (person, atMs, labels) => this.#people.active(person, atMs, labels, SEEN.conversion),
        claim: (name, claim) => send({ to: 'claimed', name, claim }),
      },
      this.#slices,
      from?.signups,
    )
  }

  /** Events that came beyond the allowed lateness. */
  get lateEvents(): number {
    return this.#lateEvents
  }

  /** An event of an actor of this partition: stored, and counted unless it is too late or was here before. */
  take({ record, partition, offset, late, counts }: MovedEvent): void {
    if (this.#claimId?.(record) === false) return
    if (late) this.#lateEvents += 1
    const person = record.actor_id === undefined ? NOBODY : this.#actors.personOf(record.actor_id)
    if (counts) this.#count(record, person)
    const actor = person === NOBODY ? 0 : this.#globalNumber(person)
    this.#store({ record, partition, offset, actor, late })
  }

  /** The numbers of the actors. */
  actorIds(): ActorIdsSnapshot {
    return this.#actors.snapshot()
  }

  /** Counts an event of an actor of this partition. */
  apply(record: EventRecord): void {
    if (record.actor_id !== undefined) this.#count(record, this.#actors.personOf(record.actor_id))
  }

  /** A message from another key. */
  deliver(hop: Hop): void {
    switch (hop.to) {
      case 'moved':
        this.take(hop.event)
        return
      case 'carried': {
        const cause = this.#causes.carried(hop.name, hop.carrier)
        if (hop.name.kind === 'invite') this.#sentInvites.sent(cause, hop.carrier.atMs, this.#slices.indexOf(hop.carrier))
        return
      }
      case 'claimed':
        this.#causes.claimed(hop.name, hop.claim)
        return
      case 'resolved':
        this.#signups.resolved(this.#actors.personOf(hop.resolution.actorId), hop.resolution)
        return
      case 'credited':
        this.#people.credited(this.#actors.personOf(hop.referrerId), hop.signupMs, hop.sign)
    }
  }

  /** Rows of the people whose arrival or signup changed since the last call. */
  takePeople(version: number): PersonRow[] {
    return this.#people.takeChanged().map((person) => {
      const { firstMs } = this.#people.arrival(person)
      const signup = this.#signups.counted(person)
      const labels = signup && this.#slices.at(signup.labels)
      return {
        workspace: this.#workspace,
        actor_id: this.#actors.nameOf(person),
        actor: this.#globalNumber(person),
        first_activity_ms: Number.isNaN(firstMs) ? null : firstMs,
        signup_ms: signup?.atMs ?? null,
        signup_event_id: signup?.eventId ?? '',
        referrer_id: signup?.referrerId ?? '',
        via: signup?.via ?? '',
        channel: labels?.channel ?? '',
        campaign: labels?.campaign ?? '',
        variant: labels?.variant ?? '',
        version,
      }
    })
  }

  /** Forgets what no window end can need that is still to be published or restated. */
  dropBefore(atMs: number): void {
    this.#people.dropBefore(atMs)
    this.#sentInvites.dropBefore(atMs)
  }

  /** The totals have all that was added. */
  settle(): void {
    this.#people.settle()
  }

  snapshot(): WorkspacePartitionSnapshot {
    this.settle()
    return {
      time: this.time.report(),
      lateEvents: this.#lateEvents,
      actors: this.#actors.snapshot(),
      slices: this.#slices.snapshot(),
      causes: this.#causes.snapshot(),
      signups: this.#signups.snapshot(),
      people: this.#people.snapshot(),
      sentInvites: this.#sentInvites.snapshot(),
    }
  }

  #globalNumber(person: number): number {
    return globalNumber(this.#actors.numberOf(person), this.#partition, this.#partitions)
  }

  #count(record: EventRecord, person: number): void {
    if (record.type === 'share') this.#share(record, person)
    else if (record.type === 'invite') this.#invite(record, person)
    else if (record.type === 'conversion') this.#conversion(record, person)
  }

  #share(record: ShareRecord, person: number): void {
    this.#people.active(person, record.occurred_at, this.#slices.indexOf(record), SEEN.share)
    if (record.share_id === undefined && record.referral_code === undefined) return
    const carrier = carrierOf(record)
    if (record.share_id !== undefined) this.#send({ to: 'carried', name: { kind: 'share', id: record.share_id }, carrier })
    if (record.referral_code !== undefined) this.#send({ to: 'carried', name: { kind: 'code', id: record.referral_code }, carrier })
  }

  #invite(record: InviteRecord, person: number): void {
    if (record.action !== 'sent') return // what the recipient does is not the inviter's activity
    this.#people.active(person, record.occurred_at, this.#slices.indexOf(record), SEEN.invite)
    const carrier = carrierOf(record)
    this.#send({ to: 'carried', name: { kind: 'invite', id: record.invite_id }, carrier })
    if (record.referral_code !== undefined) this.#send({ to: 'carried', name: { kind: 'code', id: record.referral_code }, carrier })
  }

  #conversion(record: ConversionRecord, person: number): void {
    const slice = this.#slices.indexOf(record)
    if (record.amount_minor !== undefined && record.currency !== undefined) {
      const amount = record.kind === 'refund' ? -record.amount_minor : record.amount_minor
      this.#people.paid(person, record.occurred_at, record.currency, amount, slice)
    }
    if (record.kind !== 'signup') {
      this.#people.active(person, record.occurred_at, slice, SEEN.conversion)
      return
    }
    this.#signups.signedUp(person, {
      atMs: record.occurred_at,
      eventId: record.event_id,
      actorId: record.actor_id,
      inviteId: record.invite_id,
      code: record.referral_code,
      shareId: record.share_id,
      referrerId: record.referrer_id,
      labels: slice,
    })
  }
}

/** No person: the event names no actor. */
const NOBODY = -1

function carrierOf(record: ShareRecord | InviteRecord): Carrier {
  return {
    atMs: record.occurred_at,
    eventId: record.event_id,
    actorId: record.actor_id,
    channel: record.channel ?? '',
    campaign: record.campaign ?? '',
    variant: record.variant ?? '',
  }
}
