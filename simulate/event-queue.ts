/** A binary heap of what is still to come, earliest first; equals leave in the order in which they came. */
export class EventQueue<Item> {
  private readonly heap: { atMs: number; order: number; item: Item }[] = []
  private added = 0

  get size(): number {
    return this.heap.length
  }

  add(atMs: number, item: Item): void {
    const entry = { atMs, order: this.added, item }
    this.added += 1
    let index = this.heap.length
    this.heap.push(entry)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.heap[above]
      if (parent === undefined || !precedes(entry, parent)) break
      this.heap[index] = parent
      index = above
    }
    this.heap[index] = entry
  }

  /** Removes and returns the earliest item at or before `limitMs`. */
  takeUntil(limitMs: number): { atMs: number; item: Item } | undefined {
    const top = this.heap[0]
    if (top === undefined || top.atMs > limitMs) return undefined
    const last = this.heap.pop()
    if (last !== undefined && last !== top) this.sink(last)
    return { atMs: top.atMs, item: top.item }
  }

  private sink(entry: { atMs: number; order: number; item: Item }): void {
    let index = 0
    for (;;) {
      const left = this.heap[2 * index + 1]
      const right = this.heap[2 * index + 2]
      if (left === undefined) break
      const isRight = right !== undefined && precedes(right, left)
      const child = isRight ? right : left
      if (!precedes(child, entry)) break
      this.heap[index] = child
      index = 2 * index + (isRight ? 2 : 1)
    }
    this.heap[index] = entry
  }
}

function precedes(left: { atMs: number; order: number }, right: { atMs: number; order: number }): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
