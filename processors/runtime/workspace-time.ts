/**
 * Time of one workspace, taken from the log alone (METRICS "Time"). Each partition's watermark is the newest
 * min(occurred_at, received_at) less the delay; the workspace's is the least of its partitions', those left out that
 * have been quiet for a minute while others went on.
 */
import { ALLOWED_LATENESS_MS, PARTITION_IDLE_MS, WATERMARK_DELAY_MS } from '../../schemas/windows.ts'

export interface WorkspaceTimeSnapshot {
  readonly newestMs: readonly number[]
  readonly newestReceivedMs: readonly number[]
  readonly watermarkMs: number
  readonly hasLiveEvent: boolean
}

export class WorkspaceTime {
  /** Newest min(occurred_at, received_at) of each partition; -infinity where nothing came yet. */
  readonly #newestMs: number[]
  readonly #newestReceivedMs: number[]
  #watermarkMs = Number.NEGATIVE_INFINITY
  #hasLiveEvent = false

  constructor(partitions: number, from?: WorkspaceTimeSnapshot) {
    this.#newestMs = from ? [...from.newestMs] : new Array<number>(partitions).fill(Number.NEGATIVE_INFINITY)
    this.#newestReceivedMs = from ? [...from.newestReceivedMs] : new Array<number>(partitions).fill(Number.NEGATIVE_INFINITY)
    if (from === undefined) return
    this.#watermarkMs = from.watermarkMs
    this.#hasLiveEvent = from.hasLiveEvent
  }

  /** An event or a tick (which occurs when it is received) of the partition. */
  observe(partition: number, occurredMs: number, receivedMs: number): void {
    const atMs = Math.min(occurredMs, receivedMs)
    if (receivedMs - occurredMs <= ALLOWED_LATENESS_MS) this.#hasLiveEvent = true
    if (receivedMs > (this.#newestReceivedMs[partition] as number)) this.#newestReceivedMs[partition] = receivedMs
    if (atMs > (this.#newestMs[partition] as number)) this.#newestMs[partition] = atMs
    const newestReceivedMs = this.newestReceivedMs
    let leastMs = Number.POSITIVE_INFINITY
    for (let index = 0; index < this.#newestMs.length; index += 1) {
      if ((this.#newestReceivedMs[index] as number) <= newestReceivedMs - PARTITION_IDLE_MS) continue
      leastMs = Math.min(leastMs, this.#newestMs[index] as number)
    }
    this.#watermarkMs = Math.max(this.#watermarkMs, leastMs - WATERMARK_DELAY_MS)
  }

  /** No window that ends at or before this changes but by late events. */
  get watermarkMs(): number {
    return this.#watermarkMs
  }

  /** The newest instant seen: the running pane holds it. */
  get headMs(): number {
    return Math.max(...this.#newestMs)
  }

  get newestReceivedMs(): number {
    return Math.max(...this.#newestReceivedMs)
  }

  /** Whether an event came within 7 days of its occurrence, so that ticks may move time on. */
  get hasLiveEvent(): boolean {
    return this.#hasLiveEvent
  }

  /** Whether an event that occurred then is beyond the allowed lateness. */
  isTooLate(occurredMs: number): boolean {
    return occurredMs < this.#watermarkMs - ALLOWED_LATENESS_MS
  }

  snapshot(): WorkspaceTimeSnapshot {
    return {
      newestMs: this.#newestMs,
      newestReceivedMs: this.#newestReceivedMs,
      watermarkMs: this.#watermarkMs,
      hasLiveEvent: this.#hasLiveEvent,
    }
  }
}
