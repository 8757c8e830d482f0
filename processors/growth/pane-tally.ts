/** How many credits each inviter has by pane: for every inviter a list from its newest pane to its oldest. */
import { grownTo } from '../runtime/grown-cells.ts'
import { NONE, SortedLists, type SortedListsSnapshot } from '../runtime/sorted-lists.ts'

export interface PaneTallySnapshot {
  readonly panes: SortedListsSnapshot
  readonly counts: Int32Array
}

export class PaneTally {
  readonly #panes: SortedLists
  #counts: Int32Array

  constructor(from?: PaneTallySnapshot) {
    this.#panes = new SortedLists(from?.panes)
    this.#counts = from?.counts ?? new Int32Array(64)
  }

  /** One credit more in the pane (sign 1), or one less. Returns the pane's entry, which is gone when none is left. */
  add(person: number, pane: number, sign: 1 | -1): number {
    const panes = this.#panes
    let previous = NONE
    let entry = panes.first(person)
    while (entry !== NONE && panes.key(entry) > pane) {
      previous = entry
      entry = panes.next(entry)
    }
    if (entry === NONE || panes.key(entry) !== pane) {
      entry = panes.insert(person, previous, pane)
      this.#counts = grownTo(this.#counts, entry)
      this.#counts[entry] = sign
      return entry
    }
    const count = (this.#counts[entry] as number) + sign
    this.#counts[entry] = count
    if (count === 0) panes.removeBehind(person, previous)
    return entry
  }

  /** The entry of the person's newest pane, or `NONE`. */
  newest(person: number): number {
    return this.#panes.first(person)
  }

  /** The entry of the next older pane, or `NONE`. */
  older(entry: number): number {
    return this.#panes.next(entry)
  }

  pane(entry: number): number {
    return this.#panes.key(entry)
  }

  count(entry: number): number {
    return this.#counts[entry] as number
  }

  snapshot(): PaneTallySnapshot {
    return { panes: this.#panes.snapshot(), counts: this.#counts }
  }
}
