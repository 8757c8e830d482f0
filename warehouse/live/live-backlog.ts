/**
 * What has still to be told of each workspace: the newest state of each running window, so that a slow or absent channel
 * costs intermediate states and never the last one.
 */
import type { LiveEvent } from '../../schemas/ports/live.ts'

/** `newer` over `older`: a window that `newer` does not have has not changed since. */
export function mergeLiveEvents(older: LiveEvent, newer: LiveEvent): LiveEvent {
  const replaced = new Set(newer.rows.map((row) => row.window))
  return {
    ...newer,
    watermarkMs: Math.max(older.watermarkMs, newer.watermarkMs),
    rows: [...older.rows.filter((row) => !replaced.has(row.window)), ...newer.rows],
  }
}

/** Newest states by workspace, at most `workspacesMax` of them: beyond it the one that changed longest ago goes. */
export class LiveBacklog {
  readonly #events = new Map<string, LiveEvent>()
  readonly #workspacesMax: number
  /** Workspaces that had to go. */
  overflowed = 0

  constructor(workspacesMax: number) {
    this.#workspacesMax = workspacesMax
  }

  get size(): number {
    return this.#events.size
  }

  get(workspace: string): LiveEvent | undefined {
    return this.#events.get(workspace)
  }

  /** Adds what is newer than all it has. True when it took the place of something. */
  add(event: LiveEvent): boolean {
    const known = this.#events.get(event.workspace)
    this.#events.delete(event.workspace)
    this.#events.set(event.workspace, known === undefined ? event : mergeLiveEvents(known, event))
    const [oldest] = this.#events.keys()
    if (this.#events.size > this.#workspacesMax && oldest !== undefined) {
      this.#events.delete(oldest)
      this.overflowed += 1
    }
    return known !== undefined
  }

  /** Adds what is older than all it has: windows that it knows stay. */
  addOlder(event: LiveEvent): void {
    const known = this.#events.get(event.workspace)
    this.add(event)
    if (known !== undefined) this.add(known)
  }

  /** Takes out the workspace that waits longest. */
  shift(): LiveEvent | undefined {
    const [event] = this.#events.values()
    if (event !== undefined) this.#events.delete(event.workspace)
    return event
  }
}
