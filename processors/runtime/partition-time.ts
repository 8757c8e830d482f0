/**
 * Time of one workspace in one partition, taken from that partition's log alone (METRICS "Time"): whatever the other
 * partitions do and however far each is read, the same records give the same time, and the same events are late.
 */
import { ALLOWED_LATENESS_MS, WATERMARK_DELAY_MS } from '../../schemas/windows.ts'

/** What the workspace's watermark needs to know of a partition; minus infinity for never. */
export interface PartitionTimeReport {
  /** Newest min(occurred_at, received_at). */
  readonly newestMs: number
  /** Newest `received_at` of the workspace's own records, and of ticks once it is live. */
  readonly receivedMs: number
  /** Newest `received_at` of any of its records and of ticks. */
  readonly clockMs: number
  /** An event came within 7 days of its occurrence, or a tick said so: from then on ticks move time on. */
  readonly isLive: boolean
}

export class PartitionTime implements PartitionTimeReport {
  newestMs: number
  receivedMs: number
  clockMs: number
  isLive: boolean

  constructor(from?: PartitionTimeReport) {
    this.newestMs = from?.newestMs ?? Number.NEGATIVE_INFINITY
    this.receivedMs = from?.receivedMs ?? Number.NEGATIVE_INFINITY
    this.clockMs = from?.clockMs ?? Number.NEGATIVE_INFINITY
    this.isLive = from?.isLive ?? false
  }

  /** An event of the workspace. */
  observe(occurredMs: number, receivedMs: number): void {
    if (receivedMs - occurredMs <= ALLOWED_LATENESS_MS) this.isLive = true
    this.#moveTo(Math.min(occurredMs, receivedMs), receivedMs)
  }

  /** A tick of the workspace: it is live, here or in another partition. */
  tick(receivedMs: number): void {
    this.isLive = true
    this.#moveTo(receivedMs, receivedMs)
  }

  /** A tick of the partition, for all workspaces. Returns whether it moved this one's time. */
  partitionTick(receivedMs: number): boolean {
    if (this.isLive) this.#moveTo(receivedMs, receivedMs)
    else this.clockMs = Math.max(this.clockMs, receivedMs)
    return this.isLive
  }

  importEnd(receivedMs: number): void {
    this.clockMs = Math.max(this.clockMs, receivedMs)
  }

  /** Whether an event that occurred then is beyond the allowed lateness. */
  isTooLate(occurredMs: number): boolean {
    return occurredMs < this.newestMs - WATERMARK_DELAY_MS - ALLOWED_LATENESS_MS
  }

  report(): PartitionTimeReport {
    const { newestMs, receivedMs, clockMs, isLive } = this
    return { newestMs, receivedMs, clockMs, isLive }
  }

  #moveTo(newestMs: number, receivedMs: number): void {
    if (newestMs > this.newestMs) this.newestMs = newestMs
    if (receivedMs > this.receivedMs) this.receivedMs = receivedMs
    if (receivedMs > this.clockMs) this.clockMs = receivedMs
  }
}
