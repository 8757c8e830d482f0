/**
 * Time of one workspace over its partitions (METRICS "Time"): the watermark is the least of what they allow. A
 * partition that is a minute behind the newest of the workspace allows all but the last minute of its own clock; it can't
 * be left out by the clock of another, since it may only not have been read as far. Clocks alone make nothing quiet:
 * they may be heard of long after the events, of all partitions together, and the windows are to close all the same.
 */
import { PARTITION_IDLE_MS, WATERMARK_DELAY_MS } from '../../schemas/windows.ts'
import type { PartitionTimeReport } from './partition-time.ts'

export interface WorkspaceTimeSnapshot {
  readonly reports: readonly (PartitionTimeReport | undefined)[]
  readonly watermarkMs: number
  readonly headMs: number
  readonly newestReceivedMs: number
}

export class WorkspaceTime {
  /** What is settled of each partition: all that its records led to elsewhere has arrived. */
  readonly #reports: (PartitionTimeReport | undefined)[]
  #watermarkMs = Number.NEGATIVE_INFINITY
  #headMs = Number.NEGATIVE_INFINITY
  #newestReceivedMs = Number.NEGATIVE_INFINITY

  constructor(partitions: number, from?: WorkspaceTimeSnapshot) {
    this.#reports = from ? [...from.reports] : new Array<undefined>(partitions).fill(undefined)
    if (from === undefined) return
    this.#watermarkMs = from.watermarkMs
    this.#headMs = from.headMs
    this.#newestReceivedMs = from.newestReceivedMs
  }

  /** A partition has seen this much, though not all that follows from it may be in yet. */
  see({ newestMs, receivedMs }: PartitionTimeReport): void {
    if (newestMs > this.#headMs) this.#headMs = newestMs
    if (receivedMs > this.#newestReceivedMs) this.#newestReceivedMs = receivedMs
  }

  /** All that followed from what a partition has seen is in. Takes effect with `advance`. */
  settle(partition: number, report: PartitionTimeReport): void {
    this.see(report)
    this.#reports[partition] = report
  }

  /** Moves the watermark on; `tickMs` are the newest ticks of the partitions. Returns whether it moved. */
  advance(tickMs: readonly number[]): boolean {
    let receivedMs = Number.NEGATIVE_INFINITY
    for (const report of this.#reports) if (report !== undefined && report.receivedMs > receivedMs) receivedMs = report.receivedMs
    let leastMs = Number.POSITIVE_INFINITY
    let areAllQuiet = true
    for (let partition = 0; partition < this.#reports.length; partition += 1) {
      const report = this.#reports[partition]
      const clockMs = Math.max(report?.clockMs ?? Number.NEGATIVE_INFINITY, tickMs[partition] ?? Number.NEGATIVE_INFINITY)
      const newestMs = report?.newestMs ?? Number.NEGATIVE_INFINITY
      const isQuiet =
        newestMs === Number.NEGATIVE_INFINITY ||
        Math.min(clockMs, receivedMs) - (report as PartitionTimeReport).receivedMs >= PARTITION_IDLE_MS
      if (!isQuiet) areAllQuiet = false
      leastMs = Math.min(leastMs, isQuiet ? clockMs - PARTITION_IDLE_MS : newestMs - WATERMARK_DELAY_MS)
    }
    if (areAllQuiet || leastMs <= this.#watermarkMs) return false
    this.#watermarkMs = leastMs
    return true
  }

  /** No window that ends at or before this changes but by late events. */
  get watermarkMs(): number {
    return this.#watermarkMs
  }

  /** The newest instant seen: the running pane holds it. */
  get headMs(): number {
    return this.#headMs
  }

  get newestReceivedMs(): number {
    return this.#newestReceivedMs
  }

  /** How far every partition's own clock has come at least; `tickMs` are the newest ticks of the partitions. */
  clockMs(tickMs: readonly number[]): number {
    return Math.min(...this.#reports.map((report, index) => Math.max(report?.clockMs ?? Number.NEGATIVE_INFINITY, tickMs[index] as number)))
  }

  /** Whether the workspace is live in any partition. */
  get isLive(): boolean {
    return this.#reports.some((report) => report?.isLive)
  }

  isLiveIn(partition: number): boolean {
    return this.#reports[partition]?.isLive ?? false
  }

  snapshot(): WorkspaceTimeSnapshot {
    return {
      reports: this.#reports,
      watermarkMs: this.#watermarkMs,
      headMs: this.#headMs,
      newestReceivedMs: this.#newestReceivedMs,
    }
  }
}
