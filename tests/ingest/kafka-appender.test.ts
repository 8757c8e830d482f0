import { describe, expect, it } from 'vitest'
import { KafkaAppender } from '../../ingest/log/kafka-appender.ts'
import type { KafkaProducer } from '../../ingest/log/kafka-client.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const of = (text: string, partition = 0) => ({ partition, value: bytes(text) })

type Answer = 'taken' | 'refused' | 'silence' | 'offset unknown'

/** Producers that stand for a cluster of one partition sequence each, and answer as they are told. */
function cluster(answers: Answer[]) {
  const opened: { sends: { partition: number; value: string }[][]; disconnects: number }[] = []
  const ends = [0, 0, 0]
  const openProducer = async (): Promise<KafkaProducer> => {
    const producer = { sends: [] as { partition: number; value: string }[][], disconnects: 0 }
    opened.push(producer)
    return {
      async send({ topic, messages }) {
        const records = messages.map(({ partition = 0, value }) => ({ partition, value: String(value) }))
        producer.sends.push(records)
        const answer = answers.shift() ?? 'taken'
        if (answer === 'refused') throw new Error('connection lost')
        if (answer === 'silence') return new Promise(() => {})
        return [...new Set(records.map(({ partition }) => partition))].map((partition) => {
          const baseOffset = String(answer === 'offset unknown' ? -1 : ends[partition])
          ends[partition] = (ends[partition] ?? 0) + records.filter((record) => record.partition === partition).length
          return { topicName: topic, partition, errorCode: 0, baseOffset }
        })
      },
      disconnect: async () => {
        producer.disconnects += 1
      },
    }
  }
  const appended: [number, number][] = []
  const appender = new KafkaAppender({
    openProducer,
    topic: 'events',
    partitions: 3,
    recordBytesMax: 8_000_000,
    timeoutMs: 50,
    onAppended: (partition, end) => appended.push([partition, end]),
  })
  return { appender, opened, appended }
}

describe('appending to Kafka', () => {
  it.each(['refused', 'silence', 'offset unknown'] as const)(
    'never uses a producer again that failed once (%s): its sequence numbers would be given to other records',
    async (answer) => {
      const { appender, opened } = cluster(['taken', answer, 'taken'])
      await appender.append([of('a')])
      await expect(appender.append([of('b')])).rejects.toMatchObject({ name: 'LogUnavailableError' })
      await appender.append([of('c')])
      expect(opened.map(({ sends }) => sends.flat().map(({ value }) => value))).toEqual([['a', 'b'], ['c']])
      expect(opened[0]?.disconnects).toBeGreaterThan(0)
      await appender.close()
      expect(opened[1]?.disconnects).toBe(1)
    },
  )

  it('sends what waits together, and tells all who waited when the brokers are away, without trying each', async () => {
    const { appender, opened } = cluster(['taken', 'silence'])
    expect(await Promise.all([appender.append([of('a'), of('b', 1)]), appender.append([of('c')])])).toEqual([[0, 0], [1]])
    expect(opened[0]?.sends.length).toBe(1)
    const first = appender.append([of('d')])
    await Promise.resolve()
    await Promise.resolve()
    const results = await Promise.allSettled([first, appender.append([of('e')]), appender.append([of('f', 2)])])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })

  it('cuts what is too large for one batch, and keeps the order of each partition', async () => {
    const { appender, opened, appended } = cluster([])
    const big = 'x'.repeat(3_000_000)
    expect(await appender.append([of(`1${big}`), of(`2${big}`), of('3', 1), of('4'), of(`5${big}`, 1)])).toEqual([0, 1, 0, 2, 1])
    const sent = opened[0]?.sends.map((records) => records.map(({ partition, value }) => [partition, value[0]]))
    expect(sent).toEqual([
      [
        [0, '1'],
        [1, '3'],
        [1, '5'],
      ],
      [
        [0, '2'],
        [0, '4'],
      ],
    ])
    expect(appended).toEqual([
      [0, 3],
      [1, 2],
    ])
  })

  it.each([
    ['a partition that is not there', [of('a', 3)]],
    ['a part of a partition', [of('a', 0.5)]],
    ['a record above the limit of the topic', [{ partition: 0, value: new Uint8Array(8_000_001) }]],
  ])('refuses %s and sends nothing', async (_, messages) => {
    const { appender, opened } = cluster([])
    await expect(appender.append([of('ok'), ...messages])).rejects.toThrow(RangeError)
    expect(opened).toEqual([])
  })
})
