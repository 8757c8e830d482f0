/**
 * Who owns which partition, as Kafka's group protocol has it (`ingest/log/kafka-membership.ts`): for each sharing-out every
 * member releases, and who does not answer within the session is left out and hears of it when it wakes.
 */
import { assignSticky } from '../../ingest/log/sticky-assignment.ts'
import type { OwnershipListener, PartitionOwnership } from '../../schemas/ports/partition-ownership.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

const SESSION_MS = 4_000
const LOOK_MS = 500

interface Member {
  readonly process: SimulatedProcess
  readonly listeners: Set<OwnershipListener>
  owned: readonly number[]
  generation: number
  /** It has answered the sharing-out that is under way. */
  hasReleased: boolean
  silentSinceMs: number | undefined
  joined: ((share: readonly number[]) => void) | undefined
}

export class SimulatedGroup {
  readonly #world: VirtualWorld
  readonly #partitions: number
  readonly #members = new Set<Member>()
  #generation = 0
  #isSharingOut = false
  #isStale = false

  constructor(world: VirtualWorld, partitions: number) {
    this.#world = world
    this.#partitions = partitions
    this.#look()
  }

  /** The group as one process takes part in it. */
  memberOf(process: SimulatedProcess): PartitionOwnership {
    const world = this.#world
    const member: Member = {
      process,
      listeners: new Set(),
      owned: [],
      generation: 0,
      hasReleased: true,
      silentSinceMs: undefined,
      joined: undefined,
    }
    return {
      partitions: this.#partitions,
      owned: () => member.owned,
      get generation() {
        return member.generation
      },
      onChange(listener) {
        member.listeners.add(listener)
        return () => member.listeners.delete(listener)
      },
      join: () =>
        new Promise((resolve) => {
          member.joined = resolve
          void world.call(process, 'joins the group', () => this.#admit(member), 10)
        }),
      isCurrent: (generation) => world.call(process, 'asks for its generation', () => generation === member.generation),
      note: () => world.call(process, 'notes offsets', () => this.#members.has(member)),
      close: async () => {
        await this.#release(member)
        await world.call(process, 'leaves the group', () => {
          this.#members.delete(member)
          this.#shareOut()
        })
      },
    }
  }

  /** Members are shared out anew although none came or went. */
  disturb(): void {
    this.#shareOut()
  }

  #admit(member: Member): void {
    this.#members.add(member)
    this.#shareOut()
  }

  #shareOut(): void {
    if (this.#isSharingOut) {
      this.#isStale = true
      return
    }
    this.#isSharingOut = true
    this.#isStale = false
    this.#world.note('partitions are being shared out')
    for (const member of this.#members) {
      member.hasReleased = false
      this.#world.after(member.process, this.#world.choices.exponential(5), `${member.process.name} is asked to release`, () => {
        void this.#release(member).then(() =>
          this.#world.call(member.process, 'has released', () => {
            member.hasReleased = true
          }),
        )
      })
    }
    const startedMs = this.#world.nowMs
    const wait = () => {
      const isOver = [...this.#members].every(({ hasReleased }) => hasReleased) || this.#world.nowMs - startedMs > SESSION_MS
      if (isOver) this.#assign()
      else this.#world.after(this.#world.outside, 50, 'the group waits for releases', wait)
    }
    wait()
  }

  async #release(member: Member): Promise<void> {
    const { owned } = member
    member.owned = []
    for (const listener of member.listeners) await listener.release(owned)
  }

  #assign(): void {
    this.#isSharingOut = false
    this.#generation += 1
    for (const member of this.#members) if (!member.hasReleased) this.#expel(member)
    const members = new Map([...this.#members].map((member) => [member.process.name, member]))
    const claimants = [...members].map(([id, member]) => ({ id, owned: member.owned, generation: member.generation }))
    for (const [id, share] of assignSticky(claimants, this.#partitions)) {
      const member = members.get(id) as Member
      const generation = this.#generation
      this.#world.after(member.process, this.#world.choices.exponential(5), `${id} gets partitions ${share.join(',')}`, () => {
        if (generation < this.#generation) return
        member.owned = share
        member.generation = generation
        for (const listener of member.listeners) listener.assigned(share, generation)
        member.joined?.(share)
      })
    }
    if (this.#isStale) this.#shareOut()
  }

  /** It hears of it when it can, and comes again. */
  #expel(member: Member): void {
    this.#members.delete(member)
    this.#world.after(member.process, 1, `${member.process.name} was expelled`, () => {
      const { owned } = member
      member.owned = []
      for (const listener of member.listeners) listener.lost(owned)
      void this.#world.call(member.process, 'joins the group again', () => this.#admit(member), 10)
    })
  }

  /** Those who have been silent for the session are expelled. */
  #look(): void {
    let isChanged = false
    for (const member of this.#members) {
      if (member.process.state === 'running') member.silentSinceMs = undefined
      else {
        member.silentSinceMs ??= this.#world.nowMs
        if (this.#world.nowMs - member.silentSinceMs < SESSION_MS) continue
        this.#expel(member)
        isChanged = true
      }
    }
    if (isChanged) this.#shareOut()
    this.#world.after(this.#world.outside, LOOK_MS, 'the group looks for its members', () => this.#look())
  }
}
