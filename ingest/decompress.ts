/** Decodes a file or a stream as its first bytes say: gzip, zstd, or plain. Streaming: memory does not grow with the file. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'

export type Compression = 'gzip' | 'zstd' | 'none'

const MAGIC_BYTES = 4

/** What the first bytes say (RFC 1952, RFC 8878; skippable zstd frames count). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  if (((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd'
  return 'none'
}

/** The file is cut short or damaged. */
export class DecompressionError extends Error {
  override readonly name = 'DecompressionError'
}

/** The source is read no further ahead than one chunk. */
async function* startingWith(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.byteLength > 0) yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false })
  const gunzipping = createGunzip({ chunkSize: 256 * 1024 })
  input.on('error', (error) => gunzipping.destroy(error))
  input.pipe(gunzipping)
  try {
    yield* gunzipping as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new DecompressionError(`the gzip data can't be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    input.destroy()
    gunzipping.destroy()
  }
}

async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = []
  const stream = new Decompress((chunk) => ready.push(chunk))
  const push = (chunk: Uint8Array, last: boolean) => {
    try {
      stream.push(chunk, last)
    } catch (error) {
      throw new DecompressionError(`the zstd data can't be read: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  for await (const chunk of source) {
    push(chunk, false)
    const out = ready
    ready = []
    yield* out
  }
  push(new Uint8Array(), true)
  yield* ready
}

/**
 * The decoded bytes of `source`.
 * @throws DecompressionError in the midst of reading, when the data are damaged or end too early.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array()
  while (head.byteLength < MAGIC_BYTES) {
    const next = await chunks.next()
    if (next.done) break
    head = head.byteLength === 0 ? next.value : Buffer.concat([head, next.value])
  }
  const whole = startingWith(head, chunks)
  const compression = compressionOf(head)
  if (compression === 'gzip') yield* gunzip(whole)
  else if (compression === 'zstd') yield* unzstd(whole)
  else yield* whole
}
