/**
 * The operators of one workspace in one partition, in the order in which an event meets them. Everything a key owns
 * lives here; what concerns another key leaves as a hop, what all partitions share goes to the totals.
 */
import type { ConversionRecord, EventRecord, InviteRecord, ShareRecord } from '../schemas/log-records.ts'
import type { AdmittedEvent, PersonRow } from '../schemas/records.ts'
import { type Carrier, Causes, type CausesSnapshot } from './attribution/causes.ts'
import { Signups, type SignupEvent, type SignupsSnapshot } from './attribution/signups.ts'
import { GrowthPeople, type PeopleSnapshot } from './growth/people.ts'
import { SEEN } from './growth/presence-panes.ts'
import { SentInvites, type SentInvitesSnapshot } from './growth/sent-invites.ts'
import { type SliceKey, SliceTable } from './growth/slices.ts'
import type { PartitionTotals } from './growth/window-totals.ts'
import type { Hop, MovedEvent } from './hops.ts'
import { ActorIds, globalNumber } from './runtime/actor-ids.ts'
import { PartitionTime, type PartitionTimeReport } from './runtime/partition-time.ts'

export interface WorkspacePartitionSnapshot {
  readonly time: PartitionTimeReport
  readonly lateEvents: number
  readonly actors: readonly string[]
  readonly slices: readonly SliceKey[]
  readonly causes: CausesSnapshot
  readonly signups: SignupsSnapshot
  readonly people: PeopleSnapshot
  readonly sentInvites: SentInvitesSnapshot
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
  /** Names by number, for a rebuild, in which everybody keeps the number that raw rows hold. */
  readonly actors?: readonly string[] | undefined
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
      actors: this.#actors,
      slices: this.#slices,
      totals,
      sendCredit: (referrerId, signupMs, sign) => send({ to: 'credited', referrerId, signupMs, sign }),
      ...(from ? { from: from.people } : {}),
    })
    this.#sentInvites = new SentInvites(this.#slices, from?.sentInvites)
    this.#causes = new Causes((resolution) => send({ to: 'resolved', resolution }), from?.causes)
    this.#signups = new Signups(
      {
        counted: (actor, signup, sign) => this.#people.signup(actor, signup, sign),
        plain: (actor, event) => this.#people.active(actor, event.atMs, this.#slices.indexOf(event), SEEN.conversion),
        claim: (name, claim) => send({ to: 'claimed', name, claim }),
      },
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
    if (counts) this.apply(record)
    const { actor_id: actorId } = record
    const actor = actorId === undefined ? 0 : globalNumber(this.#actors.numberOf(actorId), this.#partition, this.#partitions)
    this.#store({ record, partition, offset, actor, late })
  }

  /** Names of the actors by number. */
  actorNames(): readonly string[] {
    return this.#actors.snapshot()
  }

  /** Counts an event of an actor of this partition. */
  apply(record: EventRecord): void {
    if (record.type === 'share') this.#share(record)
    else if (record.type === 'invite') this.#invite(record)
    else if (record.type === 'conversion') this.#conversion(record)
  }

  /** A message from another key. */
  deliver(hop: Hop): void {
    switch (hop.to) {
      case 'moved':
        this.take(hop.event)
        return
      case 'carried':
        this.#causes.carried(hop.name, hop.carrier)
        if (hop.name.kind === 'invite') this.#sentInvites.sent(hop.name.id, hop.carrier.atMs, this.#slices.indexOf(hop.carrier))
        return
      case 'claimed':
        this.#causes.claimed(hop.name, hop.claim)
        return
      case 'resolved':
        this.#signups.resolved(this.#actors.numberOf(hop.resolution.actorId), hop.resolution)
        return
      case 'credited':
        this.#people.credited(hop.referrerId, hop.signupMs, hop.sign)
    }
  }

  /** Rows of the people whose arrival or signup changed since the last call. */
  takePeople(version: number): PersonRow[] {
    return [...this.#people.takeChanged()].map((actor) => {
      const { firstMs, signupMs } = this.#people.arrival(actor)
      const fact = this.#people.factOf(actor)
      return {
        workspace: this.#workspace,
        actor_id: this.#actors.nameOf(actor),
        actor: globalNumber(actor, this.#partition, this.#partitions),
        first_activity_ms: Number.isNaN(firstMs) ? null : firstMs,
        signup_ms: Number.isNaN(signupMs) ? null : signupMs,
        signup_event_id: fact?.eventId ?? '',
        referrer_id: fact?.referrerId ?? '',
        via: fact?.via ?? '',
        channel: fact?.channel ?? '',
        campaign: fact?.campaign ?? '',
        variant: fact?.variant ?? '',
        version,
      }
    })
  }

  /** Forgets what no window end can need that is still to be published or restated. */
  dropBefore(atMs: number): void {
    this.#people.dropBefore(atMs)
    this.#sentInvites.dropBefore(atMs)
  }

  snapshot(): WorkspacePartitionSnapshot {
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

  #share(record: ShareRecord): void {
    const carrier = carrierOf(record)
    this.#people.active(this.#actors.numberOf(record.actor_id), record.occurred_at, this.#slices.indexOf(carrier), SEEN.share)
    if (record.share_id !== undefined) this.#send({ to: 'carried', name: { kind: 'share', id: record.share_id }, carrier })
    if (record.referral_code !== undefined) this.#send({ to: 'carried', name: { kind: 'code', id: record.referral_code }, carrier })
  }

  #invite(record: InviteRecord): void {
    if (record.action !== 'sent') return // what the recipient does is not the inviter's activity
    const carrier = carrierOf(record)
    this.#people.active(this.#actors.numberOf(record.actor_id), record.occurred_at, this.#slices.indexOf(carrier), SEEN.invite)
    this.#send({ to: 'carried', name: { kind: 'invite', id: record.invite_id }, carrier })
    if (record.referral_code !== undefined) this.#send({ to: 'carried', name: { kind: 'code', id: record.referral_code }, carrier })
  }

  #conversion(record: ConversionRecord): void {
    const actor = this.#actors.numberOf(record.actor_id)
    const own = carrierOf(record)
    if (record.amount_minor !== undefined && record.currency !== undefined) {
      const amount = record.kind === 'refund' ? -record.amount_minor : record.amount_minor
      this.#people.paid(actor, record.occurred_at, record.currency, amount, this.#slices.indexOf(own))
    }
    if (record.kind !== 'signup') {
      this.#people.active(actor, record.occurred_at, this.#slices.indexOf(own), SEEN.conversion)
      return
    }
    const signup: SignupEvent = {
      ...own,
      inviteId: record.invite_id,
      code: record.referral_code,
      shareId: record.share_id,
      referrerId: record.referrer_id,
    }
    this.#signups.signedUp(actor, signup)
  }
}

function carrierOf(record: ShareRecord | InviteRecord | ConversionRecord): Carrier {
  return {
    atMs: record.occurred_at,
    eventId: record.event_id,
    actorId: record.actor_id,
    channel: record.channel ?? '',
    campaign: record.campaign ?? '',
    variant: record.variant ?? '',
  }
}
