/**
 * Appending to a topic by group commit: what arrives while a batch is under way goes with the next one, so that at most
 * one request a broker is in flight and records keep their order.
 *
 * A batch that fails may have been written all the same. kafkajs then takes the sequence numbers back, and a broker
 * that had the batch would take the next, other one for the same, answer yes, and drop it. So a producer that failed
 * once is never used again: the next batch goes out under a new producer id.
 */
import { LogUnavailableError, type LogMessage } from '../../schemas/ports/log.ts'
import { asLogError, GZIP, type KafkaProducer, NO_COMPRESSION } from './kafka-client.ts'

/** Of one partition in one request; kafkajs spreads the records of a batch over a call, which bounds their number. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
const BATCH_RECORDS_MAX = 10_000
/** Of all that goes out together; brokers take 100 MB a request. */
const GROUP_BYTES_MAX = 16 * 1024 * 1024
/** kafkajs copies what it has of a partition for each further record: large groups cost more a record than small ones. */
const GROUP_RECORDS_MAX = 4_000

export interface KafkaAppenderOptions {
  readonly openProducer: () => Promise<KafkaProducer>
  readonly topic: string
  readonly partitions: number
  /** Bytes that a record may have at most, from the topic's `max.message.bytes`. */
  readonly recordBytesMax: number
  /** After this time an append that is not acknowledged rejects. */
  readonly timeoutMs: number
  /** Values are compressed already. */
  readonly isCompressed?: boolean
  readonly onAppended: (partition: number, endOffset: number) => void
}

interface Waiting {
  readonly messages: readonly LogMessage[]
  readonly bytes: number
  readonly resolve: (offsets: number[]) => void
  readonly reject: (error: Error) => void
}

interface Sent {
  readonly partition: number
  readonly value: Uint8Array
  offset: number
}

/** The writing side of `kafka.ts`. */
export class KafkaAppender {
  readonly #options: KafkaAppenderOptions
  #producer: Promise<KafkaProducer> | undefined
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: KafkaAppenderOptions) {
    this.#options = options
  }

  /**
   * Resolves with an offset a message once all replicas in sync have them.
   * @throws LogUnavailableError within `timeoutMs`, RangeError for a partition that is not there or a record too large.
   */
  async append(messages: readonly LogMessage[]): Promise<number[]> {
    if (this.#closed) throw new LogUnavailableError('the log is closed')
    const { partitions, recordBytesMax } = this.#options
    let bytes = 0
    for (const { partition, value } of messages) {
      if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
        throw new RangeError(`there is no partition ${partition}`)
      }
      if (value.byteLength > recordBytesMax) throw new RangeError(`a record of ${value.byteLength} bytes is above ${recordBytesMax}`)
      bytes += value.byteLength
    }
    if (messages.length === 0) return []
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, bytes, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Refuses further appends and resolves when those that wait are settled. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#producer?.then((producer) => producer.disconnect()).catch(() => {})
    this.#producer = undefined
  }

  async #drain(): Promise<void> {
    // Callers of the same turn come together before the first batch leaves.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        const offsets = await this.#send(group)
        for (const [i, { resolve }] of group.entries()) resolve(offsets[i] ?? [])
      } catch (cause) {
        const error = asLogError('the brokers did not take the records', cause)
        // Those who came meanwhile have waited as long: they hear it now instead of after one more timeout.
        for (const { reject } of [...group, ...this.#waiting.splice(0)]) reject(error)
      }
    }
    this.#running = undefined
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let records = 0
    const more = this.#waiting.findIndex((waiting, i) => {
      bytes += waiting.bytes
      records += waiting.messages.length
      return i > 0 && (bytes > GROUP_BYTES_MAX || records > GROUP_RECORDS_MAX)
    })
    return this.#waiting.splice(0, more === -1 ? this.#waiting.length : more)
  }

  async #send(group: readonly Waiting[]): Promise<number[][]> {
    const sent = group.map(({ messages }) => messages.map(({ partition, value }): Sent => ({ partition, value, offset: -1 })))
    const ends = new Map<number, number>()
    for (const wave of wavesOf(sent.flat())) {
      for (const [partition, baseOffset] of await this.#sendWave(wave)) {
        const records = wave.get(partition) ?? []
        for (const [i, record] of records.entries()) record.offset = baseOffset + i
        ends.set(partition, baseOffset + records.length)
      }
    }
    for (const [partition, end] of ends) this.#options.onAppended(partition, end)
    return sent.map((records) => records.map(({ offset }) => offset))
  }

  /** Sends at most one batch a partition; returns the offset of the first record of each. */
  async #sendWave(wave: ReadonlyMap<number, readonly Sent[]>): Promise<Map<number, number>> {
    const { topic, timeoutMs, isCompressed = false } = this.#options
    const compression = isCompressed ? NO_COMPRESSION : GZIP
    const messages = [...wave].flatMap(([partition, records]) =>
      records.map(({ value }) => ({ partition, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) })),
    )
    this.#producer ??= this.#options.openProducer()
    const used = this.#producer
    const answered = used.then((producer) => producer.send({ topic, acks: -1, timeout: timeoutMs, compression, messages }))
    try {
      const answers = await within(timeoutMs, answered)
      const first = new Map(answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset ?? -1)]))
      for (const partition of wave.keys()) {
        // A broker that knows a batch, but no longer where it stands, answers -1: it is there, its place is not known.
        if ((first.get(partition) ?? -1) < 0) throw new LogUnavailableError(`the offset in partition ${partition} is not known`)
      }
      return first
    } catch (error) {
      this.#producer = undefined
      discard(used, answered)
      throw error
    }
  }
}

/** A producer in doubt: closed now, and once more when its last request gave up, since that may have opened it again. */
function discard(used: Promise<KafkaProducer>, answered: Promise<unknown>): void {
  const end = () => used.then((producer) => producer.disconnect()).catch(() => {})
  void end()
  answered.then(end, end)
}

/** Rejects when `work` takes longer than `timeoutMs`. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LogUnavailableError(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Records by partition, in order, in as many rounds as the bounds of a batch ask for: nearly always one. */
function* wavesOf(records: readonly Sent[]): Generator<Map<number, Sent[]>> {
  let rest = records
  while (rest.length > 0) {
    const wave = new Map<number, Sent[]>()
    const bytes = new Map<number, number>()
    const later: Sent[] = []
    const full = new Set<number>()
    for (const record of rest) {
      const batch = wave.get(record.partition) ?? []
      const size = (bytes.get(record.partition) ?? 0) + record.value.byteLength
      if (batch.length > 0 && (size > BATCH_BYTES_MAX || batch.length >= BATCH_RECORDS_MAX)) full.add(record.partition)
      if (full.has(record.partition)) {
        later.push(record)
        continue
      }
      batch.push(record)
      wave.set(record.partition, batch)
      bytes.set(record.partition, size)
    }
    yield wave
    rest = later
  }
}
