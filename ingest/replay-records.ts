/** A replay in the log: a record in every partition, behind all that is to be part of it. */
import { LOG_RECORD_VERSION, type ReplayRecord } from '../schemas/log-records.ts'
import type { Replay } from '../schemas/replay-name.ts'
import { RecordBatch } from './record-batch.ts'

/** The records that ask for a workspace to be rebuilt; `nowMs` is the time of receipt, epoch ms. */
export function replayRecords(request: {
  readonly workspace: string
  readonly replay: Replay
  readonly nowMs: number
  readonly partitions: number
}): RecordBatch {
  const { workspace, replay, nowMs, partitions } = request
  const from = replay.fromMs === undefined ? {} : { from: replay.fromMs }
  const record: ReplayRecord = { v: LOG_RECORD_VERSION, type: 'replay', workspace, received_at: nowMs, replay_id: replay.id, ...from }
  const text = JSON.stringify(record)
  const batch = new RecordBatch()
  for (let partition = 0; partition < partitions; partition += 1) batch.addText(text, partition)
  return batch
}
