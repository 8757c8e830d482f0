/**
 * Many small sorted lists in one slab, one list an owner, from its greatest key to its least: what comes in order goes
 * in at the head. Entries have numbers, so that whoever owns the lists can keep more of them in columns of its own.
 */
import { grownTo } from './grown-cells.ts'

/** No entry: the end of a list. */
export const NONE = -1

export interface SortedListsSnapshot {
  readonly heads: Int32Array
  readonly keys: Float64Array
  readonly nexts: Int32Array
  readonly free: number
}

export class SortedLists {
  /** First entry of each owner. */
  #heads: Int32Array = new Int32Array(64).fill(NONE)
  #keys: Float64Array = new Float64Array(64)
  /** The entry behind; of a free entry the next free one. */
  #nexts: Int32Array = new Int32Array(64)
  #used = 0
  #free = NONE

  constructor(from?: SortedListsSnapshot) {
    if (from === undefined) return
    this.#heads = from.heads
    this.#keys = from.keys
    this.#nexts = from.nexts
    this.#used = from.keys.length
    this.#free = from.free
  }

  /** The entry with the owner's greatest key. */
  first(owner: number): number {
    return this.#heads[owner] ?? NONE
  }

  next(entry: number): number {
    return this.#nexts[entry] as number
  }

  key(entry: number): number {
    return this.#keys[entry] as number
  }

  /** Puts a key in behind `previous` (`NONE`: in front), where it belongs, and returns its entry. */
  insert(owner: number, previous: number, key: number): number {
    const entry = this.#allocate()
    this.#keys[entry] = key
    if (previous === NONE) {
      this.#heads = grownTo(this.#heads, owner, NONE)
      this.#nexts[entry] = this.#heads[owner] as number
      this.#heads[owner] = entry
    } else {
      this.#nexts[entry] = this.#nexts[previous] as number
      this.#nexts[previous] = entry
    }
    return entry
  }

  /** Takes out the entry behind `previous` (`NONE`: the first). Its number is given out again. */
  removeBehind(owner: number, previous: number): void {
    const entry = previous === NONE ? this.first(owner) : this.next(previous)
    if (previous === NONE) this.#heads[owner] = this.next(entry)
    else this.#nexts[previous] = this.next(entry)
    this.#nexts[entry] = this.#free
    this.#free = entry
  }

  snapshot(): SortedListsSnapshot {
    return { heads: this.#heads, keys: this.#keys.slice(0, this.#used), nexts: this.#nexts.slice(0, this.#used), free: this.#free }
  }

  #allocate(): number {
    const entry = this.#free
    if (entry !== NONE) {
      this.#free = this.next(entry)
      return entry
    }
    this.#keys = grownTo(this.#keys, this.#used)
    this.#nexts = grownTo(this.#nexts, this.#used)
    this.#used += 1
    return this.#used - 1
  }
}
