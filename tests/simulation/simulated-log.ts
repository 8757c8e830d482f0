/** The two logs of the product behind their port: on a machine's own disk, and on a broker that several machines share. */
import { AppendQueue, type PartitionAppend } from '../../ingest/log/append-queue.ts'
import type { CompanionLog, CompanionWrite } from '../../ingest/log/companions.ts'
import { type Log, type LogMessage, LogUnavailableError, type StoredMessage } from '../../schemas/ports/log.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

/** What a log holds on disk. */
export class StoredTopic {
  readonly partitions: readonly StoredMessage[][]
  readonly blobs = new Map<string, Uint8Array>()
  readonly listeners = new Set<() => void>()

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => [])
  }

  /** Appends the values and returns the offset of each. */
  take(partition: number, values: readonly Uint8Array[]): number[] {
    const messages = this.partitions[partition] as StoredMessage[]
    return values.map((value) => messages.push({ partition, offset: messages.length, value: Uint8Array.from(value) }) - 1)
  }

  read(partition: number, offset: number, limit: number): StoredMessage[] {
    return (this.partitions[partition] as StoredMessage[]).slice(offset, offset + limit)
  }

  end(partition: number): number {
    return (this.partitions[partition] as StoredMessage[]).length
  }
}

/** A transaction that was written and not synced: the power may still undo it. */
export interface EmbeddedDisk {
  readonly topic: StoredTopic
  /** Undoes what was written since the last sync. */
  undo: (() => void) | undefined
}

/** Who does not wait for a sync does not hurry it either. */
const UNHURRIED_MS = 5_000

/**
 * The embedded log: as `ingest/log/lmdb.ts`, transactions are whole or not there, and synced before the answer. With
 * `answersBeforeSync` it has the bug that it answers first.
 */
export async function openEmbeddedLog(
  world: VirtualWorld,
  process: SimulatedProcess,
  disk: EmbeddedDisk,
  { answersBeforeSync = false } = {},
): Promise<CompanionLog> {
  const { topic } = disk
  // What a process that was killed has left is read, and so it must be there to stay.
  await world.call(process, 'syncs the log', () => {
    disk.undo = undefined
  })
  const commit = async (appends: readonly PartitionAppend[], companions: readonly CompanionWrite[]): Promise<void> => {
    await world.call(process, 'writes the log', () => {
      if (world.strikes('log refuses', 0.02)) throw new LogUnavailableError('no space left on device')
      disk.undo = write(topic, appends, companions)
    })
    const sync = () => {
      disk.undo = undefined
    }
    const synced = world.call(process, 'syncs the log', sync, answersBeforeSync ? UNHURRIED_MS : 1)
    if (!answersBeforeSync) await synced
  }
  const queue = new AppendQueue(
    topic.partitions.map((messages) => messages.length),
    commit,
  )
  return {
    partitions: topic.partitions.length,
    append: (messages, companions) => queue.append(messages, companions),
    read: (partition, offset, limit) => topic.read(partition, offset, Math.min(limit, queue.endOffset(partition) - offset)),
    endOffset: (partition) => queue.endOffset(partition),
    startOffset: () => 0,
    onAppend: (listener) => queue.onAppend(listener),
    *companions(prefix) {
      const start = Buffer.from(prefix).toString('hex')
      for (const name of [...topic.blobs.keys()].filter((key) => key.startsWith(start)).sort())
        yield { key: Buffer.from(name, 'hex'), value: topic.blobs.get(name) ?? new Uint8Array() }
    },
    close: () => queue.close(),
  }
}

/** Writes a transaction; returns how to undo it. */
function write({ partitions, blobs }: StoredTopic, appends: readonly PartitionAppend[], companions: readonly CompanionWrite[]): () => void {
  const undos: (() => void)[] = []
  for (const { partition, firstOffset, values } of appends) {
    const messages = partitions[partition] as StoredMessage[]
    for (const [index, value] of values.entries()) messages.push({ partition, offset: firstOffset + index, value: Uint8Array.from(value) })
    undos.push(() => messages.splice(firstOffset))
  }
  for (const { key, value } of companions) {
    const name = Buffer.from(key).toString('hex')
    const before = blobs.get(name)
    if (value === undefined) blobs.delete(name)
    else blobs.set(name, Uint8Array.from(value))
    undos.push(() => (before === undefined ? blobs.delete(name) : blobs.set(name, before)))
  }
  return () => {
    for (const undo of undos.reverse()) undo()
  }
}

/**
 * A broker's topic as one process sees it, as `ingest/log/kafka.ts`: an append may be refused, be taken though the answer is
 * lost, be taken in some partitions only, or be taken after its sender gave up.
 */
export function connectTopic(world: VirtualWorld, process: SimulatedProcess, name: string, topic: StoredTopic): Log {
  const takeAll = (messages: readonly LogMessage[]): number[] => {
    const offsets = messages.map(({ partition, value }) => topic.take(partition, [value])[0] as number)
    for (const listener of topic.listeners) listener()
    return offsets
  }
  const append = (messages: readonly LogMessage[]): number[] => {
    if (world.strikes(`${name}: refuses`, 0.02)) throw new LogUnavailableError('refused')
    if (world.strikes(`${name}: lands later`, 0.01)) {
      world.after(world.outside, world.choices.exponential(1_000), `${name} takes what came late`, () => takeAll(messages))
      throw new LogUnavailableError('timed out')
    }
    if (world.strikes(`${name}: takes a part`, 0.01)) {
      const { partition } = world.choices.oneOf(messages)
      takeAll(messages.filter((message) => message.partition === partition))
      throw new LogUnavailableError('a part was refused')
    }
    const offsets = takeAll(messages)
    if (world.strikes(`${name}: answer lost`, 0.02)) throw new LogUnavailableError('the answer was lost')
    return offsets
  }
  return {
    partitions: topic.partitions.length,
    append: (messages) => world.call(process, `appends to ${name} ${summaryOf(messages)}`, () => append(messages)),
    async read(partition, offset, limit) {
      return world.ask(process, `${process.name} reads ${name}`, () => {
        if (world.strikes(`${name}: can't be read`, 0.001)) throw new LogUnavailableError('away')
        return topic.read(partition, offset, limit)
      })
    },
    endOffset: (partition) => world.ask(process, `${process.name} asks for the end of ${name}`, () => topic.end(partition), 0.5),
    startOffset: async () => 0,
    onAppend(listener) {
      const hear = () => void world.after(process, world.choices.exponential(1), `${process.name} hears of ${name}`, listener)
      topic.listeners.add(hear)
      return () => topic.listeners.delete(hear)
    },
    close: async () => {},
  }
}

/** For the trace. */
function summaryOf(messages: readonly LogMessage[]): string {
  return messages.map(({ partition, value }) => `${partition}: ${Buffer.from(value).toString('utf8', 0, 120)}`).join('; ')
}
