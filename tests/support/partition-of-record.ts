/** Partitions that a record of the log goes to: ticks, ends of imports and replays to every one. */
import type { LogRecord } from '../../schemas/log-records.ts'
import { partitionOf } from '../../schemas/partitioner.ts'

export function partitionsOfRecord(record: LogRecord, partitions: number): number[] {
  if (record.type === 'tick' || record.type === 'import_end' || record.type === 'replay')
    return Array.from({ length: partitions }, (_, partition) => partition)
  const subject = 'actor_id' in record && record.actor_id ? record.actor_id : 'event_id' in record ? (record.event_id ?? '') : ''
  return [partitionOf(record.workspace, subject, partitions)]
}
