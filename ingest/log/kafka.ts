/**
 * The log on Apache Kafka: one topic, its partitions those of the port. What differs from the embedded log:
 *
 * - An append over several partitions is all or nothing by partition only, and only as far as one batch goes (4 MB).
 * - An append that rejects may have been written, in whole or in part, or may still be: whoever tries again writes
 *   twice, and event ids tell the two apart. An append that resolved is on all replicas in sync. Whether these are on
 *   disk is the cluster's affair: replication is how Kafka survives a power cut (`flush.messages` where there is one broker).
 * - Offsets ascend, but may leave gaps where clients of other makers wrote with transactions.
 * - Others write too, so `endOffset` asks the brokers, at most ten times a second.
 */
import type { Log } from '../../schemas/ports/log.ts'
import type { PartitionOwnership } from '../../schemas/ports/partition-ownership.ts'
import { KafkaAppender } from './kafka-appender.ts'
import { KafkaClient, type KafkaSettings } from './kafka-client.ts'
import { type FormerMember, KafkaMembership } from './kafka-membership.ts'
import { KafkaReader } from './kafka-reader.ts'
import { ensureTopic } from './kafka-topic.ts'

export interface KafkaLogOptions extends KafkaSettings {
  readonly topic: string
  /** Number of partitions: made with it, or refused with another. */
  readonly partitions: number
  /** Of a topic that is made now. */
  readonly replicationFactor?: number
  /** How long records are kept, of a topic that is made now; -1: for ever. */
  readonly retentionMs?: number
  /** Values are compressed already: they go as they are. */
  readonly isCompressed?: boolean
  /** Of a topic that is made now: what is deleted leaves the disk in pieces of this size. */
  readonly segmentBytes?: number
  /** Group in which instances share the partitions; see `ownership`. */
  readonly groupId: string
  readonly nowMs: () => number
  /** An append that is not acknowledged within this time rejects. */
  readonly appendTimeoutMs?: number
  /** Without a heartbeat for so long an instance counts as gone. */
  readonly sessionTimeoutMs?: number
  /** How long the others wait until an instance has put its partitions down. */
  readonly releaseMsMax?: number
  /** Which member of the group this was before: see `member-file.ts`. */
  readonly former?: FormerMember
  /** Trouble that nobody's call tells of: the group's coordinator away, a failing listener. */
  readonly onTrouble: (message: string, error: unknown) => void
}

export interface KafkaLog extends Log {
  /** Sharing of the partitions among instances. It takes part from `join` on: processors do, ingest does not. */
  readonly ownership: PartitionOwnership
  /** Deletes the records before `offset`, for every reader. Rejects with LogUnavailableError; deleting what is deleted changes nothing. */
  deleteBefore(partition: number, offset: number): Promise<void>
}

const YEAR_MS = 365 * 24 * 3_600_000
const APPEND_MS_MAX = 5_000
const SESSION_MS_MAX = 15_000
const RELEASE_MS_MAX = 60_000
const HEARTBEATS_PER_SESSION = 5

/**
 * Opens the log; the topic is made when it isn't there.
 * @throws LogUnavailableError when no broker answers, RangeError when the topic has another number of partitions,
 *   Error when it is compacted.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<KafkaLog> {
  const { topic, partitions, nowMs } = options
  const sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_MS_MAX
  const client = new KafkaClient(options)
  const recordBytesMax = await ensureTopic(client, {
    topic,
    partitions,
    replicationFactor: options.replicationFactor ?? 1,
    retentionMs: options.retentionMs ?? YEAR_MS,
    ...(options.isCompressed ? { isCompressed: true } : {}),
    ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
  })
  const reader = new KafkaReader({ session: client.session(topic), topic, partitions, nowMs })
  const appender = new KafkaAppender({
    openProducer: () => client.producer(),
    topic,
    partitions,
    recordBytesMax,
    timeoutMs: options.appendTimeoutMs ?? APPEND_MS_MAX,
    isCompressed: options.isCompressed ?? false,
    onAppended: (partition, end) => reader.appended(partition, end),
  })
  const ownership = new KafkaMembership({
    session: client.session(topic),
    topic,
    partitions,
    groupId: options.groupId,
    nowMs,
    sessionTimeoutMs,
    heartbeatMs: sessionTimeoutMs / HEARTBEATS_PER_SESSION,
    releaseMsMax: options.releaseMsMax ?? RELEASE_MS_MAX,
    former: options.former,
    onTrouble: options.onTrouble,
  })
  let closed: Promise<void> | undefined
  return {
    partitions,
    ownership,
    append: (messages) => appender.append(messages),
    read: (partition, offset, limit) => reader.read(partition, offset, limit),
    endOffset: (partition) => reader.endOffset(partition),
    startOffset: (partition) => reader.startOffset(partition),
    onAppend: (listener) => reader.onAppend(listener),
    async deleteBefore(partition, offset) {
      if (offset <= (await reader.startOffset(partition))) return // the client takes it for an error
      await client.administer(async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] }) // the client asks for no metadata by itself here
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
      })
    },
    close() {
      closed ??= (async () => {
        await ownership.close()
        await appender.close()
        await reader.close()
      })()
      return closed
    },
  }
}
