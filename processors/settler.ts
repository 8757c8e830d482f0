/**
 * Settling: tells the windows of a workspace how far all that followed from each partition's commits has come in, so that
 * a window closes only when nothing of it is under way between tasks.
 *
 * What a commit leads to goes from task to task in at most `HOPS_MAX` steps, and a task is done with a commit only when
 * its messages stand in the repartition topic. So: once every task is done with the commits that the home has heard of,
 * let all messages that stand there be committed, as many times as there are steps; then everything stands before the
 * record that says so. That record is part of the log: a replay meets it in the same place.
 */
import type { Log } from '../schemas/ports/log.ts'
import { HOPS_MAX } from './hops.ts'
import { encodeTaskRecord } from './task-message.ts'
import type { Topology } from './topology.ts'

/** How far the tasks of all partitions are, wherever they run. */
export interface TaskProgress {
  /** Looks again. Rejects with LogUnavailableError. */
  refresh(): Promise<void>
  /** Newest commit of a partition's task that is done; its messages below the last position were taken. */
  of(partition: number): { readonly sequence: number; readonly positions: readonly number[] } | undefined
}

/** A task of this instance. */
export interface SettledTask {
  readonly partition: number
  readonly topology: Topology
  /** Its newest commit that is done. */
  readonly doneSequence: number
}

export interface SettlerOptions {
  readonly exchange: Log
  readonly progress: TaskProgress
  readonly pause: () => Promise<void>
  /** Looks before giving up; the next settling begins anew. */
  readonly looksMax?: number
}

const LOOKS_MAX = 1_200

export class Settler {
  readonly #options: SettlerOptions

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  /**
   * Settles those of the tasks that wait for it. Resolves with whether it came to an end: a task elsewhere may be down.
   * Rejects with LogUnavailableError.
   */
  async settle(tasks: readonly SettledTask[], isStopping: () => boolean): Promise<boolean> {
    const { exchange } = this.#options
    const orders = tasks
      .filter(({ topology }) => topology.hasUnsettled)
      .map(({ partition, topology, doneSequence }) => ({
        partition,
        settled: topology.taken.map((sequence, from) => (from === partition ? doneSequence : sequence)),
      }))
    if (orders.length === 0) return true
    const areDone = () => orders.every(({ settled }) => settled.every((sequence, from) => sequence <= (this.#of(from)?.sequence ?? 0)))
    if (!(await this.#until(areDone, isStopping))) return false
    for (let step = 0; step < HOPS_MAX; step += 1) {
      const ends = await Promise.all(Array.from({ length: exchange.partitions }, (_, partition) => exchange.endOffset(partition)))
      const areTaken = () => ends.every((end, partition) => end <= (this.#of(partition)?.positions.at(-1) ?? 0))
      if (!(await this.#until(areTaken, isStopping))) return false
    }
    await exchange.append(orders.map(({ partition, settled }) => ({ partition, value: encodeTaskRecord({ settled }) })))
    return true
  }

  #of(partition: number): ReturnType<TaskProgress['of']> {
    return this.#options.progress.of(partition)
  }

  async #until(isSo: () => boolean, isStopping: () => boolean): Promise<boolean> {
    const { progress, pause, looksMax = LOOKS_MAX } = this.#options
    for (let look = 0; look < looksMax && !isStopping(); look += 1) {
      await progress.refresh()
      if (isSo()) return true
      await pause()
    }
    return false
  }
}
