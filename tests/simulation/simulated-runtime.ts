/**
 * What production code takes from Node by itself, in the hands of the simulation while a seed runs: timers, turns of the event
 * loop, and files under `SIMULATED_ROOT`. All else it is given: clock, randomness, log, warehouse.
 */
import fs from 'node:fs'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { SIMULATED_ROOT, type SimulatedDisk } from './simulated-disk.ts'
import type { VirtualWorld } from './virtual-world.ts'

type Files = SimulatedDisk['files']

/** Runs `act` with the timers of the world and the disks of its machines, by name; puts everything back after it. */
export async function insideWorld<Result>(
  world: VirtualWorld,
  disks: ReadonlyMap<string, SimulatedDisk>,
  act: () => Promise<Result>,
): Promise<Result> {
  const { setTimeout, clearTimeout, setImmediate } = globalThis
  const { createReadStream } = fs
  const { mkdir, open, readFile, readdir, rename, unlink } = files
  const real = { mkdir, open, readFile, readdir, rename, unlink }
  Object.assign(globalThis, world.timersOf({ ...globalThis, setTimeout, clearTimeout, setImmediate }))
  Object.assign(files, simulatedFiles(real, disks))
  fs.createReadStream = ((path: string, ...rest: []) =>
    diskOf(path, disks)?.readStream(path) ?? createReadStream(path, ...rest)) as typeof createReadStream
  syncBuiltinESMExports()
  try {
    return await act()
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate })
    Object.assign(files, real)
    fs.createReadStream = createReadStream
    syncBuiltinESMExports()
  }
}

/** The functions, which go to the disk of the machine where the path is simulated, else to the real one. */
function simulatedFiles(real: Record<keyof Files, unknown>, disks: ReadonlyMap<string, SimulatedDisk>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(real).map(([name, ofNode]) => [
      name,
      (path: unknown, ...rest: unknown[]) => {
        const disk = diskOf(path, disks)
        const act = (disk === undefined ? ofNode : disk.files[name as keyof Files]) as (...args: unknown[]) => unknown
        return act(path, ...rest)
      },
    ]),
  )
}

function diskOf(path: unknown, disks: ReadonlyMap<string, SimulatedDisk>): SimulatedDisk | undefined {
  const machine = typeof path === 'string' && path.startsWith(SIMULATED_ROOT) ? path.split('/')[2] : undefined
  return machine === undefined ? undefined : disks.get(machine)
}
