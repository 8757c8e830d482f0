/** Events of many owners as columns: of each owner a list in the order of events, from the latest to the first. */
import { NONE, SortedLists, type SortedListsSnapshot } from '../runtime/sorted-lists.ts'
import { compareUtf8, type Ordered } from './event-order.ts'

/** An event and whose it is. */
export interface ActorEvent extends Ordered {
  readonly actorId: string
}

export interface EventListsSnapshot {
  readonly lists: SortedListsSnapshot
  readonly eventIds: readonly string[]
  readonly actorIds: readonly string[]
}

export class EventLists {
  readonly #lists: SortedLists
  /** By entry. */
  readonly #eventIds: string[]
  readonly #actorIds: string[]

  constructor(from?: EventListsSnapshot) {
    this.#lists = new SortedLists(from?.lists)
    this.#eventIds = [...(from?.eventIds ?? [])]
    this.#actorIds = [...(from?.actorIds ?? [])]
  }

  /** Puts an event in its place and returns its entry. */
  insert(owner: number, { atMs, eventId, actorId }: ActorEvent): number {
    let previous = NONE
    let entry = this.#lists.first(owner)
    while (entry !== NONE && this.#compare(entry, atMs, eventId) > 0) {
      previous = entry
      entry = this.#lists.next(entry)
    }
    const added = this.#lists.insert(owner, previous, atMs)
    this.#eventIds[added] = eventId
    this.#actorIds[added] = actorId
    return added
  }

  /** Takes out the owner's latest event. Its entry is given out again. */
  removeLatest(owner: number): void {
    this.#lists.removeBehind(owner, NONE)
  }

  /** Whether the event of the entry comes after another. */
  isAfter(entry: number, { atMs, eventId }: Ordered): boolean {
    return this.#compare(entry, atMs, eventId) > 0
  }

  /** The entry of the owner's latest event, or `NONE`. */
  latest(owner: number): number {
    return this.#lists.first(owner)
  }

  /** The entry of the event before, or `NONE`. */
  earlier(entry: number): number {
    return this.#lists.next(entry)
  }

  atMs(entry: number): number {
    return this.#lists.key(entry)
  }

  eventId(entry: number): string {
    return this.#eventIds[entry] as string
  }

  actorId(entry: number): string {
    return this.#actorIds[entry] as string
  }

  snapshot(): EventListsSnapshot {
    return { lists: this.#lists.snapshot(), eventIds: this.#eventIds, actorIds: this.#actorIds }
  }

  #compare(entry: number, atMs: number, eventId: string): number {
    return this.atMs(entry) - atMs || compareUtf8(this.eventId(entry), eventId)
  }
}
