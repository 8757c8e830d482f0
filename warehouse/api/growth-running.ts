/**
 * The running windows of workspaces that are asked for, in memory: the warehouse takes tens of milliseconds for a row that
 * a page asks for again and again. What the processors tell on the live bus takes the place of what is known at once; as
 * messages may be lost and another instance may write without a bus, the newest version is asked for now and then.
 */
import type { Clock } from '../../schemas/ports/clock.ts'
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthRow } from '../../schemas/records.ts'
import type { LiveWindowName } from '../../schemas/windows.ts'
import { type PublishedWindow, readNewestVersion, readRunningWindow } from '../queries/growth-published.ts'

/** Older than this it is confirmed while it is still the answer; older than the other it is no answer before that. */
const FRESH_MS = 1_000
const KEPT_MS = 5_000
/** Of workspaces that nobody has asked for so long, nothing stays. */
const UNUSED_MS = 60_000

/** What one request can ask for. */
interface Asked {
  readonly workspace: string
  readonly window: LiveWindowName
  readonly by: Dimension | undefined
}

interface Known extends Asked {
  readonly published: PublishedWindow
  /** The newest version before it was read: with the same one it is still right. */
  readonly newestVersion: number
  /** When it was last known to be right. */
  readonly atMs: number
}

interface Watched {
  readonly known: Map<string, Known>
  readonly renewing: Map<string, Promise<PublishedWindow | undefined>>
  newestVersion: Promise<number> | undefined
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
    if (known === undefined || ageMs >= KEPT_MS) return this.#renew(watched, { workspace, window, by })
    // A failure comes out when what is known has become too old.
    if (ageMs >= FRESH_MS) this.#renew(watched, { workspace, window, by }).catch(() => undefined)
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
      watched = { known, renewing: new Map(), newestVersion: undefined, unsubscribe, usedAtMs: nowMs }
      this.#workspaces.set(workspace, watched)
    }
    watched.usedAtMs = nowMs
    return watched
  }

  /** One at a time for each window. */
  #renew(watched: Watched, asked: Asked): Promise<PublishedWindow | undefined> {
    const key = keyOf(asked.window, asked.by)
    const underWay = watched.renewing.get(key)
    if (underWay !== undefined) return underWay
    const renewing = this.#confirmOrRead(watched, asked, key).finally(() => watched.renewing.delete(key))
    watched.renewing.set(key, renewing)
    return renewing
  }

  /** Nothing is kept of a workspace without windows, so that its first event shows at once. */
  async #confirmOrRead(watched: Watched, asked: Asked, key: string): Promise<PublishedWindow | undefined> {
    const { workspace, window, by } = asked
    const atMs = this.#clock.nowMs()
    watched.newestVersion ??= readNewestVersion(this.#reader, workspace).finally(() => {
      watched.newestVersion = undefined
    })
    const newestVersion = await watched.newestVersion
    const confirmed = watched.known.get(key)
    if (confirmed?.newestVersion === newestVersion) {
      watched.known.set(key, { ...confirmed, atMs: Math.max(atMs, confirmed.atMs) })
      return confirmed.published
    }
    const published = await readRunningWindow(this.#reader, workspace, window, by)
    const heard = watched.known.get(key)
    // What the bus brought in the meantime is newer, and stays.
    if (heard !== undefined && heard.atMs > atMs) return heard.published
    if (published === undefined) watched.known.delete(key)
    else watched.known.set(key, { ...asked, published, newestVersion, atMs })
    return published
  }

  #take(known: Map<string, Known>, { rows }: LiveEvent): void {
    const atMs = this.#clock.nowMs()
    for (const whole of rows) {
      if (whole.dimension !== '') continue
      for (const [key, before] of known) {
        if (before.window !== whole.window || isOlder(whole, before.published)) continue
        const slices = rows.filter((row) => row.window === whole.window && row.end_ms === whole.end_ms && row.dimension === before.by)
        known.set(key, { ...before, published: { whole, slices: slices.filter((row) => row.counts.active_users > 0) }, atMs })
      }
    }
  }
}
