/**
 * Credits of inviters by pane of one length, and what they add to the sum of squares behind the dispersion of K.
 *
 * Two credits of one inviter in panes p <= q meet in the window ends [q, p + panes): there (c + n)^2 - c^2 = 2cn + n^2
 * makes each pair count twice and each credit once. It takes a walk over the inviter's panes, so credits that come in
 * one after another wait, and those of one inviter and pane are added together.
 */
import { grownTo } from '../runtime/grown-cells.ts'
import { NONE } from '../runtime/sorted-lists.ts'
import { DISPERSION, paneOfMs, type PaneWindow } from './measures.ts'
import { PaneTally, type PaneTallySnapshot } from './pane-tally.ts'
import type { IntervalSink } from './slices.ts'

export class SquaredCredits {
  readonly panes: PaneTally
  readonly #windows: readonly PaneWindow[]
  /** By index of the window. */
  readonly #sinks: readonly IntervalSink[]
  /** Credits of each entry of `panes` that are in the sum of squares. */
  #squared: Int32Array
  /** Entries of which some may not be: inviter, entry, ... */
  #due: number[] = []

  /** `windows` are those with panes of one length; the snapshot is of a state in which everything was settled. */
  constructor(windows: readonly PaneWindow[], sinks: readonly IntervalSink[], from?: PaneTallySnapshot) {
    this.#windows = windows
    this.#sinks = sinks
    this.panes = new PaneTally(from)
    this.#squared = from?.counts.slice() ?? new Int32Array(64)
  }

  /** A signup at `childMs` is credited to the inviter (sign 1), or no longer (-1). Takes effect with `settle`. */
  add(inviter: number, childMs: number, sign: 1 | -1): void {
    if (sign < 0) this.settle() // an entry may vanish
    const pane = paneOfMs(childMs, (this.#windows[0] as PaneWindow).paneMs)
    const entry = this.panes.add(inviter, pane, sign)
    this.#squared = grownTo(this.#squared, entry)
    if (sign > 0) this.#due.push(inviter, entry)
    else {
      this.#squared[entry] = (this.#squared[entry] as number) - 1
      this.#addSquares(inviter, pane, -1, this.#squared[entry] as number)
    }
  }

  /** What waits is added to the sum of squares. */
  settle(): void {
    const due = this.#due
    for (let at = 0; at < due.length; at += 2) {
      const entry = due[at + 1] as number
      const squared = this.#squared[entry] as number
      const n = this.panes.count(entry) - squared
      if (n === 0) continue // it came before
      this.#addSquares(due[at] as number, this.panes.pane(entry), n, squared)
      this.#squared[entry] = squared + n
    }
    this.#due = []
  }

  /** `n` credits beside `squared` others of the pane, or one fewer that leaves so many. */
  #addSquares(inviter: number, pane: number, n: number, squared: number): void {
    const { panes } = this
    for (const window of this.#windows) {
      const sink = this.#sinks[window.index] as IntervalSink
      sink.add(DISPERSION.credits_squared, pane, pane + window.panes, Math.sign(n) * n * n + 2 * n * squared)
      for (let entry = panes.newest(inviter); entry !== NONE; entry = panes.older(entry)) {
        const other = panes.pane(entry)
        if (other === pane || other >= pane + window.panes) continue
        if (other <= pane - window.panes) break
        const from = Math.max(pane, other)
        const to = Math.min(pane, other) + window.panes
        sink.add(DISPERSION.credits_squared, from, to, 2 * n * (this.#squared[entry] as number))
      }
    }
  }
}
