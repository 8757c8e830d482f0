/**
 * Ownership of partitions through a consumer group: the classic protocol (join, sync, heartbeat, leave), which brokers
 * of 3.9 and 4.x speak, with sharing-out by `sticky-assignment.ts`. Cooperative (KIP-429): who is to give partitions away
 * puts them down and joins again, and only then they are free; all others stay where they are, and go on meanwhile.
 * Heartbeats run on a timer of their own, also during a release.
 *
 * A process that was killed and is back joins as the member that it was, with what that one owned: nobody waits for the end
 * of its session.
 *
 * A member that hears nothing of the coordinator for the session's length gives its partitions up by itself: by then
 * they may be another's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import type { OwnershipListener, PartitionOwnership } from '../../schemas/ports/partition-ownership.ts'
import { asLogError, type KafkaBroker, type KafkaSession, MemberAssignment, MemberMetadata, protocolErrorOf } from './kafka-client.ts'
import { assignCooperatively } from './sticky-assignment.ts'

const PROTOCOL = 'kappa-cooperative'
const BACKOFF_MS = 500
/** What says that somebody else may own the partitions. */
const FENCED = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])

export interface MembershipOptions {
  readonly session: KafkaSession
  readonly topic: string
  readonly partitions: number
  readonly groupId: string
  readonly nowMs: () => number
  /** Without a heartbeat for so long the others share the partitions out among themselves. */
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  /** How long the others wait for a release. */
  readonly releaseMsMax: number
  /** Who this instance was before it was killed; without it, nobody. */
  readonly former?: FormerMember | undefined
  readonly onTrouble: (message: string, error: unknown) => void
}

/** What outlives a process that is killed (`member-file.ts`). */
export interface FormerMember {
  /** Undefined when there is none, or it can't be read. */
  read(): Promise<MemberRecord | undefined>
  /** Rejects when it can't be written: it only costs time after a crash. */
  write(member: MemberRecord): Promise<void>
}

export interface MemberRecord {
  readonly memberId: string
  readonly owned: readonly number[]
  readonly generation: number
}

/** What is remembered between generations, and told to whoever shares out. */
interface Claim {
  owned: readonly number[]
  generation: number
}

/** One instance's place in the group of `groupId`. */
export class KafkaMembership implements PartitionOwnership {
  readonly partitions: number
  readonly #options: MembershipOptions
  readonly #listeners = new Set<OwnershipListener>()
  #memberId = ''
  #generation = 0
  #owned: readonly number[] = []
  #claim: Claim = { owned: [], generation: 0 }
  #heardAtMs = 0
  #running: Promise<void> | undefined
  #closing = false
  #wake: (() => void) | undefined
  #first: { resolve: (owned: readonly number[]) => void; reject: (error: Error) => void } | undefined

  constructor(options: MembershipOptions) {
    this.#options = options
    this.partitions = options.partitions
  }

  get generation(): number {
    return this.#generation
  }

  owned(): readonly number[] {
    return this.#owned
  }

  onChange(listener: OwnershipListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  join(): Promise<readonly number[]> {
    if (this.#running !== undefined) throw new Error('join was called before')
    const first = new Promise<readonly number[]>((resolve, reject) => {
      this.#first = { resolve, reject }
    })
    this.#running = this.#run()
    return first
  }

  async isCurrent(generation: number): Promise<boolean> {
    if (generation !== this.#generation || this.#owned.length === 0) return false
    const answer = await this.#beat(generation)
    // While a new sharing-out is asked for, the old one stands until this member joins it.
    return answer !== 'fenced' && generation === this.#generation && this.#owned.length > 0
  }

  async note(offsets: ReadonlyMap<number, number>): Promise<boolean> {
    if (this.#memberId === '' || offsets.size === 0) return false
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }))
    try {
      const place = { groupId: this.#options.groupId, groupGenerationId: this.#generation, memberId: this.#memberId }
      await this.#ask((broker) => broker.offsetCommit({ ...place, topics: [{ topic: this.#options.topic, partitions }] }))
      return true
    } catch (error) {
      if (FENCED.has(protocolErrorOf(error)) || protocolErrorOf(error) === 'REBALANCE_IN_PROGRESS') return false
      throw asLogError('offsets could not be noted', error)
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#wake?.()
    await this.#running
    await this.#options.session.close()
  }

  async #run(): Promise<void> {
    await this.#remember()
    while (!this.#closing) {
      try {
        const given = await this.#joinGroup()
        if (given.length > 0) await this.#release(given)
        else await this.#stay()
      } catch (error) {
        const type = protocolErrorOf(error)
        if (type === 'REBALANCE_IN_PROGRESS') continue // somebody else came or went meanwhile
        if (type === 'UNKNOWN_MEMBER_ID' && this.#generation === 0 && this.#memberId !== '') {
          this.#memberId = '' // the session of who this was is over
          continue
        }
        if (FENCED.has(type)) this.#lose()
        this.#giveUpInTime()
        this.#options.onTrouble('the group of processors could not be asked, trying again', error)
        await this.#pause(BACKOFF_MS)
      }
    }
    await this.#leave()
  }

  async #remember(): Promise<void> {
    const former = await this.#options.former?.read()
    if (former === undefined) return
    this.#memberId = former.memberId
    this.#claim = { owned: former.owned, generation: former.generation }
  }

  /** Joins, shares out when this member is the one to do it, and takes its share. Resolves with what is to be put down for others. */
  async #joinGroup(): Promise<number[]> {
    const { groupId, topic, sessionTimeoutMs, releaseMsMax } = this.#options
    const userData = Buffer.from(JSON.stringify(this.#claim))
    const metadata = MemberMetadata.encode({ version: 0, topics: [topic], userData })
    const joined = await this.#ask((broker) =>
      broker.joinGroup({
        groupId,
        memberId: this.#memberId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: releaseMsMax,
        groupProtocols: [{ name: PROTOCOL, metadata }],
      }),
    )
    this.#memberId = joined.memberId
    const shares = joined.leaderId === joined.memberId ? this.#shareOut(joined.members) : []
    const { memberAssignment } = await this.#ask((broker) =>
      broker.syncGroup({ groupId, generationId: joined.generationId, memberId: joined.memberId, groupAssignment: shares }),
    )
    const share = [...(MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [])].sort((a, b) => a - b)
    const given = this.#claim.owned.filter((partition) => !share.includes(partition))
    this.#heardAtMs = this.#options.nowMs()
    this.#generation = joined.generationId
    this.#owned = share
    this.#claim = { owned: share, generation: this.#generation }
    const { memberId } = joined
    await this.#options.former?.write({ memberId, ...this.#claim }).catch((error: unknown) => {
      this.#options.onTrouble('what this member owns could not be written down', error)
    })
    for (const listener of this.#listeners) this.#guard(() => listener.assigned(this.#owned, this.#generation))
    this.#first?.resolve(this.#owned)
    this.#first = undefined
    return given
  }

  #shareOut(members: readonly { memberId: string; memberMetadata: Buffer }[]): { memberId: string; memberAssignment: Buffer }[] {
    const claimants = members.map(({ memberId, memberMetadata }) => ({ id: memberId, ...claimOf(memberMetadata) }))
    return [...assignCooperatively(claimants, this.partitions)].map(([memberId, partitions]) => {
      const assignment = { [this.#options.topic]: partitions }
      return { memberId, memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }) }
    })
  }

  /** Heartbeats until the group shares out anew, or the instance ends. */
  async #stay(): Promise<void> {
    while (!this.#closing) {
      await this.#pause(this.#options.heartbeatMs)
      if (this.#closing) return
      const answer = await this.#beat(this.#generation)
      if (answer === 'fenced') return this.#lose()
      if (answer === 'rebalance') return
      if (answer === 'unheard') this.#giveUpInTime()
      if (this.#memberId === '') return
    }
  }

  /** Waits until these are put down; heartbeats go on meanwhile. They are not owned any more. */
  async #release(given: readonly number[]): Promise<void> {
    let isDone = false
    const done = Promise.allSettled([...this.#listeners].map((listener) => listener.release(given))).then((results) => {
      isDone = true
      for (const result of results) {
        if (result.status === 'rejected') this.#options.onTrouble('partitions were released with trouble', result.reason)
      }
    })
    const startedAtMs = this.#options.nowMs()
    while (!isDone) {
      await Promise.race([done, sleep(this.#options.heartbeatMs)])
      if (isDone) return
      const isLate = this.#options.nowMs() - startedAtMs > this.#options.releaseMsMax
      if (isLate || (await this.#beat(this.#generation)) === 'fenced') {
        this.#owned = [...this.#owned, ...given]
        return this.#lose()
      }
    }
  }

  #lose(): void {
    const owned = this.#owned
    this.#owned = []
    this.#memberId = ''
    this.#claim = { owned: [], generation: 0 }
    if (owned.length > 0) for (const listener of this.#listeners) this.#guard(() => listener.lost(owned))
  }

  #giveUpInTime(): void {
    if (this.#options.nowMs() - this.#heardAtMs >= this.#options.sessionTimeoutMs) this.#lose()
  }

  async #beat(generation: number): Promise<'kept' | 'rebalance' | 'fenced' | 'unheard'> {
    const place = { groupId: this.#options.groupId, groupGenerationId: generation, memberId: this.#memberId }
    const askedAtMs = this.#options.nowMs()
    try {
      await this.#ask((broker) => broker.heartbeat(place))
      this.#heardAtMs = askedAtMs
      return 'kept'
    } catch (error) {
      const type = protocolErrorOf(error)
      if (FENCED.has(type)) return 'fenced'
      if (type !== 'REBALANCE_IN_PROGRESS') {
        this.#options.onTrouble('a heartbeat was not answered', error)
        return 'unheard'
      }
      this.#heardAtMs = askedAtMs
      return 'rebalance'
    }
  }

  async #leave(): Promise<void> {
    const owned = this.#owned
    this.#owned = []
    if (owned.length > 0) await this.#release(owned)
    this.#first?.reject(new LogUnavailableError('the log is closed'))
    if (this.#memberId === '') return
    const place = { groupId: this.#options.groupId, memberId: this.#memberId }
    this.#memberId = ''
    await this.#options.former?.write({ memberId: '', owned: [], generation: 0 }).catch(() => {}) // the next one asks in vain, and joins anew
    // Without it the others notice by themselves, after the session's length.
    await this.#ask((broker) => broker.leaveGroup(place)).catch((error: unknown) => {
      this.#options.onTrouble('the group could not be left', error)
    })
  }

  #ask<T>(work: (broker: KafkaBroker) => Promise<T>): Promise<T> {
    return this.#options.session.use(async (cluster) => {
      return work((await cluster.findGroupCoordinator({ groupId: this.#options.groupId })) as KafkaBroker)
    })
  }

  /** A listener's error is its own: it must not end the membership. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.onTrouble('a listener of the sharing-out failed', error)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.#closing ? 0 : ms)
      function done() {
        clearTimeout(timer)
        resolve()
      }
      this.#wake = done
    })
  }
}

/** What a member says it owned; nothing when it says something else. */
function claimOf(metadata: Buffer): Claim {
  try {
    const claim: unknown = JSON.parse(MemberMetadata.decode(metadata)?.userData.toString() ?? '')
    if (typeof claim !== 'object' || claim === null || !('owned' in claim) || !('generation' in claim)) throw new Error('no claim')
    const { owned, generation } = claim
    if (!Array.isArray(owned) || typeof generation !== 'number') throw new Error('no claim')
    return { owned: owned.filter((partition): partition is number => typeof partition === 'number'), generation }
  } catch {
    return { owned: [], generation: 0 }
  }
}
