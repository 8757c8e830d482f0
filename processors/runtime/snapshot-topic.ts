/**
 * Snapshots of a task where every instance finds them: in a topic with a partition for each task, as chunks and, when all
 * of them stand, a record that says so. Whoever takes a partition up begins there and not at the start of its log. Two are
 * kept; what stands before them is deleted.
 *
 * Two instances may write at once, when one does not know yet that its partition has gone: chunks name their snapshot, and
 * any snapshot that is whole is good, as the commit on which it stands was done by its owner. Deleting needs no care
 * either: who is behind has older ones, and deletes before those.
 */
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'
import type { Log, StoredMessage } from '../../schemas/ports/log.ts'

/** Bytes of a snapshot in one record, before compression. */
const CHUNK_BYTES = 512 * 1024
/** Chunks that go out or come in together. */
const CHUNKS_AT_ONCE = 4
const KEPT = 2
/** Fast rather than small. */
const GZIP_LEVEL = 1
const NEWLINE = 10

/** A log whose oldest records can be deleted. */
export interface SnapshotLog extends Log {
  /** Deletes the records before `offset`. Rejects with LogUnavailableError. */
  deleteBefore(partition: number, offset: number): Promise<void>
}

export interface SnapshotTopicOptions {
  readonly log: SnapshotLog
  readonly partition: number
  /** Another one at each call. */
  readonly newId: () => string
  readonly onError: (message: string, error: unknown) => void
}

/** A snapshot that stands in the topic. */
export interface SharedSnapshot {
  readonly id: string
  /** The commit on which it stands. */
  readonly commit: number
  readonly chunks: number
  /** Offset of the first chunk. */
  readonly first: number
}

/** First line of a record; the rest of a chunk is gzip. */
const head = z.union([
  z.object({ v: z.literal(1), id: z.string(), chunk: z.int().min(0) }),
  z.object({ v: z.literal(1), id: z.string(), commit: z.int().min(0), chunks: z.int().min(0), first: z.int().min(0) }),
])
type Head = z.infer<typeof head>

const compress = promisify(gzip)
const decompress = promisify(gunzip)

export class SnapshotTopic {
  readonly #options: SnapshotTopicOptions
  /** Those that stand and are to stay, newest first. */
  #kept: readonly SharedSnapshot[] = []

  constructor(options: SnapshotTopicOptions) {
    this.#options = options
  }

  /** Writes a snapshot of these bytes. Rejects with LogUnavailableError; what was written of it then is never read. */
  async write(commit: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { log, partition, newId, onError } = this.#options
    const id = newId()
    const chunks = new ChunkWriter(this.#options, id)
    for await (const piece of bytes) await chunks.take(piece)
    const { count, first } = await chunks.end()
    const snapshot = { id, commit, chunks: count, first }
    await log.append([{ partition, value: encode({ v: 1, ...snapshot }) }])
    this.#keep(snapshot)
    const oldest = this.#kept.at(-1)
    if (this.#kept.length < KEPT || oldest === undefined) return
    // Only room is lost with it, until the next time.
    await log.deleteBefore(partition, oldest.first).catch((error: unknown) => onError('old snapshots could not be deleted', error))
  }

  /** Snapshots that stand, nearly always the newest first; asked for more, it reads through the whole partition. Rejects as `write`. */
  async *find(): AsyncGenerator<SharedSnapshot> {
    const likely = await this.#findAtEnd()
    if (likely !== undefined) yield likely
    const all: SharedSnapshot[] = []
    for await (const { at } of this.#records()) if ('chunks' in at && at.id !== likely?.id) all.push(at)
    yield* all.sort((a, b) => b.commit - a.commit)
  }

  /** The bytes of a snapshot. Throws when chunks are gone or damaged; rejects as `write`. */
  async *read(snapshot: SharedSnapshot): AsyncGenerator<Uint8Array> {
    let chunk = 0
    for await (const { at, body } of this.#records(snapshot.first)) {
      if (chunk === snapshot.chunks) break
      if (at.id !== snapshot.id || !('chunk' in at) || at.chunk !== chunk) continue
      yield await decompress(body)
      chunk += 1
    }
    if (chunk < snapshot.chunks) throw new Error(`${chunk} of ${snapshot.chunks} chunks of a snapshot are there`)
  }

  /** What was read is good: it stays until two newer ones stand. */
  keep(snapshot: SharedSnapshot): void {
    this.#keep(snapshot)
  }

  #keep(snapshot: SharedSnapshot): void {
    this.#kept = [snapshot, ...this.#kept].slice(0, KEPT)
  }

  /** The last record is that of the newest snapshot, or a chunk of one that was never finished, before which that one stands. */
  async #findAtEnd(): Promise<SharedSnapshot | undefined> {
    const { log, partition } = this.#options
    const [start, end] = [await log.startOffset(partition), await log.endOffset(partition)]
    let offset = end - 1
    for (let look = 0; look < 2 && offset >= start; look += 1) {
      const [message] = await log.read(partition, offset, 1)
      if (message === undefined || message.offset !== offset) return undefined
      const { at } = decode(message)
      if ('chunks' in at) return at
      offset -= at.chunk + 1
    }
    return undefined
  }

  /** Records from `offset` on, or from the oldest, up to the end as it is now. */
  async *#records(offset = 0): AsyncGenerator<ReturnType<typeof decode>> {
    const { log, partition } = this.#options
    const end = await log.endOffset(partition)
    for (let at = Math.max(offset, await log.startOffset(partition)); at < end; ) {
      const messages = await log.read(partition, at, CHUNKS_AT_ONCE)
      if (messages.length === 0) return
      for (const message of messages) yield decode(message)
      at = (messages.at(-1) as StoredMessage).offset + 1
    }
  }
}

/** Cuts bytes into chunks, and appends them some at a time. */
class ChunkWriter {
  readonly #options: SnapshotTopicOptions
  readonly #id: string
  #bytes: Uint8Array[] = []
  #length = 0
  #ready: Promise<Buffer>[] = []
  #count = 0
  #first: number | undefined

  constructor(options: SnapshotTopicOptions, id: string) {
    this.#options = options
    this.#id = id
  }

  async take(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + CHUNK_BYTES - this.#length)
      this.#bytes.push(part)
      this.#length += part.length
      from += part.length
      if (this.#length === CHUNK_BYTES) await this.#close()
    }
  }

  /** Appends what is left; resolves with the number of chunks, and the offset of the first. */
  async end(): Promise<{ count: number; first: number }> {
    if (this.#length > 0) await this.#close()
    await this.#append()
    return { count: this.#count, first: this.#first ?? 0 }
  }

  async #close(): Promise<void> {
    const header = encode({ v: 1, id: this.#id, chunk: this.#count })
    const body = compress(Buffer.concat(this.#bytes), { level: GZIP_LEVEL })
    this.#ready.push(body.then((compressed) => Buffer.concat([header, compressed])))
    this.#bytes = []
    this.#length = 0
    this.#count += 1
    if (this.#ready.length === CHUNKS_AT_ONCE) await this.#append()
  }

  async #append(): Promise<void> {
    const { log, partition } = this.#options
    const values = await Promise.all(this.#ready)
    this.#ready = []
    const [first] = await log.append(values.map((value) => ({ partition, value })))
    this.#first ??= first
  }
}

function encode(at: Head): Buffer {
  return Buffer.from(`${JSON.stringify(at)}\n`)
}

function decode({ value }: StoredMessage): { at: Head; body: Uint8Array } {
  const lineEnd = value.indexOf(NEWLINE)
  return { at: head.parse(JSON.parse(new TextDecoder().decode(value.subarray(0, lineEnd)))), body: value.subarray(lineEnd + 1) }
}
