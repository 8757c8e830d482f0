/**
 * Which scopes the changes of a slice go to. As long as a dimension has had one value only, the sums of that value are
 * those of the whole workspace: they are shared, and a change is added once. With its second value the dimension
 * splits: the first value goes on with a copy of the sums, and from then on changes of every slice go to both.
 */
import { DIMENSIONS, type Dimension } from '../../schemas/records.ts'
import type { SliceKey } from './slices.ts'

/** Sums that may be those of the whole. */
export interface SharingScope {
  /** Goes on with a copy of what it shared. */
  separate(): void
}

export class SplitScopes<Scope extends SharingScope> {
  readonly #whole: Scope
  readonly #shared: (dimension: Dimension, value: string) => Scope
  readonly #separate: (dimension: Dimension, value: string) => Scope
  /** The only value so far of the dimensions that are not split. */
  readonly #only = new Map<Dimension, { readonly value: string; readonly scope: Scope }>()
  /** In the order of their splits, as in the scopes of every slice. */
  readonly #split: Dimension[] = []
  readonly #slices: { readonly key: SliceKey; readonly scopes: Scope[] }[] = []

  /** `shared` makes the scope of a value that has the sums of the whole, `separate` gives one that has its own. */
  constructor(
    whole: Scope,
    shared: (dimension: Dimension, value: string) => Scope,
    separate: (dimension: Dimension, value: string) => Scope,
  ) {
    this.#whole = whole
    this.#shared = shared
    this.#separate = separate
  }

  /** Scopes that are different sums, the whole first; the list grows when a dimension splits. */
  scopesOf(key: SliceKey): readonly Scope[] {
    for (const dimension of DIMENSIONS) this.#meet(dimension, key[dimension])
    const scopes = [this.#whole, ...this.#split.map((dimension) => this.#separate(dimension, key[dimension]))]
    this.#slices.push({ key, scopes })
    return scopes
  }

  /** Every value has sums of its own from now on. */
  splitAll(): void {
    for (const dimension of DIMENSIONS) this.split(dimension)
  }

  /** Values of the dimension have sums of their own from now on. */
  split(dimension: Dimension): void {
    if (this.#split.includes(dimension)) return
    this.#only.get(dimension)?.scope.separate()
    this.#only.delete(dimension)
    this.#split.push(dimension)
    for (const { key, scopes } of this.#slices) scopes.push(this.#separate(dimension, key[dimension]))
  }

  /** Dimensions that are split, in that order, and the values of the others. */
  snapshot(): SplitScopesSnapshot {
    return { split: [...this.#split], only: [...this.#only].map(([dimension, { value }]) => [dimension, value]) }
  }

  restore({ split, only }: SplitScopesSnapshot): void {
    this.#split.push(...split)
    for (const [dimension, value] of only) this.#meet(dimension, value)
  }

  #meet(dimension: Dimension, value: string): void {
    if (this.#split.includes(dimension)) return
    const only = this.#only.get(dimension)
    if (only === undefined) this.#only.set(dimension, { value, scope: this.#shared(dimension, value) })
    else if (only.value !== value) this.split(dimension)
  }
}

export interface SplitScopesSnapshot {
  readonly split: readonly Dimension[]
  readonly only: readonly (readonly [dimension: Dimension, value: string])[]
}
