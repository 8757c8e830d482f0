/** A form of the product under simulation: its machines, and the log that they share. */
import { FencedError } from '../../processors/runtime/commit-store.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { Machine } from './machine.ts'
import type { StoredTopic } from './simulated-log.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

export interface Form {
  readonly name: string
  readonly machines: readonly Machine[]
  readonly events: StoredTopic
  /** Starts the product on a machine, in a process of its own; resolves when `machine.instance` is there. */
  boot(machine: Machine, process: SimulatedProcess): Promise<void>
  /** What was not durable on the machine is lost. */
  losePower(machine: Machine): void
  /** Resolves when everything appended so far is readable, with all that follows from it. */
  waitUntilReadable(): Promise<void>
  /** A reader looks: what it is told must not go back. */
  look(): void
}

/**
 * Takes what production code has to report. That a dependency was away is no bug: should processing not go on after it, it
 * is never quiet again.
 */
export function reporterOf(world: VirtualWorld, process: SimulatedProcess): (message: string, error: unknown) => void {
  return (message, error) => {
    if (isOfDependency(error)) world.note(`${process.name}: ${message}: ${String(error)}`)
    else world.violate(`${process.name}: ${message}: ${error instanceof Error ? error.stack : String(error)}`)
  }
}

/** Whether a dependency or another instance is to blame. */
export function isOfDependency(error: unknown): boolean {
  return (
    error instanceof LogUnavailableError ||
    error instanceof WarehouseUnavailableError ||
    error instanceof FencedError ||
    (error instanceof Error && 'code' in error && error.code === 'ENOSPC')
  )
}
