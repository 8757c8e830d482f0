/**
 * The running windows of workspaces that are asked for, in memory: the warehouse takes tens of milliseconds for a row that
 * a page asks for again and again. What the processors tell on the live bus takes the place of what is known at once; as
 * messages may be lost and another instance may write without a bus, what is known is also read again now and then.
 */
import type { Clock } from '../../schemas/ports/clock.ts'
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthRow } from '../../schemas/records.ts'
import type { LiveWindowName } from '../../schemas/windows.ts'
import { type PublishedWindow, readRunningWindow } from '../queries/growth-published.ts'

/** Older than this it is read again while it is still the answer; older than the other it is no answer. */
const FRESH_MS = 1_000
const KEPT_MS = 5_000
/** Of workspaces that nobody has asked for so long, nothing stays. */
const UNUSED_MS = 60_000

interface Known {
  readonly window: LiveWindowName
  readonly by: Dimension | undefined
  readonly published: PublishedWindow
  /** When it was heard of, or the reading of it began. */
  readonly atMs: number
}

interface Watched {
  readonly known: Map<string, Known>
  readonly loading: Map<string, Promise<PublishedWindow | undefined>>
  readonly unsubscribe: () => void
  usedAtMs: number
}

const keyOf = (window: string, by: Dimension | undefined) => `${window} ${by ?? ''}`

function isOlder(row: GrowthRow, known: PublishedWindow): boolean {
  const { end_ms: endMs, version } = known.whole
  return row.end_ms < endMs || (row.end_ms === endMs && row.version < version)
}

/** How a route gets a running window: from the warehouse, or from memory. */
export type ReadRunning = (workspace: string, window: LiveWindowName, by: Dimension | undefined) => Promise<PublishedWindow | undefined>

/** Reads running windows like `readRunningWindow`: at most `KEPT_MS` behind the warehouse, and level with the live bus. */
export class RunningWindows {
  readonly #reader: WarehouseReader
  readonly #bus: LiveBus
  readonly #clock: Clock
  readonly #workspaces = new Map<string, Watched>()

  constructor(reader: WarehouseReader, bus: LiveBus, clock: Clock) {
    this.#reader = reader
    this.#bus = bus
    this.#clock = clock
  }

  /** The running window; undefined before the first event. Rejects with `WarehouseUnavailableError`. */
  readonly read: ReadRunning = async (workspace, window, by) => {
    const watched = this.#watch(workspace)
    const known = watched.known.get(keyOf(window, by))
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : this.#clock.nowMs() - known.atMs
    if (known === undefined || ageMs >= KEPT_MS) return this.#load(watched, workspace, window, by)
    // A failure comes out when what is known has become too old.
    if (ageMs >= FRESH_MS) this.#load(watched, workspace, window, by).catch(() => undefined)
    return known.published
  }

  close(): void {
    for (const { unsubscribe } of this.#workspaces.values()) unsubscribe()
    this.#workspaces.clear()
  }

  #watch(workspace: string): Watched {
    const nowMs = this.#clock.nowMs()
    for (const [name, { usedAtMs, unsubscribe }] of this.#workspaces) {
      if (name === workspace || nowMs - usedAtMs < UNUSED_MS) continue
      unsubscribe()
      this.#workspaces.delete(name)
    }
    let watched = this.#workspaces.get(workspace)
    if (watched === undefined) {
      const known = new Map<string, Known>()
      const unsubscribe = this.#bus.subscribe(workspace, (event) => this.#take(known, event))
      watched = { known, loading: new Map(), unsubscribe, usedAtMs: nowMs }
      this.#workspaces.set(workspace, watched)
    }
    watched.usedAtMs = nowMs
    return watched
  }

  /** One reading at a time of each window; undefined is not kept, so that the first event shows at once. */
  #load(watched: Watched, workspace: string, window: LiveWindowName, by: Dimension | undefined): Promise<PublishedWindow | undefined> {
    const key = keyOf(window, by)
    const underWay = watched.loading.get(key)
    if (underWay !== undefined) return underWay
    const atMs = this.#clock.nowMs()
    const loading = readRunningWindow(this.#reader, workspace, window, by)
      .then((published) => {
        const before = watched.known.get(key)
        // What the bus brought in the meantime is newer, and stays.
        if (before?.published !== undefined && before.atMs > atMs) return before.published
        if (published === undefined) watched.known.delete(key)
        else watched.known.set(key, { window, by, published, atMs })
        return published
      })
      .finally(() => watched.loading.delete(key))
    watched.loading.set(key, loading)
    return loading
  }

  #take(known: Map<string, Known>, { rows }: LiveEvent): void {
    const atMs = this.#clock.nowMs()
    for (const whole of rows) {
      if (whole.dimension !== '') continue
      for (const [key, { window, by, published }] of known) {
        if (window !== whole.window || isOlder(whole, published)) continue
        const slices = rows.filter((row) => row.window === window && row.end_ms === whole.end_ms && row.dimension === by)
        known.set(key, { window, by, published: { whole, slices: slices.filter((row) => row.counts.active_users > 0) }, atMs })
      }
    }
  }
}
