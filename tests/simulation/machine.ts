/** A machine of the simulation: its disk and its clock outlive the process that runs on it. */
import type { IncomingItem } from '../../ingest/steps/split-body.ts'
import type { IngestResponse } from '../../schemas/ingest-api.ts'
import type { Clock } from '../../schemas/ports/clock.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

/** The product as it runs on a machine. */
export interface Instance {
  /** As `POST /v1/events` with the items as body. */
  submit(workspace: string, items: readonly IncomingItem[]): Promise<IngestResponse>
  /** As `kappa import`. Rejects when it could not be finished. */
  importItems(workspace: string, importId: string, items: readonly IncomingItem[]): Promise<void>
  /** Ends it in an orderly way. */
  stop(): Promise<void>
}

/** When every simulation begins: no special instant. */
const BEGIN_MS = Date.UTC(2026, 2, 2, 9, 41)

/** What all clocks show, beside the virtual time that has passed. */
export class WallClock {
  jumpedMs = 0
  readonly #world: VirtualWorld

  constructor(world: VirtualWorld) {
    this.#world = world
  }

  get nowMs(): number {
    return Math.floor(BEGIN_MS + this.#world.nowMs + this.jumpedMs)
  }
}

export class Machine {
  readonly name: string
  readonly disk: SimulatedDisk
  readonly clock: Clock
  /** How far its clock is off. */
  skewMs = 0
  process: SimulatedProcess | undefined
  /** Undefined while it starts, and while nothing runs. */
  instance: Instance | undefined

  constructor(world: VirtualWorld, name: string, wallClock: WallClock) {
    this.name = name
    this.disk = new SimulatedDisk(world)
    this.clock = { nowMs: () => wallClock.nowMs + this.skewMs }
  }

  get isUp(): boolean {
    return this.process !== undefined && this.process.state !== 'dead'
  }
}
