/**
 * Time, order and processes of a simulation. Everything that happens is a step at an instant of virtual time that belongs
 * to a process; steps run one at a time, each to the end of what follows from it at once, in an order that the seed
 * decides. A step of a process that is dead is dropped, one of a process that is frozen waits: so a crash or a halt can
 * fall between any two steps, as in FoundationDB's simulator (Zhou et al., SIGMOD 2021, section 4).
 */
import { type Choices, choicesOf } from './seeded-choices.ts'
import { StepQueue, type Step } from './step-queue.ts'

/** A machine's program while it runs. What it holds in memory ends with it. */
export interface SimulatedProcess {
  readonly name: string
  state: 'running' | 'frozen' | 'dead'
  /** Steps that wait for it to be thawed. */
  readonly held: Step<SimulatedProcess>[]
  /** Dies at its so-many-th answer from the outside from now; infinity for never. */
  answersLeft: number
}

/** What one seed met. */
export interface Tally {
  readonly faults: Record<string, number>
  steps: number
}

const realImmediate = globalThis.setImmediate
/** Timers that are due at the same millisecond come in any order. */
const JITTER_MS = 0.1
/** One cause breaks much at once. */
const VIOLATIONS_MAX = 10
/** What a turn of the event loop takes. */
const TURN_MS = 0.05

export class VirtualWorld {
  readonly choices: Choices
  readonly tally: Tally = { faults: {}, steps: 0 }
  /** What must not be and was. The simulation ends at the first. */
  readonly violations: string[] = []
  /** The harness itself: clients, faults, servers of others. It never dies. */
  readonly outside: SimulatedProcess = { name: 'outside', state: 'running', held: [], answersLeft: Number.POSITIVE_INFINITY }
  /** Faults of disk, network and warehouse happen while this is true. */
  isStormy = true
  readonly #queue = new StepQueue<SimulatedProcess>()
  readonly #onTrace: ((line: string) => void) | undefined
  #nowMs = 0
  #digest = 0x811c9dc5
  #current: SimulatedProcess | undefined
  #processes = 0

  constructor(seed: number, onTrace?: (line: string) => void) {
    this.choices = choicesOf(seed)
    this.#onTrace = onTrace
  }

  /** Virtual milliseconds since the beginning; every process agrees on how fast it passes. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Of all steps so far, and of what was noted: the same seed gives the same. */
  get digest(): string {
    return this.#digest.toString(16).padStart(8, '0')
  }

  /** The process whose step runs; undefined between steps. */
  get current(): SimulatedProcess | undefined {
    return this.#current
  }

  start(name: string): SimulatedProcess {
    this.#processes += 1
    return { name: `${name}.${this.#processes}`, state: 'running', held: [], answersLeft: Number.POSITIVE_INFINITY }
  }

  kill(process: SimulatedProcess): void {
    process.state = 'dead'
    process.held.length = 0
    this.note(`${process.name} dies`)
  }

  freeze(process: SimulatedProcess): void {
    if (process.state === 'running') process.state = 'frozen'
  }

  thaw(process: SimulatedProcess): void {
    if (process.state !== 'frozen') return
    process.state = 'running'
    for (const step of process.held.splice(0)) {
      step.atMs = this.#nowMs + this.choices.uniform()
      this.#queue.push(step)
    }
  }

  /** Has something happen in a process after so much virtual time; returns how to call it off. */
  after(owner: SimulatedProcess, delayMs: number, what: string, run: () => void): () => void {
    const step: Step<SimulatedProcess> = {
      atMs: this.#nowMs + Math.max(0, delayMs) + this.choices.uniform() * JITTER_MS,
      tie: this.choices.uniform(),
      owner,
      what,
      run,
      isCancelled: false,
    }
    this.#queue.push(step)
    return () => {
      step.isCancelled = true
    }
  }

  /** Resolves in the process after so much virtual time. */
  sleep(owner: SimulatedProcess, ms: number): Promise<void> {
    return new Promise((resolve) => this.after(owner, ms, 'wakes', resolve))
  }

  /**
   * A call to the outside, such as a disk or a broker: `effect` takes place there even if the caller is gone by then, and the
   * caller hears of its outcome later, if it still lives. What `effect` throws, the call rejects with.
   */
  call<Result>(owner: SimulatedProcess, what: string, effect: () => Result, meanMs = 1): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.after(this.outside, this.#latencyMs(meanMs), `${owner.name} ${what}`, () => {
        const outcome = outcomeOf(effect)
        this.after(owner, this.#latencyMs(meanMs), `${owner.name} hears of ${what}`, () => {
          owner.answersLeft -= 1
          if (owner.answersLeft <= 0) this.kill(owner)
          else if ('error' in outcome) reject(outcome.error)
          else resolve(outcome.result)
        })
      })
    })
  }

  /** A question to the outside, which changes nothing there: as `call`, in one step. */
  ask<Result>(owner: SimulatedProcess, what: string, answer: () => Result, meanMs = 1): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.after(owner, 2 * this.#latencyMs(meanMs), what, () => {
        const outcome = outcomeOf(answer)
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.result)
      })
    })
  }

  /** Whether a fault of this kind happens now; counted. */
  strikes(kind: string, probability: number): boolean {
    if (!this.isStormy || !this.choices.chance(probability)) return false
    this.count(kind)
    return true
  }

  count(kind: string): void {
    this.tally.faults[kind] = (this.tally.faults[kind] ?? 0) + 1
    this.note(`fault: ${kind}`)
  }

  /** A line of the trace, which is part of the digest. */
  note(text: string): void {
    const line = `${this.#nowMs.toFixed(2)} ${text}`
    // FNV-1a.
    for (let index = 0; index < line.length; index += 1) this.#digest = Math.imul(this.#digest ^ line.charCodeAt(index), 0x01000193) >>> 0
    this.#onTrace?.(line)
  }

  violate(text: string): void {
    this.note(`BROKEN: ${text}`)
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(text)
  }

  /** Runs steps until it is over, something is broken, or so much virtual time has passed; returns whether it is over. */
  async runUntil(isOver: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs
    while (this.violations.length === 0) {
      if (isOver()) return true
      const step = this.#queue.first
      if (step === undefined || step.atMs > untilMs) return false
      this.#queue.pop()
      this.#nowMs = Math.max(this.#nowMs, step.atMs)
      const { owner } = step
      if (step.isCancelled || owner.state === 'dead') continue
      if (owner.state === 'frozen') {
        owner.held.push(step)
        continue
      }
      this.tally.steps += 1
      this.note(step.what)
      this.#current = owner
      step.run()
      // What follows at once from the step comes before this.
      await new Promise<void>((resolve) => realImmediate(resolve))
      this.#current = undefined
    }
    return false
  }

  /** The timers of the language as the running process has them. */
  timersOf(real: typeof globalThis) {
    const { setTimeout, clearTimeout, setImmediate } = real
    return {
      setTimeout: (callback: () => void, ms = 0) =>
        this.#current === undefined ? setTimeout(callback, ms) : this.after(this.#current, ms, `${this.#current.name} timer`, callback),
      clearTimeout: (timer: unknown) => (typeof timer === 'function' ? timer() : clearTimeout(timer as NodeJS.Timeout)),
      setImmediate: (callback: () => void) =>
        this.#current === undefined ? setImmediate(callback) : this.after(this.#current, TURN_MS, `${this.#current.name} turn`, callback),
    }
  }

  /** Most answers come soon, some late. */
  #latencyMs(meanMs: number): number {
    return this.choices.exponential(meanMs) * (this.isStormy && this.choices.chance(0.02) ? 100 : 1)
  }
}

function outcomeOf<Result>(act: () => Result): { readonly result: Result } | { readonly error: unknown } {
  try {
    return { result: act() }
  } catch (error) {
    return { error }
  }
}
