/**
 * Referral trees that change edge by edge, for the stream: what one more edge, or one fewer, does to structural virality, in
 * time proportional to the depth of the place where it happens.
 *
 * With s the size below a person (itself included) and n that of the tree, the sum of all distances is the sum of s (n - s)
 * over people = n x (sum of s) - (sum of s squared). Each person holds both sums over the people below it, so that a branch
 * can leave with its own; only ancestors change. Sums are exact while below 2^53: any tree of 200,000 people, and far larger
 * ones that are no chain.
 */
import { meanDistance, NO_PARENT } from './referral-tree.ts'

const FIRST_CAPACITY = 1024

/** A forest of people numbered in the order in which they were added. Adding is amortised O(1), all else O(depth). */
export class GrowingTrees {
  #count = 0
  #parents = new Int32Array(FIRST_CAPACITY)
  #sizes = new Int32Array(FIRST_CAPACITY)
  #sizeSums = new Float64Array(FIRST_CAPACITY)
  #squareSums = new Float64Array(FIRST_CAPACITY)

  /** The forest that `parents` (a parent or `NO_PARENT` for each person, without loops) describes: what `parents()` gave. */
  static of(parents: Int32Array): GrowingTrees {
    const forest = new GrowingTrees()
    for (let person = 0; person < parents.length; person += 1) forest.add()
    for (const [person, parent] of parents.entries()) if (parent !== NO_PARENT) forest.attach(person, parent)
    return forest
  }

  /** How many people there are. */
  get count(): number {
    return this.#count
  }

  /** Adds a person alone in a tree of its own; its number. */
  add(): number {
    const person = this.#count
    if (person === this.#parents.length) this.#grow()
    this.#parents[person] = NO_PARENT
    this.#sizes[person] = 1
    this.#sizeSums[person] = 1
    this.#squareSums[person] = 1
    this.#count += 1
    return person
  }

  /**
   * Hangs the tree of `child`, a root, below `parent`.
   *
   * @returns false, and nothing changes, when `parent` is in that very tree
   * @throws RangeError when `child` has a parent: detach it first
   */
  attach(child: number, parent: number): boolean {
    if (this.parentOf(child) !== NO_PARENT) throw new RangeError(`person ${child} has a parent`)
    if (this.rootOf(parent) === child) return false
    this.#parents[child] = parent
    this.#changeAbove(child, 1)
    return true
  }

  /**
   * Makes `child`, with all below it, a tree of its own again.
   *
   * @throws RangeError when it is a root already
   */
  detach(child: number): void {
    if (this.parentOf(child) === NO_PARENT) throw new RangeError(`person ${child} has no parent`)
    this.#changeAbove(child, -1)
    this.#parents[child] = NO_PARENT
  }

  /** The parent, or `NO_PARENT`. */
  parentOf(person: number): number {
    return this.#parents[person] as number
  }

  /** The root of a person's tree. */
  rootOf(person: number): number {
    let at = person
    while (this.#parents[at] !== NO_PARENT) at = this.#parents[at] as number
    return at
  }

  /** Referrals between a person and its root. */
  depthOf(person: number): number {
    let depth = 0
    for (let at = this.parentOf(person); at !== NO_PARENT; at = this.parentOf(at)) depth += 1
    return depth
  }

  /** People below, with the person itself: of a root, the size of its tree. */
  sizeBelow(person: number): number {
    return this.#sizes[person] as number
  }

  /** Sum of the distances over all pairs among a person and those below it: of a root, over its tree. */
  distanceSum(person: number): number {
    return (this.#sizes[person] as number) * (this.#sizeSums[person] as number) - (this.#squareSums[person] as number)
  }

  /** Mean distance over all pairs of the tree of `root`; null in a tree of one. */
  structuralVirality(root: number): number | null {
    return meanDistance(this.sizeBelow(root), this.distanceSum(root))
  }

  /** A copy of the column of parents, from which all else follows. */
  parents(): Int32Array {
    return this.#parents.slice(0, this.#count)
  }

  /** Adds (`sign` 1) or takes away (-1) what the branch of `child` is to each of its ancestors. */
  #changeAbove(child: number, sign: 1 | -1): void {
    const branch = this.#sizes[child] as number
    let sizeSum = this.#sizeSums[child] as number
    let squareSum = this.#squareSums[child] as number
    for (let at = this.parentOf(child); at !== NO_PARENT; at = this.parentOf(at)) {
      const size = this.#sizes[at] as number
      const smaller = sign === 1 ? size : size - branch
      sizeSum += branch
      squareSum += branch * (2 * smaller + branch)
      this.#sizes[at] = size + sign * branch
      this.#sizeSums[at] = (this.#sizeSums[at] as number) + sign * sizeSum
      this.#squareSums[at] = (this.#squareSums[at] as number) + sign * squareSum
    }
  }

  #grow(): void {
    const capacity = 2 * this.#parents.length
    this.#parents = widened(this.#parents, new Int32Array(capacity))
    this.#sizes = widened(this.#sizes, new Int32Array(capacity))
    this.#sizeSums = widened(this.#sizeSums, new Float64Array(capacity))
    this.#squareSums = widened(this.#squareSums, new Float64Array(capacity))
  }
}

function widened<Column extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(from: Column, to: Column): Column {
  to.set(from)
  return to
}
