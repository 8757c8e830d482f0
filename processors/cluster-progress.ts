/** How far all tasks are, for whoever waits for what was appended to be readable, wherever the tasks run. */
import type { LogReader } from '../schemas/ports/log.ts'
import { HOPS_MAX } from './hops.ts'
import type { CommitProgress, TaskCommit } from './runtime/commit-progress.ts'

export interface ClusterProgressOptions {
  readonly log: Pick<LogReader, 'partitions' | 'endOffset'>
  readonly exchange: Pick<LogReader, 'partitions' | 'endOffset'>
  readonly progress: CommitProgress
  readonly sleep: (ms: number) => Promise<void>
}

/** Where the cluster stands. */
export interface ClusterPlace {
  /** Offset of the next event that is not readable yet, by partition, and of the end of the log. */
  readonly committed: readonly number[]
  readonly ends: readonly number[]
  /** Everything is readable, nothing is under way between tasks, and no window waits for that. */
  readonly isQuiet: boolean
  /** Version of the newest rows of each task. */
  readonly versions: readonly number[]
}

const LOOK_MS = 50
/** A settling that begins now is the second from now at the latest that comes to an end. */
const SETTLINGS = 2

export class ClusterProgress {
  readonly #options: ClusterProgressOptions

  constructor(options: ClusterProgressOptions) {
    this.#options = options
  }

  /** Rejects with LogUnavailableError. */
  async place(): Promise<ClusterPlace> {
    const { progress } = this.#options
    // Ends after positions: what is quiet then was quiet when the positions were read.
    await progress.refresh()
    const commits = this.#commits()
    const [ends, messageEnds] = [await this.#endsOf('log'), await this.#endsOf('exchange')]
    return {
      committed: commits.map((commit) => commit?.positions[0] ?? 0),
      ends,
      isQuiet: commits.every(
        (commit, partition) =>
          (commit?.positions[0] ?? 0) === ends[partition] &&
          (commit?.positions[1] ?? 0) === messageEnds[partition] &&
          commit?.note.hasUnsettled !== true,
      ),
      versions: commits.map((commit) => (commit?.positions ?? []).reduce((sum, position) => sum + position, commit?.note.rebuilds ?? 0)),
    }
  }

  /**
   * Resolves when everything appended so far is readable, all that follows from it is, and windows that it closes are
   * closed; also while others go on appending. Waits for as long as a partition is not processed.
   */
  async waitUntilReadable(): Promise<void> {
    const ends = await this.#endsOf('log')
    await this.#until(() => this.#commits().every((commit, partition) => (commit?.positions[0] ?? 0) >= (ends[partition] as number)))
    // What a rebuild sends goes the whole way again.
    for (let rebuilds = -1; rebuilds !== this.#rebuilds(); ) {
      rebuilds = this.#rebuilds()
      for (let hop = 0; hop <= HOPS_MAX; hop += 1) {
        const messages = await this.#endsOf('exchange')
        await this.#until(() =>
          this.#commits().every((commit, partition) => (commit?.positions[1] ?? 0) >= (messages[partition] as number)),
        )
      }
      const before = this.#commits().map((commit) => commit?.note.settlings ?? 0)
      await this.#until(() =>
        this.#commits().every(
          (commit, partition) =>
            commit === undefined || !commit.note.hasUnsettled || commit.note.settlings >= (before[partition] as number) + SETTLINGS,
        ),
      )
    }
  }

  #commits(): (TaskCommit | undefined)[] {
    const { progress } = this.#options
    return Array.from({ length: progress.partitions }, (_, partition) => progress.of(partition))
  }

  #rebuilds(): number {
    return this.#commits().reduce((sum, commit) => sum + (commit?.note.rebuilds ?? 0), 0)
  }

  #endsOf(name: 'log' | 'exchange'): Promise<number[]> {
    const source = this.#options[name]
    return Promise.all(Array.from({ length: source.partitions }, (_, partition) => source.endOffset(partition)))
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (;;) {
      await this.#options.progress.refresh()
      if (isSo()) return
      await this.#options.sleep(LOOK_MS)
    }
  }
}
