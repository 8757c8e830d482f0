/**
 * The topic of the log: made when it isn't there, and refused when it is another than the one wanted.
 *
 * `cleanup.policy=delete`: every record is history, none replaces another. `retention.ms` keeps them for a year unless
 * told otherwise: raw events stand in the warehouse, the log is what they can be counted from again. `compression.type=
 * gzip` makes the broker write anew what other clients sent in a codec that kafkajs can't read, and costs nothing for
 * batches that are gzip already. `max.message.bytes` holds the largest record of the embedded log.
 */
import type { KafkaClient } from './kafka-client.ts'
import { RECORD_BYTES_MAX } from './batch-frame.ts'

export interface TopicWanted {
  readonly topic: string
  readonly partitions: number
  readonly replicationFactor: number
  /** -1: for ever, whatever the size. */
  readonly retentionMs: number
  /** Values are compressed already: the broker takes them as they are. */
  readonly isCompressed?: boolean
  /** What is deleted leaves the disk in pieces of this size; the broker's default is 1 GiB. */
  readonly segmentBytes?: number
}

/** Room for the frame of a record batch around its records. */
const BATCH_OVERHEAD_BYTES = 64 * 1024
const CONFIG_OF_TOPICS = 2

/**
 * Makes the topic unless it is there; resolves with the bytes that one batch of records may have.
 * @throws RangeError naming both numbers when it has another number of partitions, Error when it is compacted,
 *   LogUnavailableError when the brokers can't be asked.
 */
export async function ensureTopic(client: KafkaClient, wanted: TopicWanted): Promise<number> {
  const { topic, partitions } = wanted
  const { found, config } = await client.administer(async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) {
      // Resolves false when another instance was faster.
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions: partitions,
            replicationFactor: wanted.replicationFactor,
            configEntries: [
              { name: 'cleanup.policy', value: 'delete' },
              { name: 'retention.ms', value: String(wanted.retentionMs) },
              { name: 'compression.type', value: wanted.isCompressed ? 'producer' : 'gzip' },
              ...(wanted.segmentBytes === undefined ? [] : [{ name: 'segment.bytes', value: String(wanted.segmentBytes) }]),
              // A limit of the brokers by size would take records that are to stay for ever.
              ...(wanted.retentionMs < 0 ? [{ name: 'retention.bytes', value: '-1' }] : []),
              { name: 'max.message.bytes', value: String(RECORD_BYTES_MAX + BATCH_OVERHEAD_BYTES) },
              ...(wanted.replicationFactor > 2 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
            ],
          },
        ],
      })
    }
    const found = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length ?? 0
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: CONFIG_OF_TOPICS, name: topic, configNames: ['cleanup.policy', 'max.message.bytes'] }],
    })
    const config = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]))
    return { found, config }
  })
  if (found !== partitions) {
    throw new RangeError(`topic ${topic} has ${found} partitions and can't be opened with ${partitions}: keys would move`)
  }
  if (config.get('cleanup.policy') !== 'delete') {
    throw new Error(`topic ${topic} has cleanup.policy=${config.get('cleanup.policy')}: the log needs delete, or records are lost`)
  }
  const bytes = Number(config.get('max.message.bytes'))
  return Math.max(1, Math.min(RECORD_BYTES_MAX, bytes - BATCH_OVERHEAD_BYTES))
}
