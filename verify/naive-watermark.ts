/**
 * The watermark, replayed record by record (METRICS "Time"): per partition the highest min(occurred_at, received_at)
 * minus 5 s; of the workspace the minimum over its partitions, idle ones left out. Ticks count by `received_at`.
 */
import type { LogRecord } from '../schemas/log-records.ts'
import { PARTITION_IDLE_MS, WATERMARK_DELAY_MS } from '../schemas/windows.ts'

export class NaiveWatermark {
  /** Highest instant seen in events and ticks, by partition. */
  private readonly highestMs = new Map<number, number>()
  private readonly newestReceivedAtMs = new Map<number, number>()

  observe(partition: number, record: LogRecord): void {
    if (record.type === 'tracked') return // no part of a workspace's time
    raise(this.newestReceivedAtMs, partition, record.received_at)
    if (record.type === 'tick') raise(this.highestMs, partition, record.received_at)
    else if (record.type !== 'quarantined' && record.type !== 'import_end') {
      raise(this.highestMs, partition, Math.min(record.occurred_at, record.received_at))
    }
  }

  /** The workspace's watermark in epoch ms; -Infinity before its first event. */
  currentMs(): number {
    const newestMs = Math.max(...this.newestReceivedAtMs.values())
    let lowestMs = Number.POSITIVE_INFINITY
    for (const [partition, highestMs] of this.highestMs) {
      const isIdle = newestMs - (this.newestReceivedAtMs.get(partition) ?? newestMs) >= PARTITION_IDLE_MS
      if (!isIdle) lowestMs = Math.min(lowestMs, highestMs - WATERMARK_DELAY_MS)
    }
    return lowestMs === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : lowestMs
  }
}

function raise(values: Map<number, number>, key: number, value: number): void {
  values.set(key, Math.max(values.get(key) ?? Number.NEGATIVE_INFINITY, value))
}
