/** Slices: the combination of channel, campaign and variant that an event counts under, interned. */
import type { Dimension } from '../../schemas/records.ts'

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

export interface Slice {
  readonly channel: string
  readonly campaign: string
  readonly variant: string
  /** The whole workspace, then the values of the dimensions that differ from it: of all slices the same, in the same order. */
  readonly scopes: readonly ScopeDeltas[]
}

/** The empty string stands for an absent field. */
export type SliceKey = Pick<Slice, Dimension>

/** What may carry the fields of a slice. */
interface Labelled {
  readonly channel?: string | undefined
  readonly campaign?: string | undefined
  readonly variant?: string | undefined
}

/** Gives the scopes of a slice (`split-scopes.ts`): the list may grow later. */
export type ScopesOf = (key: SliceKey) => readonly ScopeDeltas[]

export class SliceTable {
  readonly #scopesOf: ScopesOf
  readonly #slices: Slice[] = []
  /** By channel, campaign and variant: nothing is joined, as this is asked for with every event. */
  readonly #indexes = new Map<string, Map<string, Map<string, number>>>()
  /** Number of the slice that was asked for last: the next event is often of the same. */
  #last = 0

  constructor(scopesOf: ScopesOf) {
    this.#scopesOf = scopesOf
  }

  /** Number of the slice, given out in order of appearance from 0; takes an event's record as it is. */
  indexOf({ channel = '', campaign = '', variant = '' }: Labelled): number {
    const last = this.#slices[this.#last]
    if (last === undefined || last.channel !== channel || last.campaign !== campaign || last.variant !== variant)
      this.#last = this.#indexes.get(channel)?.get(campaign)?.get(variant) ?? this.#add({ channel, campaign, variant })
    return this.#last
  }

  readonly at = (index: number): Slice => this.#slices[index] as Slice

  snapshot(): SliceKey[] {
    return this.#slices.map(({ channel, campaign, variant }) => ({ channel, campaign, variant }))
  }

  restore(keys: readonly SliceKey[]): void {
    for (const key of keys) this.indexOf(key)
  }

  #add(key: SliceKey): number {
    const { channel, campaign, variant } = key
    const ofChannel = entryOf(this.#indexes, channel, () => new Map<string, Map<string, number>>())
    const ofCampaign = entryOf(ofChannel, campaign, () => new Map<string, number>())
    ofCampaign.set(variant, this.#slices.length)
    return this.#slices.push({ channel, campaign, variant, scopes: this.#scopesOf(key) }) - 1
  }
}

function entryOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
