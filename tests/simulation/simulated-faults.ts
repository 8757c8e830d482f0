/**
 * What befalls the machines while the senders send. A seed has some kinds of fault and not others (swarm testing: Groce et al.,
 * ISSTA 2012): with all of them at once some would hide others.
 */
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import type { Machine, WallClock } from './machine.ts'
import type { ScaledForm } from './scaled-form.ts'
import { type Form, reporterOf } from './simulated-form.ts'
import type { SimulatedSenders } from './simulated-senders.ts'
import type { SimulatedWarehouse } from './simulated-warehouse.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

export interface Scene {
  readonly world: VirtualWorld
  readonly wallClock: WallClock
  readonly form: Form
  readonly scaled: ScaledForm | undefined
  readonly warehouse: SimulatedWarehouse
  readonly senders: SimulatedSenders
}

const YEAR_MS = 365 * DAY_MS

/** Starts the product on a machine, again and again until it is up. */
export function boot({ world, form }: Scene, machine: Machine): void {
  const process = world.start(machine.name)
  machine.process = process
  machine.instance = undefined
  world.after(process, world.choices.exponential(50), `${process.name} boots`, () => {
    form.boot(machine, process).catch((error: unknown) => {
      if (process.state === 'dead') return
      reporterOf(world, process)('could not start', error)
      world.kill(process)
    })
  })
}

/** Starts again whatever is dead, sooner or later. */
export function supervise(scene: Scene): void {
  const { world, form } = scene
  const look = () => {
    for (const machine of form.machines) if (!machine.isUp) boot(scene, machine)
    form.look()
    world.after(world.outside, world.isStormy ? world.choices.exponential(1_500) : 200, 'the supervisor looks', look)
  }
  look()
}

type Fault = (scene: Scene, machine: Machine, process: SimulatedProcess) => void

const FAULTS: Record<string, Fault> = {
  'kill -9': ({ world }, _, process) => world.kill(process),
  // Between what happened outside and its hearing of it, at one of the next answers.
  'kill -9 at an answer': ({ world }, _, process) => {
    process.answersLeft = world.choices.between(1, 40)
  },
  'power failure': ({ world, form }, machine, process) => {
    world.kill(process)
    form.losePower(machine)
  },
  'newest snapshot damaged': ({ world }, machine, process) => {
    if (machine.disk.rot('.state')) world.kill(process)
  },
  'orderly restart': ({ world }, machine, process) => {
    const { instance } = machine
    if (instance === undefined) return
    machine.instance = undefined
    world.after(process, 0, `${process.name} is told to stop`, () => {
      void instance.stop().then(() => world.kill(process))
    })
    world.after(world.outside, 20_000, `${process.name} is not waited for any longer`, () => {
      if (process.state !== 'dead') world.kill(process)
    })
  },
  frozen: ({ world }, _, process) => {
    world.freeze(process)
    world.after(world.outside, world.choices.exponential(6_000), `${process.name} goes on`, () => world.thaw(process))
  },
  'partitions shared out anew': ({ scaled }) => scaled?.group.disturb(),
  'broker restarts': ({ scaled }) => scaled?.restartBroker(),
  'warehouse away': ({ world, warehouse }) => {
    warehouse.awayUntilMs = world.nowMs + world.choices.exponential(8_000)
  },
  'clock jumps an hour': ({ world, wallClock }) => {
    wallClock.jumpedMs += world.choices.oneOf([HOUR_MS, HOUR_MS, -HOUR_MS])
  },
  'clocks differ': ({ world }, machine) => {
    machine.skewMs = Math.floor((world.choices.uniform() - 0.5) * 4 * HOUR_MS)
  },
  // Beyond the 7 days in which an id is known nobody may be waiting for an answer.
  'clock jumps days': ({ world, wallClock, senders }) => {
    if (senders.underWay === 0) wallClock.jumpedMs += world.choices.between(1, 20) * DAY_MS
  },
  'clock jumps a year': ({ wallClock, senders }) => {
    if (senders.underWay === 0) wallClock.jumpedMs += YEAR_MS
  },
}
const SCALED_ONLY = new Set(['partitions shared out anew', 'broker restarts'])

const LEAPS = new Set(['clock jumps days', 'clock jumps a year'])

/** Has some kinds of fault strike now and then, for as long as the storm lasts. */
export function injectFaults(scene: Scene): void {
  const { world, form, scaled } = scene
  const kinds = Object.entries(FAULTS).filter(
    ([kind]) => (scaled !== undefined || !SCALED_ONLY.has(kind)) && world.choices.chance(kind === 'power failure' ? 0.8 : 0.45),
  )
  if (kinds.length === 0) return
  const meanMs = world.choices.oneOf([1_000, 2_500, 6_000])
  let jumps = 0
  const strike = () => {
    if (!world.isStormy) return
    const [kind, fault] = world.choices.oneOf(kinds)
    // Each leap of days makes windows by the thousand.
    if (LEAPS.has(kind)) jumps += 1
    const machine = world.choices.oneOf(form.machines)
    if (machine.process?.state === 'running' && !(LEAPS.has(kind) && jumps > 1)) {
      world.count(kind)
      fault(scene, machine, machine.process)
    }
    world.after(world.outside, world.choices.exponential(meanMs), 'something happens', strike)
  }
  world.after(world.outside, world.choices.exponential(meanMs), 'something happens', strike)
}
