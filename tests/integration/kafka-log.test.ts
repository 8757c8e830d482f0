/** The log on real brokers: the contract of every log, brokers that die, another client, and sharing of partitions. */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type KafkaLog, type KafkaLogOptions, openKafkaLog } from '../../ingest/log/kafka.ts'
import { memberFile } from '../../ingest/log/member-file.ts'
import { partitionOf } from '../../schemas/partitioner.ts'
import { describeLogContract } from '../contract/log-contract.ts'
import { KAFKA_LOGIN, type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import { KAFKA_VERSIONS } from '../support/brokers/kafka-jars.ts'

const run = promisify(execFile)
const bytes = (text: string) => new TextEncoder().encode(text)

describe.each(KAFKA_VERSIONS)('Kafka %s', (version) => {
  let kafka: RunningKafka
  beforeAll(async () => {
    kafka = await startKafka({ version })
  })
  afterAll(() => kafka.stop())
  // After a test that failed while the broker was dead.
  beforeEach(() => kafka.restart())

  const options = (topic: string): KafkaLogOptions => ({
    brokers: kafka.brokers,
    clientId: 'kappa-test',
    topic,
    partitions: 3,
    groupId: `${topic}-processors`,
    nowMs: () => Date.now(),
    sessionTimeoutMs: 3_000,
    onTrouble: () => {},
  })

  async function open(topic = `t-${randomUUID()}`, changes: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> {
    const log = await openKafkaLog({ ...options(topic), ...changes })
    onTestFinished(() => log.close())
    return log
  }

  async function readAll(log: KafkaLog, partition: number): Promise<string[]> {
    const texts: string[] = []
    for (let at = await log.startOffset(partition), end = await log.endOffset(partition); at < end; ) {
      const piece = await log.read(partition, at, 1_000)
      for (const { value } of piece) texts.push(new TextDecoder().decode(value))
      at = (piece.at(-1)?.offset ?? end) + 1
    }
    return texts
  }

  describeLogContract({
    name: `kafka ${version}`,
    durable: true,
    async create() {
      const topic = `t-${randomUUID()}`
      return { open: (partitions) => openKafkaLog({ ...options(topic), partitions }), dispose: async () => {} }
    },
  })

  it('loses nothing that was acknowledged when the broker is killed in the middle of appends', async () => {
    const log = await open(undefined, { appendTimeoutMs: 1_500 })
    const acknowledged: string[] = []
    let refused = 0
    let isDone = false
    const senders = Array.from({ length: 8 }, async (_, sender) => {
      for (let n = 0; !isDone; n += 1) {
        const batch = Array.from({ length: 5 }, (_, i) => ({ partition: (sender + i) % 3, value: bytes(`${sender}-${n}-${i}`) }))
        try {
          await log.append(batch)
          for (const { value } of batch) acknowledged.push(new TextDecoder().decode(value))
        } catch (error) {
          expect(error).toMatchObject({ name: 'LogUnavailableError' })
          refused += 1
          await sleep(20)
        }
      }
    })
    await sleep(1_000)
    const beforeKill = acknowledged.length
    await kafka.kill()
    const refusedFrom = performance.now()
    await expect(log.append([{ partition: 0, value: bytes('away') }])).rejects.toMatchObject({ name: 'LogUnavailableError' })
    expect(performance.now() - refusedFrom).toBeLessThan(4_000)
    await kafka.restart()
    const afterRestart = acknowledged.length
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(afterRestart + 100), 30_000)
    isDone = true
    await Promise.all(senders)
    expect(beforeKill).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(0)

    const kept = new Set((await Promise.all([0, 1, 2].map((partition) => readAll(log, partition)))).flat())
    expect(acknowledged.filter((text) => !kept.has(text))).toEqual([])
  })

  it('takes appends again after one that was left in doubt', async () => {
    const log = await open(undefined, { appendTimeoutMs: 1_000 })
    await log.append([{ partition: 0, value: bytes('first') }])
    kafka.pause()
    onTestFinished(() => kafka.resume())
    await expect(log.append([{ partition: 0, value: bytes('in doubt') }])).rejects.toMatchObject({ name: 'LogUnavailableError' })
    kafka.resume()
    await vi.waitFor(async () => {
      const [offset = -1] = await log.append([{ partition: 0, value: bytes('acknowledged') }])
      const [stored] = await log.read(0, offset, 1)
      expect(Buffer.from(stored?.value ?? []).toString()).toBe('acknowledged')
    }, 20_000)
    const kept = await readAll(log, 0)
    expect(kept[0]).toBe('first')
    expect(kept).toContain('acknowledged')
  })

  it('goes on reading where it was when the broker comes back', async () => {
    const log = await open()
    await log.append([{ partition: 1, value: bytes('before') }])
    expect((await log.read(1, 0, 10)).length).toBe(1)
    await kafka.kill()
    await sleep(200) // what was just heard is still told
    await expect(log.endOffset(1)).rejects.toMatchObject({ name: 'LogUnavailableError' })
    await kafka.restart()
    await vi.waitFor(async () => expect(await log.append([{ partition: 1, value: bytes('after') }])).toEqual([1]), 20_000)
    await vi.waitFor(
      async () => expect((await log.read(1, 1, 10)).map(({ value }) => Buffer.from(value).toString())).toEqual(['after']),
      5_000,
    )
  })

  it('is read by kcat, and reads what kcat writes, whatever its codec', async () => {
    const topic = `t-${randomUUID()}`
    const log = await open(topic)
    const broker = kafka.brokers[0] ?? ''
    await log.append([
      { partition: 2, value: bytes('{"n":1}') },
      { partition: 2, value: bytes('{"n":2}') },
    ])
    const { stdout } = await run('kcat', ['-C', '-q', '-e', '-b', broker, '-t', topic, '-p', '2', '-f', '%o %s\n'])
    expect(stdout).toBe('0 {"n":1}\n1 {"n":2}\n')

    let told = 0
    expect(await log.read(2, 2, 10)).toEqual([])
    onTestFinished(log.onAppend(() => (told += 1)))
    for (const [i, codec] of ['none', 'gzip', 'snappy', 'lz4', 'zstd'].entries()) {
      await kcatWrites(['-b', broker, '-t', topic, '-p', '2', '-z', codec], `{"codec":"${codec}"}\n`)
      await vi.waitFor(() => expect(told).toBeGreaterThan(i), 5_000)
      const read = await log.read(2, 2 + i, 10)
      expect(read.map(({ offset, value }) => [offset, Buffer.from(value).toString()])).toEqual([[2 + i, `{"codec":"${codec}"}`]])
    }
    expect(await log.endOffset(2)).toBe(7)
  })

  it('finds records where the key of docs/topic-format.md puts them through kcat', async () => {
    const topic = `t-${randomUUID()}`
    const log = await open(topic, { partitions: 12 })
    const actors = Array.from({ length: 60 }, (_, i) => `actor-é-${i}`)
    const lines = actors.map((actor) => `default\0${actor}\t${actor}\n`).join('')
    await kcatWrites(['-b', kafka.brokers[0] ?? '', '-t', topic, '-K', '\t', '-X', 'topic.partitioner=murmur2'], lines)
    const found = await Promise.all(
      Array.from({ length: 12 }, async (_, partition) => (await readAll(log, partition)).map((actor) => [actor, partition])),
    )
    expect(Object.fromEntries(found.flat())).toEqual(Object.fromEntries(actors.map((actor) => [actor, partitionOf('default', actor, 12)])))
  })

  it('shows nothing of a transaction that was taken back, and goes round its marks', async () => {
    const topic = `t-${randomUUID()}`
    const log = await open(topic)
    const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      transactionalId: topic,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    for (const [text, isKept] of [
      ['one', true],
      ['two', false],
      ['three', true],
      ['four', false],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ partition: 0, value: text }] })
      await (isKept ? transaction.commit() : transaction.abort())
    }
    await vi.waitFor(async () => expect(await log.endOffset(0)).toBe(8), 5_000)
    const offsets: number[] = []
    for (let at = 0, rounds = 0; offsets.length < 2 && rounds < 100; rounds += 1) {
      for (const { offset, value } of await log.read(0, at, 1)) {
        expect(Buffer.from(value).toString()).toBe(offset === 0 ? 'one' : 'three')
        offsets.push(offset)
        at = offset + 1
      }
    }
    expect(offsets).toEqual([0, 4])
    expect(await log.read(0, 5, 10)).toEqual([])
    expect(await log.append([{ partition: 0, value: bytes('five') }])).toEqual([8])
    expect((await log.read(0, 5, 10)).map(({ offset }) => offset)).toEqual([8])
  })

  it('begins with the oldest record kept when those before it were deleted', async () => {
    const topic = `t-${randomUUID()}`
    const log = await open(topic)
    await log.append(Array.from({ length: 10 }, (_, i) => ({ partition: 0, value: bytes(String(i)) })))
    expect((await log.read(0, 0, 2)).map(({ offset }) => offset)).toEqual([0, 1])
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await admin.fetchTopicMetadata({ topics: [topic] }) // kafkajs asks for no metadata by itself here
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] })
    const other = await open(topic)
    expect(await other.startOffset(0)).toBe(7)
    expect((await other.read(0, 0, 2)).map(({ offset }) => offset)).toEqual([7, 8])
  })

  it('logs in with SASL for appending, reading and sharing alike, and is refused with a wrong password', async () => {
    const log = await open(undefined, { brokers: kafka.saslBrokers, sasl: KAFKA_LOGIN })
    expect(await log.append([{ partition: 0, value: bytes('in') }])).toEqual([0])
    expect((await log.read(0, 0, 10)).map(({ value }) => Buffer.from(value).toString())).toEqual(['in'])
    expect(await log.ownership.join()).toEqual([0, 1, 2])
    const wrong = { ...options('any'), brokers: kafka.saslBrokers, sasl: { ...KAFKA_LOGIN, password: 'wrong' } }
    await expect(openKafkaLog(wrong)).rejects.toThrow(/[Aa]uthentication/)
  })

  it('refuses a compacted topic', async () => {
    const topic = `t-${randomUUID()}`
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await admin.createTopics({
      topics: [{ topic, numPartitions: 3, replicationFactor: 1, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    await expect(openKafkaLog(options(topic))).rejects.toThrow(/cleanup\.policy=compact/)
  })

  it('shares partitions stickily, waits for what is to move, and hands over on close', async () => {
    const topic = `t-${randomUUID()}`
    const first = await open(topic, { partitions: 6 })
    const said: string[] = []
    let putDown: (() => void) | undefined
    first.ownership.onChange({
      release: (partitions) => {
        said.push(`release ${partitions.join('')}`)
        return new Promise((resolve) => {
          putDown = resolve
        })
      },
      assigned: (partitions) => said.push(`assigned ${partitions.join('')}`),
      lost: (partitions) => said.push(`lost ${partitions.join('')}`),
    })
    expect(await first.ownership.join()).toEqual([0, 1, 2, 3, 4, 5])
    const firstGeneration = first.ownership.generation
    expect(await first.ownership.isCurrent(firstGeneration)).toBe(true)

    const second = await open(topic, { partitions: 6 })
    expect(await second.ownership.join()).toEqual([])
    await vi.waitFor(() => expect(said).toEqual(['assigned 012345', 'assigned 012', 'release 345']), 5_000)
    expect(first.ownership.owned()).toEqual([0, 1, 2])
    await sleep(4_000) // longer than a session: heartbeats go on during a release
    expect(second.ownership.owned()).toEqual([])
    putDown?.()
    await vi.waitFor(() => expect(second.ownership.owned()).toEqual([3, 4, 5]), 5_000)
    expect(first.ownership.owned()).toEqual([0, 1, 2])
    await vi.waitFor(() => expect(said.at(-1)).toBe('assigned 012'), 5_000)
    expect(await first.ownership.isCurrent(firstGeneration)).toBe(false)
    expect(await second.ownership.isCurrent(second.ownership.generation)).toBe(true)

    expect(await second.ownership.note(new Map([[4, 7]]))).toBe(true)
    expect(await second.ownership.note(new Map())).toBe(false)

    const closing = first.close()
    await vi.waitFor(() => expect(said.at(-1)).toBe('release 012'), 5_000)
    putDown?.()
    await closing
    await vi.waitFor(() => expect(second.ownership.owned()).toEqual([0, 1, 2, 3, 4, 5]), 10_000)
    expect(said).toEqual(['assigned 012345', 'assigned 012', 'release 345', 'assigned 012', 'release 012'])
  })

  it('goes on as the member that it was when it was killed and is back', async () => {
    const topic = `t-${randomUUID()}`
    const folder = await mkdtemp(join(tmpdir(), 'kappa-member-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const former = memberFile(join(folder, 'member.json'))
    const settings = { partitions: 6, former }
    const killed = await open(topic, { ...settings, sessionTimeoutMs: 300_000 }) // no heartbeat for a minute: as good as dead
    expect(await killed.ownership.join()).toEqual([0, 1, 2, 3, 4, 5])
    const back = await open(topic, settings)
    const startedAt = performance.now()
    expect(await back.ownership.join()).toEqual([0, 1, 2, 3, 4, 5])
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await back.close()
    // It has left: who comes next is somebody new.
    const next = await open(topic, settings)
    await next.ownership.join()
    await vi.waitFor(() => expect(next.ownership.owned()).toHaveLength(6), 10_000)
  })

  it('deletes the oldest records for every reader, as often as it is asked', async () => {
    const topic = `t-${randomUUID()}`
    const log = await open(topic, { isCompressed: true, segmentBytes: 1024 * 1024 })
    await log.append(Array.from({ length: 10 }, (_, i) => ({ partition: 1, value: bytes(String(i)) })))
    await log.deleteBefore(1, 4)
    await log.deleteBefore(1, 4)
    await log.deleteBefore(1, 3)
    await vi.waitFor(async () => expect(await log.startOffset(1)).toBe(4))
    const other = await open(topic)
    expect((await other.read(1, 0, 2)).map(({ offset }) => offset)).toEqual([4, 5])
    expect([await other.endOffset(1), await other.startOffset(0)]).toEqual([10, 0])
  })

  it('gives its partitions up by itself when the group can not be reached, and takes part again', async () => {
    const log = await open()
    const said: string[] = []
    log.ownership.onChange({
      release: async () => {},
      assigned: (partitions) => said.push(`assigned ${partitions.join('')}`),
      lost: (partitions) => said.push(`lost ${partitions.join('')}`),
    })
    expect(await log.ownership.join()).toEqual([0, 1, 2])
    await kafka.kill()
    await vi.waitFor(() => expect(said).toEqual(['assigned 012', 'lost 012']), 15_000)
    expect(log.ownership.owned()).toEqual([])
    await kafka.restart()
    await vi.waitFor(() => expect(log.ownership.owned()).toEqual([0, 1, 2]), 30_000)
  })

  it('sets no timers while nothing happens (kafkajs 1751)', async () => {
    const log = await open()
    await log.append([{ partition: 0, value: bytes('once') }])
    const timers = vi.spyOn(globalThis, 'setTimeout')
    onTestFinished(() => timers.mockRestore())
    await sleep(1_000)
    expect(timers.mock.calls.length).toBeLessThan(20)
  })
})

async function kcatWrites(args: readonly string[], text: string): Promise<void> {
  const child = spawn('kcat', ['-P', ...args], { stdio: ['pipe', 'inherit', 'inherit'] })
  child.stdin.end(text)
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  expect(code).toBe(0)
}
