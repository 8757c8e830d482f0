/** Tells live watchers of the running windows between commits, at most once in an interval. */
import type { Topology } from './topology.ts'
import type { RunnerOptions } from './runner-options.ts'

export class LiveTelling {
  readonly #options: Pick<RunnerOptions, 'live' | 'clock'>
  readonly #intervalMs: number
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(options: Pick<RunnerOptions, 'live' | 'clock'>, intervalMs: number) {
    this.#options = options
    this.#intervalMs = intervalMs
  }

  /** Publishes what changed since the last commit, when it is time; the rows are of this version. */
  tell(topology: Topology, version: number): void {
    const nowMs = this.#options.clock.nowMs()
    // Either way: the clock may go back.
    if (!topology.hasPending || Math.abs(nowMs - this.#toldAtMs) < this.#intervalMs) return
    this.#toldAtMs = nowMs
    for (const { workspace, watermarkMs, rows } of topology.running(version)) {
      if (rows.length > 0) this.#options.live.publish({ kind: 'growth', workspace, watermarkMs, rows })
    }
  }
}
