/** A log of which the oldest records can be deleted, as a topic's: readers begin behind them. */
import type { SnapshotLog } from '../../processors/runtime/snapshot-topic.ts'
import type { Log } from '../../schemas/ports/log.ts'

export function forgettingLog(log: Log): SnapshotLog {
  const starts = new Array<number>(log.partitions).fill(0)
  return {
    partitions: log.partitions,
    append: (messages) => log.append(messages),
    read: (partition, offset, limit) => log.read(partition, Math.max(starts[partition] as number, offset), limit),
    endOffset: (partition) => log.endOffset(partition),
    startOffset: (partition) => starts[partition] as number,
    onAppend: (listener) => log.onAppend(listener),
    close: () => log.close(),
    async deleteBefore(partition, offset) {
      starts[partition] = Math.max(starts[partition] as number, offset)
    },
  }
}
