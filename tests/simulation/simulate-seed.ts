/** One seed: a story of machines, senders and faults; then all is healed, and every promise must hold. */
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { brokenPromises } from './checked-promises.ts'
import { EmbeddedForm } from './embedded-form.ts'
import { WallClock } from './machine.ts'
import type { Bug } from './planted-bugs.ts'
import { ScaledForm } from './scaled-form.ts'
import { injectFaults, type Scene, supervise } from './simulated-faults.ts'
import { insideWorld } from './simulated-runtime.ts'
import { SimulatedSenders, WORKSPACES } from './simulated-senders.ts'
import { SimulatedWarehouse } from './simulated-warehouse.ts'
import { VirtualWorld } from './virtual-world.ts'

export interface SeedOptions {
  readonly bug?: Bug | undefined
  /** Takes each line of the trace. */
  readonly onTrace?: (line: string) => void
}

/** What a seed did and met. */
export interface SeedResult {
  readonly seed: number
  readonly form: string
  /** What was broken, in words; nothing when every promise held. */
  readonly broken: readonly string[]
  /** Of everything that happened, in its order. */
  readonly digest: string
  readonly steps: number
  readonly events: number
  readonly records: number
  /** Hours that the clocks went through, both ways. */
  readonly virtualHours: number
  readonly faults: Readonly<Record<string, number>>
}

/** Virtual time within which all must be well once nothing is disturbed any longer. */
const HEAL_LIMIT_MS = 180_000

/** Plays a seed to its end. Never rejects because of what the seed met: that is `broken`. */
export async function simulateSeed(seed: number, { bug, onTrace }: SeedOptions = {}): Promise<SeedResult> {
  const world = new VirtualWorld(seed, onTrace)
  const scene = sceneOf(world, bug)
  const disks = new Map(scene.form.machines.map(({ name, disk }) => [name, disk]))
  await insideWorld(world, disks, () => play(scene))
  const { form, senders, wallClock } = scene
  return {
    seed,
    form: form.name,
    broken: world.violations,
    digest: world.digest,
    steps: world.tally.steps,
    events: senders.events,
    records: form.events.partitions.reduce((sum, messages) => sum + messages.length, 0),
    virtualHours: (world.nowMs + Math.abs(wallClock.jumpedMs)) / HOUR_MS,
    faults: world.tally.faults,
  }
}

function sceneOf(world: VirtualWorld, bug: Bug | undefined): Scene {
  const wallClock = new WallClock(world)
  const warehouse = new SimulatedWarehouse(world)
  const scaled = world.choices.chance(0.5) ? new ScaledForm(world, wallClock, warehouse, bug) : undefined
  const form = scaled ?? new EmbeddedForm(world, wallClock, warehouse, bug)
  const senders = new SimulatedSenders(world, wallClock, form.machines)
  return { world, wallClock, form, scaled, warehouse, senders }
}

async function play(scene: Scene): Promise<void> {
  const { world, wallClock, form, senders } = scene
  const { choices } = world
  supervise(scene)
  injectFaults(scene)
  const stormMs = choices.between(6_000, 20_000)
  const meanMs = stormMs / choices.between(10, 35)
  const importMeanMs = stormMs / choices.oneOf([0.01, 1, 2])
  repeatedly(world, meanMs, 'somebody sends', () => senders.send())
  repeatedly(world, importMeanMs, 'somebody imports', () => senders.import())
  await world.runUntil(() => false, stormMs)

  world.isStormy = false
  for (const { process } of form.machines) if (process !== undefined) world.thaw(process)
  if (!(await heals(world, 'answered', () => senders.underWay === 0 && form.machines.every(({ isUp, instance }) => isUp && instance))))
    return
  // Windows close when time goes on; twice, since what the first closes may be told late.
  for (const jumpMs of [2 * HOUR_MS, choices.oneOf([HOUR_MS, 3 * DAY_MS])]) {
    wallClock.jumpedMs += jumpMs
    await world.runUntil(() => false, 12_000)
    let isReadable = false
    form.waitUntilReadable().then(
      () => {
        isReadable = true
      },
      (error: unknown) => world.violate(`nobody knows when all is readable: ${String(error)}`),
    )
    if (!(await heals(world, 'readable', () => isReadable))) return
  }
  for (const workspace of WORKSPACES) {
    const parts = { topic: form.events, warehouse: scene.warehouse, told: senders, choices }
    for (const broken of await brokenPromises(workspace, parts)) world.violate(broken)
  }
}

async function heals(world: VirtualWorld, what: string, isSo: () => unknown): Promise<boolean> {
  const isHealed = await world.runUntil(() => Boolean(isSo()), HEAL_LIMIT_MS)
  if (!isHealed && world.violations.length === 0) world.violate(`not everything was ${what} ${HEAL_LIMIT_MS / 1000} s after the last fault`)
  return isHealed
}

/** Has something happen now and then while the storm lasts. */
function repeatedly(world: VirtualWorld, meanMs: number, what: string, act: () => void): void {
  world.after(world.outside, world.choices.exponential(meanMs), what, () => {
    if (!world.isStormy) return
    act()
    repeatedly(world, meanMs, what, act)
  })
}
