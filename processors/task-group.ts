/**
 * The tasks of this instance: one for each partition that it owns, started and stopped as partitions are shared out, with
 * the ticks of its partitions and the settling of the workspaces at home there. Each partition comes and goes by itself:
 * one that is being brought back holds up no other.
 */
import type { Clock } from '../schemas/ports/clock.ts'
import { type Log, LogUnavailableError } from '../schemas/ports/log.ts'
import type { PartitionOwnership } from '../schemas/ports/partition-ownership.ts'
import { WarehouseUnavailableError } from '../schemas/ports/warehouse.ts'
import { isWorthAnotherStart } from './poison-records.ts'
import type { Runner } from './runner.ts'
import { FencedError } from './runtime/commit-store.ts'
import { RestartPauses } from './runtime/restart-pauses.ts'
import { Turns } from './runtime/turns.ts'
import { Settler, type TaskProgress } from './settler.ts'
import type { StartedTask } from './start-task.ts'
import { Ticker } from './ticker.ts'

export interface TaskGroupOptions {
  /** The events, and what tasks tell one another. */
  readonly log: Log
  readonly exchange: Log
  readonly ownership: PartitionOwnership
  readonly progress: TaskProgress
  readonly clock: Clock
  readonly sleep: (ms: number) => Promise<void>
  /** Takes up the task of a partition. Rejects when it can't be now (tried again), and soon after `signal` is aborted. */
  readonly startRunner: (partition: number, signal: AbortSignal) => Promise<StartedTask>
  readonly onError: (message: string, error: unknown) => void
}

interface Task extends StartedTask {
  readonly partition: number
  readonly ticker: Ticker
}

/** What is under way with a partition: one thing after the other. */
interface Place {
  /** Ends the start that is under way. */
  starting: AbortController | undefined
  changes: Promise<void>
  /** Of a task that was stopped by a bug of ours: for how many more rounds it is left alone. */
  roundsLeft: number
  readonly pauses: RestartPauses
}

const ROUND_MS = 500
const SETTLING_LOOK_MS = 50
/** States that are brought back at the same time: each needs memory and the processor. */
const STARTS_AT_ONCE = 2

export class TaskGroup {
  readonly #options: TaskGroupOptions
  readonly #settler: Settler
  readonly #tasks = new Map<number, Task>()
  readonly #places = new Map<number, Place>()
  #wanted: readonly number[] = []
  readonly #starts = new Turns(STARTS_AT_ONCE)
  #hasJoined = false
  #stopping = false
  #rounds = 0
  #repeating: Promise<unknown> | undefined

  constructor(options: TaskGroupOptions) {
    this.#options = options
    const { exchange, progress, sleep } = options
    this.#settler = new Settler({ exchange, progress, pause: () => sleep(SETTLING_LOOK_MS) })
  }

  /** Takes part in the sharing-out; resolves with the first share, whose tasks are then being started. */
  async start(): Promise<void> {
    const { ownership } = this.#options
    ownership.onChange({
      release: (partitions) => this.#putDown(partitions),
      assigned: (partitions) => this.#takeUp(partitions),
      lost: (partitions) => void this.#putDown(partitions),
    })
    this.#repeating = Promise.all([this.#repeat(() => this.#round()), this.#repeat(() => this.#settle())])
    await ownership.join()
    this.#hasJoined = true
  }

  /** Whether it has had a share of the partitions, which may be none. */
  get hasJoined(): boolean {
    return this.#hasJoined
  }

  /** Partitions that are processed here. */
  get tasks(): readonly { readonly partition: number; readonly runner: Runner }[] {
    return [...this.#tasks.values()]
  }

  /** Partitions that are owned and not processed yet, or not any longer because of an error. */
  get waiting(): readonly number[] {
    return this.#wanted.filter((partition) => !this.#tasks.get(partition)?.runner.status.ready || this.#isFailed(partition))
  }

  /** Commits what is processed, leaves the sharing-out, and ends. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#repeating
    await this.#options.ownership.close()
    await this.#putDown([...this.#places.keys()])
  }

  #isFailed(partition: number): boolean {
    return this.#tasks.get(partition)?.runner.status.failed ?? false
  }

  /** These are owned now, and no others. */
  #takeUp(partitions: readonly number[]): void {
    this.#wanted = partitions
    for (const partition of partitions) void this.#begin(partition)
  }

  /** Resolves when nothing of these partitions is under way here any more. */
  async #putDown(partitions: readonly number[]): Promise<void> {
    this.#wanted = this.#wanted.filter((partition) => !partitions.includes(partition))
    await Promise.all(partitions.map((partition) => this.#end(partition)))
  }

  /** Once all that was asked for before is done with the partition. */
  #after(partition: number, change: (place: Place) => Promise<void>): Promise<void> {
    let place = this.#places.get(partition)
    if (place === undefined) {
      place = { starting: undefined, changes: Promise.resolve(), roundsLeft: 0, pauses: new RestartPauses() }
      this.#places.set(partition, place)
    }
    const at = place
    place.changes = place.changes.then(() => change(at))
    return place.changes
  }

  #begin(partition: number): Promise<void> {
    return this.#after(partition, async (place) => {
      if (!this.#wanted.includes(partition) || this.#tasks.has(partition)) return
      const starting = new AbortController()
      place.starting = starting
      const { log, clock, startRunner, onError } = this.#options
      try {
        const started = await this.#starts.take(() => startRunner(partition, starting.signal), starting.signal)
        this.#tasks.set(partition, { ...started, partition, ticker: new Ticker(log, clock, [partition]) })
      } catch (error) {
        if (starting.signal.aborted) return
        if (!passesByItself(error)) this.#pause(place)
        onError(`partition ${partition} could not be taken up, trying again`, error)
      } finally {
        place.starting = undefined
      }
    })
  }

  #end(partition: number): Promise<void> {
    this.#places.get(partition)?.starting?.abort()
    return this.#after(partition, async () => {
      const task = this.#tasks.get(partition)
      if (task === undefined) return
      this.#tasks.delete(partition)
      try {
        await task.runner.stop()
        await task.close()
      } catch (error) {
        // Its commits are in the log: whoever takes the partition up goes on from there.
        this.#options.onError(`partition ${partition} was put down with trouble`, error)
      }
    })
  }

  /** Ticks where all is processed; takes up what could not be taken up before, or was fenced and is owned all the same. */
  async #round(): Promise<void> {
    for (const partition of this.#wanted) {
      const { error } = this.#tasks.get(partition)?.runner.status ?? { error: undefined }
      const place = this.#places.get(partition)
      if (error !== undefined && isWorthAnotherStart(error)) {
        await this.#end(partition)
        if (place !== undefined && !passesByItself(error)) this.#pause(place)
      }
      if (place !== undefined && place.roundsLeft > 0) place.roundsLeft -= 1
      else if (!this.#tasks.has(partition) && place?.starting === undefined) void this.#begin(partition)
    }
    this.#rounds += 1
    for (const { partition, runner, ticker } of this.#tasks.values()) {
      const { ready, processed } = runner.status
      if (ready && processed[0] === (await this.#options.log.endOffset(partition))) await ticker.tick(runner.topology)
    }
    // Only for tools that show lag: where a task goes on stands in its commits.
    await this.#options.ownership.note(
      new Map([...this.#tasks.values()].map(({ partition, runner }) => [partition, runner.status.committed[0] ?? 0])),
    )
    await this.#options.sleep(ROUND_MS)
  }

  /** Rounds are its clock: the wall clock may jump. */
  #pause(place: Place): void {
    place.roundsLeft = Math.ceil(place.pauses.brokeOff(this.#rounds * ROUND_MS) / ROUND_MS)
  }

  async #settle(): Promise<void> {
    const tasks = [...this.#tasks.values()]
      .filter(({ runner }) => runner.status.ready)
      .map(({ partition, runner }) => ({ partition, topology: runner.topology, doneSequence: runner.status.committedSequence }))
    await this.#settler.settle(tasks, () => this.#stopping)
    await this.#options.sleep(ROUND_MS)
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stopping) {
      try {
        await work()
      } catch (error) {
        this.#options.onError('the tasks could not be seen to, trying again', error)
        await this.#options.sleep(ROUND_MS)
      }
    }
  }
}

/** Another instance's partition, or a server that is away: no bug, and nothing to wait long for. */
function passesByItself(error: unknown): boolean {
  return error instanceof FencedError || error instanceof LogUnavailableError || error instanceof WarehouseUnavailableError
}
