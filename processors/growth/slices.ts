/** Slices: the combination of channel, campaign and variant that an event counts under, interned. */
import { DIMENSIONS, type Dimension } from '../../schemas/records.ts'

/** Where a slice's changes go: one scope is the whole workspace or one value of one dimension. */
export interface ScopeDeltas {
  /** Counts (`MEASURES`) of a live window. */
  counts(windowIndex: number): IntervalSink
  /** Money (`MONEY`) of a live window in one currency. */
  money(currency: string, windowIndex: number): IntervalSink
}

export interface IntervalSink {
  /** Adds `n` to `column` of every window that ends in panes [from, to). */
  add(column: number, from: number, to: number, n: number): void
}

/** Gives the scope of a dimension's value; dimension '' is the whole workspace. */
export type ScopeOf = (dimension: Dimension | '', value: string) => ScopeDeltas

export interface Slice {
  readonly channel: string
  readonly campaign: string
  readonly variant: string
  /** Whole workspace, then one scope for each of `DIMENSIONS`. */
  readonly scopes: readonly ScopeDeltas[]
}

export type SliceKey = Pick<Slice, Dimension>

export class SliceTable {
  readonly #scopeOf: ScopeOf
  readonly #slices: Slice[] = []
  readonly #indexByKey = new Map<string, number>()

  constructor(scopeOf: ScopeOf) {
    this.#scopeOf = scopeOf
  }

  /** Number of the slice; the empty string stands for an absent field. */
  indexOf(key: SliceKey): number {
    // Lengths make the joined key unambiguous whatever characters the values hold.
    const text = `${key.channel.length},${key.campaign.length},${key.channel}${key.campaign}${key.variant}`
    const known = this.#indexByKey.get(text)
    if (known !== undefined) return known
    const { channel, campaign, variant } = key
    const scopes = [this.#scopeOf('', ''), ...DIMENSIONS.map((dimension) => this.#scopeOf(dimension, key[dimension]))]
    this.#indexByKey.set(text, this.#slices.length)
    return this.#slices.push({ channel, campaign, variant, scopes }) - 1
  }

  readonly at = (index: number): Slice => this.#slices[index] as Slice

  snapshot(): SliceKey[] {
    return this.#slices.map(({ channel, campaign, variant }) => ({ channel, campaign, variant }))
  }

  restore(keys: readonly SliceKey[]): void {
    for (const key of keys) this.indexOf(key)
  }
}
