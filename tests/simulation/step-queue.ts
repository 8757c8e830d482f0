/** Steps by the instant at which they are due: a binary heap. */

export interface Step<Owner> {
  atMs: number
  /** Decides between steps of the same instant. */
  readonly tie: number
  readonly owner: Owner
  readonly what: string
  readonly run: () => void
  isCancelled: boolean
}

export class StepQueue<Owner> {
  readonly #heap: Step<Owner>[] = []

  push(step: Step<Owner>): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(step)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(step, heap[parent] as Step<Owner>)) break
      heap[at] = heap[parent] as Step<Owner>
      at = parent
    }
    heap[at] = step
  }

  /** The step that is due first; undefined when there is none. */
  get first(): Step<Owner> | undefined {
    return this.#heap[0]
  }

  /** Takes the step that is due first. */
  pop(): Step<Owner> | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Step<Owner>, heap[child] as Step<Owner>)) child += 1
      if (!isBefore(heap[child] as Step<Owner>, last)) break
      heap[at] = heap[child] as Step<Owner>
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore<Owner>(one: Step<Owner>, other: Step<Owner>): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.tie < other.tie)
}
