/**
 * Exact distinct counts over sliding windows. A subject (an actor, an invite) counts in a window when it has an entry
 * in one of the window's panes. An entry in pane p with neighbours q < p < r of the same subject therefore adds the
 * window ends [max(p, q + panes), min(p + panes, r)) and no others: those the neighbours do not already cover. The set
 * of panes in which a subject was seen is all the state; nothing expires by timer and a late entry is no special case.
 *
 * Entries of all subjects share one slab of columns, linked per subject from newest to oldest.
 */
import { DAY_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { PANE_WINDOWS, paneOfMinute } from './measures.ts'
import type { ScopeDeltas, Slice } from './slices.ts'

/** What an entry was seen doing; a measure counts the subjects with any of its kinds. */
export const SEEN = { invite: 0, share: 1, conversion: 2 } as const
export type SeenKind = (typeof SEEN)[keyof typeof SEEN]
const KINDS = 3
/** Minute, slice, next entry, and a count for each kind. */
const COLUMNS = 3 + KINDS
const MINUTE = 0
const SLICE = 1
const NEXT = 2
const COUNTS = 3
const NONE = -1
/** Whole workspace, channel, campaign, variant: a slice has at most so many scopes. */
const SCOPES_MAX = 4
/** An entry further away than the longest window covers no window end of ours. */
const REACH_MINUTES = (30 * DAY_MS) / MINUTE_MS

/** A column of the grids and the kinds (as bits) that make a subject count there. */
export interface PresenceMeasure {
  readonly column: number
  readonly kindBits: number
}

export interface PresenceSnapshot {
  readonly slab: Int32Array
  readonly used: number
  readonly heads: Int32Array
  readonly free: number
}

export class PresencePanes {
  readonly #measures: readonly PresenceMeasure[]
  readonly #slice: (index: number) => Slice
  #slab: Int32Array = new Int32Array(1024 * COLUMNS)
  #used = 0
  #free = NONE
  #heads: Int32Array = new Int32Array(1024).fill(NONE)
  /** Nearest entry at or before, and at or after, of each scope and measure; reused by every call. */
  readonly #before: Float64Array
  readonly #after: Float64Array

  constructor(measures: readonly PresenceMeasure[], slice: (index: number) => Slice) {
    this.#measures = measures
    this.#slice = slice
    this.#before = new Float64Array(SCOPES_MAX * measures.length)
    this.#after = new Float64Array(SCOPES_MAX * measures.length)
  }

  /** The subject was seen doing `kind` in the pane that ends at `minute`; sign -1 takes one such sighting back. */
  add(subject: number, minute: number, sliceIndex: number, kind: SeenKind, sign: 1 | -1): void {
    let entry = this.#find(subject, minute, sliceIndex)
    if (entry === NONE) {
      if (sign < 0) throw new Error('a sighting is taken back that never was')
      entry = this.#insert(subject, minute, sliceIndex)
    }
    const cell = entry * COLUMNS + COUNTS + kind
    const count = (this.#slab[cell] as number) + sign
    if (count < 0) throw new Error('a sighting is taken back that never was')
    const appearsOrVanishes = count === (sign > 0 ? 1 : 0)
    if (appearsOrVanishes) {
      this.#slab[cell] = 0 // the neighbours are those without this sighting, whether it comes or goes
      this.#cover(subject, minute, this.#slice(sliceIndex), 1 << kind, sign)
    }
    this.#slab[cell] = count
    if (count === 0) this.#removeIfEmpty(subject, entry)
  }

  /** Forgets entries before `minute`: they cover no window end that can still be published or restated. */
  dropBefore(minute: number): void {
    for (let subject = 0; subject < this.#heads.length; subject += 1) {
      let previous = NONE
      let entry = this.#heads[subject] as number
      while (entry !== NONE) {
        const next = this.#slab[entry * COLUMNS + NEXT] as number
        if ((this.#slab[entry * COLUMNS + MINUTE] as number) < minute) {
          if (previous === NONE) this.#heads[subject] = NONE
          else this.#slab[previous * COLUMNS + NEXT] = NONE
          while (entry !== NONE) entry = this.#release(entry)
          break
        }
        previous = entry
        entry = next
      }
    }
  }

  snapshot(): PresenceSnapshot {
    return { slab: this.#slab.slice(0, this.#used * COLUMNS), used: this.#used, heads: this.#heads, free: this.#free }
  }

  restore(from: PresenceSnapshot): void {
    this.#slab = from.slab
    this.#used = from.used
    this.#heads = from.heads
    this.#free = from.free
  }

  /** Adds (or takes back) the window ends that this sighting covers and its neighbours do not. */
  #cover(subject: number, minute: number, slice: Slice, kindBit: number, sign: number): void {
    this.#findNeighbours(subject, minute, slice, kindBit)
    for (let scope = 0; scope < slice.scopes.length; scope += 1) {
      const grids = slice.scopes[scope] as ScopeDeltas
      for (let m = 0; m < this.#measures.length; m += 1) {
        const measure = this.#measures[m] as PresenceMeasure
        if ((measure.kindBits & kindBit) === 0) continue
        const before = this.#before[scope * this.#measures.length + m] as number
        const after = this.#after[scope * this.#measures.length + m] as number
        if (before === minute || after === minute) continue
        for (const window of PANE_WINDOWS) {
          const pane = paneOfMinute(minute, window.paneMinutes)
          const paneBefore = paneOfMinute(before, window.paneMinutes)
          const paneAfter = paneOfMinute(after, window.paneMinutes)
          if (paneBefore === pane || paneAfter === pane) continue
          grids
            .counts(window.index)
            .add(measure.column, Math.max(pane, paneBefore + window.panes), Math.min(pane + window.panes, paneAfter), sign)
        }
      }
    }
  }

  #findNeighbours(subject: number, minute: number, slice: Slice, kindBit: number): void {
    const measures = this.#measures
    this.#before.fill(Number.NEGATIVE_INFINITY)
    this.#after.fill(Number.POSITIVE_INFINITY)
    let wanted = 0
    for (const measure of measures) if (measure.kindBits & kindBit) wanted += slice.scopes.length
    for (let entry = this.#heads[subject] ?? NONE; entry !== NONE && wanted > 0; entry = this.#slab[entry * COLUMNS + NEXT] as number) {
      const base = entry * COLUMNS
      const at = this.#slab[base + MINUTE] as number
      if (at < minute - REACH_MINUTES) return
      const bits =
        ((this.#slab[base + COUNTS] as number) > 0 ? 1 : 0) |
        ((this.#slab[base + COUNTS + 1] as number) > 0 ? 2 : 0) |
        ((this.#slab[base + COUNTS + 2] as number) > 0 ? 4 : 0)
      if (bits === 0) continue
      const other = this.#slice(this.#slab[base + SLICE] as number)
      for (let scope = 0; scope < slice.scopes.length; scope += 1) {
        if (other.scopes[scope] !== slice.scopes[scope]) continue
        for (let m = 0; m < measures.length; m += 1) {
          const { kindBits } = measures[m] as PresenceMeasure
          if ((kindBits & bits) === 0 || (kindBits & kindBit) === 0) continue
          const index = scope * measures.length + m
          // Newest first: the last one seen above is the nearest after, the first one below the nearest before.
          if (at >= minute) this.#after[index] = at
          if (at <= minute && this.#before[index] === Number.NEGATIVE_INFINITY) {
            this.#before[index] = at
            wanted -= 1
          }
        }
      }
    }
  }

  #find(subject: number, minute: number, sliceIndex: number): number {
    for (let entry = this.#heads[subject] ?? NONE; entry !== NONE; entry = this.#slab[entry * COLUMNS + NEXT] as number) {
      const at = this.#slab[entry * COLUMNS + MINUTE] as number
      if (at < minute) return NONE
      if (at === minute && this.#slab[entry * COLUMNS + SLICE] === sliceIndex) return entry
    }
    return NONE
  }

  #insert(subject: number, minute: number, sliceIndex: number): number {
    if (subject >= this.#heads.length) {
      const heads = new Int32Array(Math.max(subject + 1, this.#heads.length * 2)).fill(NONE)
      heads.set(this.#heads)
      this.#heads = heads
    }
    const entry = this.#allocate()
    let previous = NONE
    let next = this.#heads[subject] as number
    while (next !== NONE && (this.#slab[next * COLUMNS + MINUTE] as number) > minute) {
      previous = next
      next = this.#slab[next * COLUMNS + NEXT] as number
    }
    const base = entry * COLUMNS
    this.#slab.fill(0, base, base + COLUMNS)
    this.#slab[base + MINUTE] = minute
    this.#slab[base + SLICE] = sliceIndex
    this.#slab[base + NEXT] = next
    if (previous === NONE) this.#heads[subject] = entry
    else this.#slab[previous * COLUMNS + NEXT] = entry
    return entry
  }

  #allocate(): number {
    if (this.#free !== NONE) {
      const entry = this.#free
      this.#free = this.#slab[entry * COLUMNS + NEXT] as number
      return entry
    }
    if ((this.#used + 1) * COLUMNS > this.#slab.length) {
      const slab = new Int32Array(Math.max(this.#slab.length * 2, 1024 * COLUMNS))
      slab.set(this.#slab)
      this.#slab = slab
    }
    this.#used += 1
    return this.#used - 1
  }

  /** Puts the entry on the free list and returns the one that stood behind it. */
  #release(entry: number): number {
    const next = this.#slab[entry * COLUMNS + NEXT] as number
    this.#slab[entry * COLUMNS + NEXT] = this.#free
    this.#free = entry
    return next
  }

  #removeIfEmpty(subject: number, entry: number): void {
    const base = entry * COLUMNS
    for (let kind = 0; kind < KINDS; kind += 1) if (this.#slab[base + COUNTS + kind] !== 0) return
    let previous = NONE
    for (let at = this.#heads[subject] as number; at !== entry; at = this.#slab[at * COLUMNS + NEXT] as number) previous = at
    const next = this.#release(entry)
    if (previous === NONE) this.#heads[subject] = next
    else this.#slab[previous * COLUMNS + NEXT] = next
  }
}
