/**
 * Sliding-window sums by difference array. Something that counts in the windows ending at panes [from, to) is two
 * numbers: +n at `from`, -n at `to`; the value of a window end is the running sum. Adding commutes and undoes itself,
 * so order, lateness and retraction need no special case, and partitions merge by addition.
 *
 * The running sum is kept at one end, the cursor, and walks from there: publishing goes forward pane by pane, a
 * restatement walks back over at most the allowed lateness.
 */
import { DAY_MS } from '../../schemas/windows.ts'

/** Int32 where counts fit, Float64 where sums may pass 2^31 (both exact for integers). */
export type CellType = 'int32' | 'float64'
type Cells = Int32Array | Float64Array

/** A power of two: windows of 1, 7 and 30 days have both ends in places that differ. */
const NEAR = 4

export interface PaneGridSnapshot {
  readonly cursorEnd: number
  readonly cursor: Cells
  readonly pages: Map<number, Cells>
  readonly droppedBefore: number
  readonly dirtyFrom: number
  readonly dirtyTo: number
}

export class PaneGrid {
  readonly width: number
  readonly #cellType: CellType
  /** Panes in a page: one UTC day. */
  readonly #pageLength: number
  #cursorEnd = Number.NEGATIVE_INFINITY
  #cursor: Cells
  #pages = new Map<number, Cells>()
  /** Pages met last, each in the place of its index modulo `NEAR`: the two ends of an interval are on two pages, turn by turn. */
  readonly #near: (Cells | undefined)[] = new Array<undefined>(NEAR).fill(undefined)
  readonly #nearIndexes: number[] = new Array<number>(NEAR).fill(Number.NaN)
  /** Ends before this one can't be asked for any more. */
  #droppedBefore = Number.NEGATIVE_INFINITY
  /** Ends whose value changed since they were last taken: [dirtyFrom, dirtyTo). */
  dirtyFrom = Number.POSITIVE_INFINITY
  dirtyTo = Number.NEGATIVE_INFINITY

  constructor(width: number, paneMs: number, cellType: CellType) {
    this.width = width
    this.#cellType = cellType
    this.#pageLength = DAY_MS / paneMs
    this.#cursor = this.#cells(width)
  }

  /** Adds `n` to `column` of every window that ends in [from, to). */
  add(column: number, from: number, to: number, n: number): void {
    if (from >= to || n === 0) return
    this.#addDifference(column, from, n)
    this.#addDifference(column, to, -n)
    if (from < this.dirtyFrom) this.dirtyFrom = from
    if (to > this.dirtyTo) this.dirtyTo = to
  }

  /** The sums of the window that ends at `end`; valid until the next call. */
  at(end: number): Cells {
    if (end > this.#cursorEnd) this.#forward(end)
    else if (end < this.#cursorEnd) this.#backward(end)
    return this.#cursor
  }

  /** The first pane >= `end` in a page that has anything, or infinity: where a walk over nothing may jump to. */
  nextPageStart(end: number): number {
    const page = Math.floor(end / this.#pageLength)
    let next = Number.POSITIVE_INFINITY
    for (const index of this.#pages.keys()) if (index >= page && index < next) next = index
    return Math.max(end, next * this.#pageLength)
  }

  /** The first end that can still be asked for. */
  get firstKeptEnd(): number {
    return this.#droppedBefore
  }

  /** What changed before `end` has been seen to. */
  clearDirty(end: number): void {
    this.dirtyFrom = Math.max(this.dirtyFrom, end)
    if (this.dirtyFrom < this.dirtyTo) return
    this.dirtyFrom = Number.POSITIVE_INFINITY
    this.dirtyTo = Number.NEGATIVE_INFINITY
  }

  /** Forgets the differences before `end` (whole pages); their sum stays in the cursor. */
  dropBefore(end: number): void {
    const firstKept = Math.floor(end / this.#pageLength)
    for (const index of this.#pages.keys()) {
      if (index >= firstKept) continue
      if (this.#cursorEnd < firstKept * this.#pageLength) this.#forward(firstKept * this.#pageLength)
      this.#pages.delete(index)
    }
    this.#droppedBefore = Math.max(this.#droppedBefore, firstKept * this.#pageLength)
    this.#nearIndexes.fill(Number.NaN)
    this.#near.fill(undefined)
  }

  snapshot(): PaneGridSnapshot {
    return {
      cursorEnd: this.#cursorEnd,
      cursor: this.#cursor,
      pages: this.#pages,
      droppedBefore: this.#droppedBefore,
      dirtyFrom: this.dirtyFrom,
      dirtyTo: this.dirtyTo,
    }
  }

  /** The same sums, which change apart from now on. */
  copy(): PaneGrid {
    const { cursor, pages, ...rest } = this.snapshot()
    const copied = new Map([...pages].map(([index, page]) => [index, page.slice()]))
    return PaneGrid.restore(this.width, DAY_MS / this.#pageLength, this.#cellType, { ...rest, cursor: cursor.slice(), pages: copied })
  }

  static restore(width: number, paneMs: number, cellType: CellType, from: PaneGridSnapshot): PaneGrid {
    const grid = new PaneGrid(width, paneMs, cellType)
    grid.#cursorEnd = from.cursorEnd
    grid.#cursor = from.cursor
    grid.#pages = from.pages
    grid.#droppedBefore = from.droppedBefore
    grid.dirtyFrom = from.dirtyFrom
    grid.dirtyTo = from.dirtyTo
    return grid
  }

  #cells(length: number): Cells {
    return this.#cellType === 'int32' ? new Int32Array(length) : new Float64Array(length)
  }

  #addDifference(column: number, end: number, n: number): void {
    if (end <= this.#cursorEnd) this.#cursor[column] = (this.#cursor[column] as number) + n
    if (end < this.#droppedBefore) return
    const index = Math.floor(end / this.#pageLength)
    const place = index & (NEAR - 1)
    const page = this.#nearIndexes[place] === index ? (this.#near[place] as Cells) : this.#meetPage(index, place)
    const cell = (end - index * this.#pageLength) * this.width + column
    page[cell] = (page[cell] as number) + n
  }

  #meetPage(index: number, place: number): Cells {
    let page = this.#pages.get(index)
    if (page === undefined) {
      page = this.#cells(this.#pageLength * this.width)
      this.#pages.set(index, page)
    }
    this.#near[place] = page
    this.#nearIndexes[place] = index
    return page
  }

  #forward(end: number): void {
    this.#walk(this.#cursorEnd + 1, end, 1)
    this.#cursorEnd = end
  }

  #backward(end: number): void {
    if (end < this.#droppedBefore) throw new RangeError(`window end ${end} is before the first that is kept, ${this.#droppedBefore}`)
    this.#walk(end + 1, this.#cursorEnd, -1)
    this.#cursorEnd = end
  }

  /** Adds (sign 1) or takes back (-1) the differences of the ends first..last, whole absent pages skipped. */
  #walk(first: number, last: number, sign: number): void {
    if (this.#pages.size === 0) return
    const length = this.#pageLength
    const width = this.width
    const cursor = this.#cursor
    const firstPage = Math.floor(first / length)
    const lastPage = Math.floor(last / length)
    const apply = (index: number, page: Cells) => {
      const from = Math.max(first - index * length, 0)
      const to = Math.min(last - index * length, length - 1)
      for (let cell = from * width; cell < (to + 1) * width; cell += width) {
        for (let column = 0; column < width; column += 1) {
          const difference = page[cell + column] as number
          if (difference !== 0) cursor[column] = (cursor[column] as number) + sign * difference
        }
      }
    }
    if (lastPage - firstPage < this.#pages.size) {
      for (let index = firstPage; index <= lastPage; index += 1) {
        const page = this.#pages.get(index)
        if (page) apply(index, page)
      }
    } else {
      for (const [index, page] of this.#pages) if (index >= firstPage && index <= lastPage) apply(index, page)
    }
  }
}
