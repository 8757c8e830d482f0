/** One hub for each workspace that somebody watches; a hub outlives its last watcher for a while, so that resuming works. */
import type { Clock } from '../../schemas/ports/clock.ts'
import type { LiveBus } from '../../schemas/ports/live.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { LiveHub } from './live-hub.ts'

const LINGER_MS = 60_000

export class LiveHubs {
  readonly #bus: LiveBus
  readonly #reader: WarehouseReader
  readonly #clock: Clock
  readonly #hubs = new Map<string, { readonly hub: LiveHub; lingerTimer: NodeJS.Timeout | undefined }>()
  #made = 0

  constructor(bus: LiveBus, reader: WarehouseReader, clock: Clock) {
    this.#bus = bus
    this.#reader = reader
    this.#clock = clock
  }

  /** The hub of a workspace. Give it back with `release` once for each `acquire`. */
  acquire(workspace: string): LiveHub {
    let entry = this.#hubs.get(workspace)
    if (entry === undefined) {
      this.#made += 1
      const era = `${this.#clock.nowMs().toString(36)}.${this.#made.toString(36)}`
      entry = { hub: new LiveHub(workspace, this.#bus, this.#reader, era), lingerTimer: undefined }
      this.#hubs.set(workspace, entry)
    }
    clearTimeout(entry.lingerTimer)
    entry.lingerTimer = undefined
    return entry.hub
  }

  release(workspace: string): void {
    const entry = this.#hubs.get(workspace)
    if (entry === undefined || entry.hub.listenerCount > 0) return
    clearTimeout(entry.lingerTimer)
    entry.lingerTimer = setTimeout(() => {
      if (entry.hub.listenerCount > 0) return
      entry.hub.close()
      this.#hubs.delete(workspace)
    }, LINGER_MS).unref()
  }

  close(): void {
    for (const { hub, lingerTimer } of this.#hubs.values()) {
      clearTimeout(lingerTimer)
      hub.close()
    }
    this.#hubs.clear()
  }
}
