/**
 * Which events came too late, judged record by record (METRICS "Time"): by what stands before them in their own
 * partition of the log, and by nothing else, so that it does not matter how far the other partitions were read.
 */
import { EVERY_WORKSPACE, type LogRecord } from '../schemas/log-records.ts'
import { ALLOWED_LATENESS_MS, WATERMARK_DELAY_MS } from '../schemas/windows.ts'

/** Time of one workspace, by partition. Give it the workspace's records and the ticks of whole partitions. */
export class NaiveLateness {
  /** Newest min(occurred_at, received_at) of the events, and the newest tick that counts. */
  private readonly newestMs = new Map<number, number>()
  /** Partitions in which the workspace is live: only there does a tick of the whole partition move its time. */
  private readonly live = new Set<number>()

  observe(partition: number, record: LogRecord): void {
    if (record.type === 'tick') {
      if (record.workspace !== EVERY_WORKSPACE) this.live.add(partition)
      if (this.live.has(partition)) this.raise(partition, record.received_at)
      return
    }
    if (!('occurred_at' in record) || record.type === 'tracked') return
    if (record.received_at - record.occurred_at <= ALLOWED_LATENESS_MS) this.live.add(partition)
    this.raise(partition, Math.min(record.occurred_at, record.received_at))
  }

  /** Whether an event of that partition, observed just before, counts nowhere. What an import brings always counts. */
  isLate(partition: number, record: LogRecord): boolean {
    if (!('occurred_at' in record) || record.import_id !== undefined) return false
    const newestMs = this.newestMs.get(partition) ?? Number.NEGATIVE_INFINITY
    return record.occurred_at < newestMs - WATERMARK_DELAY_MS - ALLOWED_LATENESS_MS
  }

  private raise(partition: number, instantMs: number): void {
    this.newestMs.set(partition, Math.max(this.newestMs.get(partition) ?? Number.NEGATIVE_INFINITY, instantMs))
  }
}
