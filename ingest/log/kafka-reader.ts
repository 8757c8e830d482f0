/**
 * Reading a topic by pull, without a group: `read` takes from a buffer that one loop keeps filled ahead of it. The loop
 * asks only for partitions that were read lately, with one request a broker that waits at most 50 ms at the end of the
 * log, and tells listeners when records of other processes came in.
 */
import { LogUnavailableError, type StoredMessage } from '../../schemas/ports/log.ts'
import type { FetchedPartition, KafkaBroker, KafkaCluster, KafkaSession } from './kafka-client.ts'
import { asLogError, protocolErrorOf } from './kafka-client.ts'
import { recordsOf } from './kafka-records.ts'

/** How long a broker may hold a fetch back while there is nothing: kafkajs' default of 5 s would be the latency of an event. */
const WAIT_MS = 50
const FETCH_BYTES = 512 * 1024
/** Decoded bytes ahead of the reader at which a partition is asked for no more. */
const AHEAD_BYTES_MAX = 4 * 1024 * 1024
/** A partition that nobody read for so long is asked for no more, and what was fetched of it is dropped. */
const IDLE_MS_MAX = 30_000
const BACKOFF_MS = { first: 100, max: 1_000 }
/** An end that was asked for is as good for this long. */
const OFFSETS_MS = 100

interface Position {
  /** Everything from here to `next` is in the buffer, but for offsets that hold no record. */
  from: number
  /** Offset that the next fetch asks for. */
  next: number
  buffer: StoredMessage[]
  bytes: number
  /** Grows with each jump of the reader: what was asked for before is dropped. */
  epoch: number
  readAtMs: number
  /** Offset of the newest record + 1, as far as it was heard of at `next`; undefined before the first answer. */
  end: number | undefined
  waiters: { resolve: () => void; reject: (error: Error) => void }[]
}

interface Asked {
  readonly epoch: number
  readonly next: number
  readonly appended: number | undefined
}

export interface KafkaReaderOptions {
  readonly session: KafkaSession
  readonly topic: string
  readonly partitions: number
  readonly nowMs: () => number
}

/** The reading side of `kafka.ts`. */
export class KafkaReader {
  readonly #options: KafkaReaderOptions
  readonly #positions = new Map<number, Position>()
  /** Ends of what this process appended itself: readable, whatever was asked before. */
  readonly #appendedEnds = new Map<number, number>()
  readonly #listeners = new Set<() => void>()
  #asked: { atMs: number; fromBeginning: boolean; offsets: Promise<Map<number, number>> }[] = []
  #loop: Promise<void> | undefined
  #wake: (() => void) | undefined
  #closed = false

  constructor(options: KafkaReaderOptions) {
    this.#options = options
  }

  /** As in the port. @throws LogUnavailableError, LogCorruptError for a record that can't be decoded. */
  async read(partition: number, offset: number, limit: number): Promise<StoredMessage[]> {
    this.#check(partition)
    if (limit <= 0) return []
    const position = this.#positions.get(partition)
    const at = position !== undefined && covers(position, offset) ? position : await this.#seek(partition, offset)
    if (at === undefined) return []
    at.readAtMs = this.#options.nowMs()
    // At the end as it is known: nothing to wait for, the loop goes on listening.
    if (at.buffer.length === 0 && (at.end === undefined || at.end > at.next)) await this.#filled(at)
    else this.#keepFetching()
    return take(at, offset, limit)
  }

  async endOffset(partition: number): Promise<number> {
    this.#check(partition)
    const end = (await this.#offsets(false)).get(partition) ?? 0
    return Math.max(end, this.#appendedEnds.get(partition) ?? 0)
  }

  async startOffset(partition: number): Promise<number> {
    this.#check(partition)
    return (await this.#offsets(true)).get(partition) ?? 0
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** This process appended up to `end`: readers are told, and the next read looks again. */
  appended(partition: number, end: number): void {
    this.#appendedEnds.set(partition, Math.max(end, this.#appendedEnds.get(partition) ?? 0))
    const position = this.#positions.get(partition)
    if (position?.end !== undefined && position.end < end) position.end = end
    this.#tell()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    await this.#options.session.close()
    await this.#loop
  }

  #check(partition: number): void {
    if (this.#closed) throw new LogUnavailableError('the log is closed')
    if (!(partition >= 0 && partition < this.#options.partitions)) throw new RangeError(`there is no partition ${partition}`)
  }

  #tell(): void {
    // Each in a turn of its own: a listener that throws must not hold up the log.
    for (const listener of this.#listeners) queueMicrotask(listener)
  }

  /** Puts the partition's position at `offset`, or at the oldest record kept; undefined behind the end. */
  async #seek(partition: number, offset: number): Promise<Position | undefined> {
    const start = (await this.#offsets(true)).get(partition) ?? 0
    const end = await this.endOffset(partition)
    const next = Math.max(offset, start)
    if (next > end) return undefined
    const before = this.#positions.get(partition)
    for (const { resolve } of before?.waiters.splice(0) ?? []) resolve()
    const position: Position = {
      from: next,
      next,
      buffer: [],
      bytes: 0,
      epoch: (before?.epoch ?? 0) + 1,
      readAtMs: this.#options.nowMs(),
      end,
      waiters: [],
    }
    this.#positions.set(partition, position)
    return position
  }

  /** First or next offset of every partition; one request for all that ask within a moment. */
  #offsets(fromBeginning: boolean): Promise<Map<number, number>> {
    const nowMs = this.#options.nowMs()
    this.#asked = this.#asked.filter(({ atMs }) => nowMs - atMs < OFFSETS_MS && nowMs >= atMs)
    const recent = this.#asked.find((one) => one.fromBeginning === fromBeginning)
    if (recent) return recent.offsets
    const { session, topic, partitions } = this.#options
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ partition }))
    const offsets = session
      .use(async (cluster) => {
        const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: wanted, fromBeginning }])
        return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
      })
      .catch((cause: unknown) => {
        this.#asked = this.#asked.filter((one) => one.offsets !== offsets)
        throw asLogError('the brokers did not tell offsets', cause)
      })
    this.#asked.push({ atMs: nowMs, fromBeginning, offsets })
    return offsets
  }

  /** Resolves when an answer for the position came in. */
  #filled(position: Position): Promise<void> {
    const filled = new Promise<void>((resolve, reject) => position.waiters.push({ resolve, reject }))
    this.#keepFetching()
    return filled
  }

  #keepFetching(): void {
    this.#wake?.()
    this.#loop ??= this.#fetchOn().finally(() => {
      this.#loop = undefined
      // Somebody came between the last look and the end.
      if (!this.#closed && [...this.#positions.values()].some(({ waiters }) => waiters.length > 0)) this.#keepFetching()
    })
  }

  async #fetchOn(): Promise<void> {
    let backoffMs = BACKOFF_MS.first
    while (!this.#closed) {
      for (const [partition, position] of this.#positions) {
        const isIdle = this.#options.nowMs() - position.readAtMs > IDLE_MS_MAX && position.waiters.length === 0
        if (isIdle) this.#positions.delete(partition)
      }
      if (this.#positions.size === 0) break
      const wanted = [...this.#positions].filter(([, position]) => position.bytes < AHEAD_BYTES_MAX)
      if (wanted.length === 0) {
        await this.#pause(1_000)
        continue
      }
      try {
        await this.#fetchRound(new Map(wanted))
        backoffMs = BACKOFF_MS.first
      } catch (cause) {
        this.#failed(cause, new Map(wanted))
        await this.#pause(backoffMs)
        backoffMs = Math.min(BACKOFF_MS.max, backoffMs * 2)
      }
    }
    this.#failed(new LogUnavailableError('the log is closed'), this.#positions)
  }

  #failed(cause: unknown, positions: ReadonlyMap<number, Position>): void {
    const error = asLogError('the brokers gave no records', cause)
    for (const [partition, position] of positions) {
      for (const { reject } of position.waiters.splice(0)) reject(error)
      // Records below were deleted, or the log lost its tail: the next read looks where the log begins and ends now.
      if (protocolErrorOf(cause) === 'OFFSET_OUT_OF_RANGE') this.#positions.delete(partition)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      function done() {
        clearTimeout(timer)
        resolve()
      }
      this.#wake = done
    })
  }

  /** One fetch from each broker that leads a wanted partition. */
  async #fetchRound(wanted: ReadonlyMap<number, Position>): Promise<void> {
    const { session, topic } = this.#options
    const asked = new Map(
      [...wanted].map(([partition, { epoch, next }]) => [partition, { epoch, next, appended: this.#appendedEnds.get(partition) }]),
    )
    const isAwaited = [...wanted.values()].some(({ waiters }) => waiters.length > 0)
    await session.use(async (cluster) => {
      await cluster.refreshMetadataIfNecessary()
      const leaders = Object.entries(cluster.findLeaderForPartitions(topic, [...wanted.keys()]))
      await Promise.all(
        leaders.map(async ([nodeId, partitions]) => {
          const answer = await fetchFrom(cluster, nodeId, topic, partitions, asked, isAwaited ? 0 : WAIT_MS)
          for (const fetched of answer) this.#take(fetched, asked.get(fetched.partition))
        }),
      )
    })
  }

  #take(fetched: FetchedPartition, asked: Asked | undefined): void {
    const position = this.#positions.get(fetched.partition)
    if (position === undefined || asked === undefined || position.epoch !== asked.epoch) return
    const { messages, next } = recordsOf(fetched, position.next)
    const stable = Number(fetched.lastStableOffset ?? fetched.highWatermark)
    const appended = this.#appendedEnds.get(fetched.partition)
    // What was appended after the question was asked can't be in the answer, but is there.
    position.end = appended !== undefined && appended !== asked.appended ? Math.max(stable, appended) : stable
    position.next = next
    for (const message of messages) {
      position.buffer.push(message)
      position.bytes += message.value.byteLength
    }
    // Nothing but markers of transactions, or an append came between: the reader waits for the next answer.
    if (position.buffer.length === 0 && position.next < position.end) return
    for (const { resolve } of position.waiters.splice(0)) resolve()
    if (messages.length > 0) this.#tell()
  }
}

async function fetchFrom(
  cluster: KafkaCluster,
  nodeId: string,
  topic: string,
  partitions: readonly number[],
  asked: ReadonlyMap<number, Asked>,
  maxWaitTime: number,
): Promise<FetchedPartition[]> {
  const broker: KafkaBroker = (await cluster.findBroker({ nodeId })) as KafkaBroker
  const { responses } = await broker.fetch({
    maxWaitTime,
    minBytes: 1,
    topics: [
      {
        topic,
        partitions: partitions.map((partition) => {
          return { partition, fetchOffset: String(asked.get(partition)?.next ?? 0), maxBytes: FETCH_BYTES }
        }),
      },
    ],
  })
  return responses.flatMap((response) => response.partitions)
}

/** Whether a read at `offset` goes on where the reader is. */
function covers({ from, next, buffer }: Position, offset: number): boolean {
  return offset >= from && offset <= (buffer.at(-1)?.offset ?? next)
}

/** Takes what stands at `offset` and behind it out of the buffer, and drops what stands before. */
function take(position: Position, offset: number, limit: number): StoredMessage[] {
  const from = position.buffer.findIndex((message) => message.offset >= offset)
  if (from === -1) {
    position.from = Math.max(position.from, offset)
    return []
  }
  const taken = position.buffer.slice(from, from + limit)
  const dropped = position.buffer.splice(0, from + limit)
  for (const message of dropped) position.bytes -= message.value.byteLength
  position.from = (taken.at(-1)?.offset ?? offset - 1) + 1
  return taken
}
