/** Figures over many seeds. */
import type { SeedResult } from './simulate-seed.ts'

export interface SimulationFigures {
  readonly seeds: number
  readonly failed: readonly number[]
  readonly steps: number
  readonly events: number
  readonly records: number
  readonly virtualHours: number
  /** Times that each kind of fault struck, the most frequent first. */
  readonly faults: Readonly<Record<string, number>>
  readonly cpuSeconds: number
  readonly cpuMsPerSeed: number
}

export class SimulationTotals {
  readonly #startedCpu = process.cpuUsage()
  readonly #faults = new Map<string, number>()
  readonly #failed: number[] = []
  #seeds = 0
  #steps = 0
  #events = 0
  #records = 0
  #virtualHours = 0

  add({ seed, broken, steps, events, records, virtualHours, faults }: SeedResult): void {
    this.#seeds += 1
    if (broken.length > 0) this.#failed.push(seed)
    this.#steps += steps
    this.#events += events
    this.#records += records
    this.#virtualHours += virtualHours
    for (const [kind, times] of Object.entries(faults)) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + times)
  }

  get figures(): SimulationFigures {
    const { user, system } = process.cpuUsage(this.#startedCpu)
    const cpuSeconds = (user + system) / 1e6
    return {
      seeds: this.#seeds,
      failed: this.#failed,
      steps: this.#steps,
      events: this.#events,
      records: this.#records,
      virtualHours: Math.round(this.#virtualHours),
      faults: Object.fromEntries([...this.#faults].sort(([, a], [, b]) => b - a)),
      cpuSeconds: Math.round(cpuSeconds * 10) / 10,
      cpuMsPerSeed: Math.round((cpuSeconds * 1000) / Math.max(1, this.#seeds)),
    }
  }

  /** One line for people. */
  get line(): string {
    const { seeds, failed, events, virtualHours, faults, cpuMsPerSeed } = this.figures
    const struck = Object.values(faults).reduce((sum, times) => sum + times, 0)
    return `${seeds} seeds, ${failed.length} failed, ${events} events, ${struck} faults, ${virtualHours} virtual hours, ${cpuMsPerSeed} ms of CPU a seed`
  }
}
