/**
 * Tells live watchers of the running windows between commits. To work them out takes longer the more slices there are. So
 * while records wait in a backlog, when the numbers are of the past anyway, it may take a hundredth of the time, and who
 * watches hears once a second at least.
 */
import type { Topology } from './topology.ts'
import type { RunnerOptions } from './runner-options.ts'

/** Of the time, in a backlog. */
const BACKLOG_SHARE_MAX = 0.01
const BACKLOG_INTERVAL_MS_MAX = 1_000

export class LiveTelling {
  readonly #options: Pick<RunnerOptions, 'live' | 'clock'>
  readonly #intervalMs: number
  #toldAtMs = Number.NEGATIVE_INFINITY
  #tookMs = 0

  /** `intervalMs`: watchers hear at most this often. */
  constructor(options: Pick<RunnerOptions, 'live' | 'clock'>, intervalMs: number) {
    this.#options = options
    this.#intervalMs = intervalMs
  }

  /** Publishes what changed since the last commit, when it is time; the rows are of this version. `inBacklog`: more records wait. */
  tell(topology: Topology, version: number, inBacklog: boolean): void {
    const { clock, live } = this.#options
    const nowMs = clock.nowMs()
    // Either way: the clock may go back.
    if (!topology.hasPending || Math.abs(nowMs - this.#toldAtMs) < this.#pauseMs(inBacklog)) return
    this.#toldAtMs = nowMs
    for (const { workspace, watermarkMs, rows } of topology.running(version)) {
      if (rows.length > 0) live.publish({ kind: 'growth', workspace, watermarkMs, rows })
    }
    this.#tookMs = Math.max(0, clock.nowMs() - nowMs)
  }

  #pauseMs(inBacklog: boolean): number {
    if (!inBacklog) return this.#intervalMs
    return Math.max(this.#intervalMs, Math.min(this.#tookMs / BACKLOG_SHARE_MAX, BACKLOG_INTERVAL_MS_MAX))
  }
}
