/**
 * The tasks of this instance: one runner for each partition that it owns, started and stopped as partitions are shared
 * out, with the ticks of its partitions and the settling of the workspaces at home there.
 */
import type { Clock } from '../schemas/ports/clock.ts'
import type { Log } from '../schemas/ports/log.ts'
import type { PartitionOwnership } from '../schemas/ports/partition-ownership.ts'
import type { Runner } from './runner.ts'
import { FencedError } from './runtime/commit-store.ts'
import { Settler, type TaskProgress } from './settler.ts'
import { Ticker } from './ticker.ts'

export interface TaskGroupOptions {
  /** The events, and what tasks tell one another. */
  readonly log: Log
  readonly exchange: Log
  readonly ownership: PartitionOwnership
  readonly progress: TaskProgress
  readonly clock: Clock
  readonly sleep: (ms: number) => Promise<void>
  /** Makes and starts the runner of a partition. Rejects when it can't be started now: tried again. */
  readonly startRunner: (partition: number) => Promise<{ runner: Runner; close: () => Promise<void> }>
  readonly onError: (message: string, error: unknown) => void
}

interface Task {
  readonly partition: number
  readonly runner: Runner
  readonly ticker: Ticker
  readonly close: () => Promise<void>
}

const ROUND_MS = 500
const SETTLING_LOOK_MS = 50

export class TaskGroup {
  readonly #options: TaskGroupOptions
  readonly #settler: Settler
  readonly #tasks = new Map<number, Task>()
  /** Changes of what is processed here, one after the other. */
  #changes: Promise<void> = Promise.resolve()
  #wanted: readonly number[] = []
  #hasJoined = false
  #stopping = false
  #rounds: Promise<unknown> | undefined

  constructor(options: TaskGroupOptions) {
    this.#options = options
    const { exchange, progress, sleep } = options
    this.#settler = new Settler({ exchange, progress, pause: () => sleep(SETTLING_LOOK_MS) })
  }

  /** Takes part in the sharing-out; resolves with the first share, whose tasks are then being started. */
  async start(): Promise<void> {
    const { ownership } = this.#options
    ownership.onChange({
      release: (partitions) => this.#want([], partitions),
      assigned: (partitions) => void this.#want(partitions, []),
      lost: (partitions) => void this.#want([], partitions),
    })
    this.#rounds = Promise.all([this.#repeat(() => this.#round()), this.#repeat(() => this.#settle())])
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
    await this.#rounds
    await this.#options.ownership.close()
    await this.#want([], [...this.#tasks.keys()])
  }

  #isFailed(partition: number): boolean {
    return this.#tasks.get(partition)?.runner.status.failed ?? false
  }

  /** Starts what is wanted now, and ends the tasks of `gone`; resolves when that is done. */
  #want(wanted: readonly number[], gone: readonly number[]): Promise<void> {
    this.#wanted = wanted
    this.#changes = this.#changes.then(async () => {
      await Promise.all(gone.map((partition) => this.#end(partition)))
      for (const partition of wanted) await this.#begin(partition)
    })
    return this.#changes
  }

  async #begin(partition: number): Promise<void> {
    if (this.#tasks.has(partition) || !this.#wanted.includes(partition)) return
    const { log, clock, startRunner, onError } = this.#options
    try {
      const started = await startRunner(partition)
      this.#tasks.set(partition, { partition, ...started, ticker: new Ticker(log, clock, [partition]) })
    } catch (error) {
      onError(`partition ${partition} could not be taken up, trying again`, error)
    }
  }

  async #end(partition: number): Promise<void> {
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
  }

  /** Ticks where all is processed; takes up what could not be taken up before, or was fenced and is owned all the same. */
  async #round(): Promise<void> {
    for (const partition of this.#wanted) {
      const { error } = this.#tasks.get(partition)?.runner.status ?? { error: undefined }
      if (error instanceof FencedError) await this.#want(this.#wanted, [partition])
      else if (!this.#tasks.has(partition)) await this.#want(this.#wanted, [])
    }
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
