/**
 * A snapshot as a stream of bytes, which is the same in a file and in a topic: a line that names the version of the state,
 * then frames of length, CRC-32 and content. The first says where the state stands, the others are the pieces of the state
 * (`state-pieces.ts`), which know by themselves whether all of them are there.
 */
import { crc32 } from 'node:zlib'
import type { CommitsPlace } from './commit-store.ts'
import { piecesOf, StateAssembly } from './state-pieces.ts'

/** Grows with every change of the state's form; a snapshot of another version is not read: the log is replayed instead. */
const STATE_VERSION = 7
const MAGIC = Buffer.from(`kappa-state ${STATE_VERSION}\n`)
const HEAD_BYTES = 8
/** Pieces are far smaller: a length beyond it is damage. */
const FRAME_BYTES_MAX = 1024 ** 3

export interface StateSnapshot<State> {
  /** Sequence of the last commit that the state holds. */
  readonly commit: number
  /** Offset of the next record of each input. */
  readonly positions: readonly number[]
  /** Where the commits after it stand, in a store that has places. */
  readonly place?: CommitsPlace | undefined
  readonly state: State
}

/** The bytes of a snapshot, in chunks of at most a few MiB; the state must not change until the last one is taken. */
export function* bytesOf<State>({ state, ...where }: StateSnapshot<State>): Generator<Buffer> {
  yield Buffer.concat([MAGIC, ...frame(Buffer.from(JSON.stringify(where)))])
  for (const piece of piecesOf(state)) yield Buffer.concat(frame(piece))
}

/** The snapshot of these bytes, cut in whatever way; undefined when they are damaged, too few, too many, or of another version. */
export async function readSnapshot<State>(chunks: AsyncIterable<Uint8Array>): Promise<StateSnapshot<State> | undefined> {
  let where: Omit<StateSnapshot<State>, 'state'> | undefined
  const assembly = new StateAssembly()
  try {
    for await (const content of contentsOf(chunks)) {
      if (where === undefined) where = JSON.parse(content.toString()) as Omit<StateSnapshot<State>, 'state'>
      else orDamaged(() => assembly.take(content))
    }
    return where && { ...where, state: orDamaged(() => assembly.state) as State }
  } catch (error) {
    if (error instanceof DamageError) return undefined
    throw error
  }
}

/** The bytes are not those of a snapshot of this version, or not all of them. */
class DamageError extends Error {
  override readonly name = 'DamageError'
}

/** What the pieces do not allow is damage; trouble with the source of the bytes is not. */
function orDamaged<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw new DamageError('pieces that do not fit together', { cause })
  }
}

function frame(content: Buffer): [head: Buffer, content: Buffer] {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(content.length, 0)
  head.writeUInt32LE(crc32(content), 4)
  return [head, content]
}

/** Contents of the frames, each checked. */
async function* contentsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let isVersionSeen = false
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk])
    if (!isVersionSeen) {
      if (rest.length < MAGIC.length) continue
      if (!rest.subarray(0, MAGIC.length).equals(MAGIC)) throw new DamageError('another version')
      isVersionSeen = true
      rest = rest.subarray(MAGIC.length)
    }
    for (let content = takeFrame(rest); content !== undefined; content = takeFrame(rest)) {
      rest = rest.subarray(HEAD_BYTES + content.length)
      yield content
    }
  }
  if (rest.length > 0 || !isVersionSeen) throw new DamageError('cut off')
}

/** Content of the frame that `bytes` begin with, when all of it is there. */
function takeFrame(bytes: Buffer): Buffer | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const length = bytes.readUInt32LE(0)
  if (length === 0 || length > FRAME_BYTES_MAX) throw new DamageError('a length that can not be')
  if (bytes.length < HEAD_BYTES + length) return undefined
  const content = bytes.subarray(HEAD_BYTES, HEAD_BYTES + length)
  if (crc32(content) !== bytes.readUInt32LE(4)) throw new DamageError('another checksum')
  return content
}
