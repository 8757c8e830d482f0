/**
 * A state as a sequence of small pieces and back: what `node:v8` would write in one buffer (which may have 2 GiB, and
 * holds the thread for as long as it takes) leaves piece by piece, so that others get their turn between two of them.
 *
 * Small values stay whole. Of a large one only what contains it is taken apart: objects, maps and arrays into their
 * members, typed arrays into runs of bytes. An object that stands in the state twice is two objects afterwards, unless
 * both places are in one piece.
 */
import { deserialize, serialize } from 'node:v8'

export interface PieceSizes {
  /** A piece is closed when it has about so many bytes. */
  readonly pieceBytes: number
  /** What is smaller stays whole: a piece may have so many bytes more. */
  readonly wholeBytes: number
}

/** Of a container with more members than this only one in `MEASURED_EVERY` is measured: those between are taken to be alike. */
const MEASURED_ALL = 1_000
const MEASURED_EVERY = 16

const SIZES: PieceSizes = { pieceBytes: 256 * 1024, wholeBytes: 2 * 1024 * 1024 }

const OPEN_MAP = 0
const OPEN_OBJECT = 1
const OPEN_ARRAY = 2
const OPEN_BYTES = 3
/** Members of the open container: values of an array, keys and values in turn of the others, a run of bytes. */
const MEMBERS = 4
/** The next container that opens stands under this key. */
const KEY = 5
const CLOSE = 6

type Step =
  | [typeof OPEN_MAP]
  | [typeof OPEN_OBJECT]
  | [typeof OPEN_ARRAY]
  | [typeof OPEN_BYTES, type: string, bytes: number]
  | [typeof MEMBERS, members: unknown[]]
  | [typeof KEY, key: unknown]
  | [typeof CLOSE]

const ARRAY_TYPES = { Uint8Array, Int32Array, Uint32Array, Float64Array } as const

/** A container that is being taken apart: its members that are left, of an array itself. An array's are written without their keys. */
interface Frame {
  readonly members: Iterator<readonly [key: unknown, value: unknown]> | undefined
  readonly list: readonly unknown[]
  readonly count: number
  /** Members that were taken, and about the bytes of the one that was measured last. */
  taken: number
  bytes: number
}

/** The pieces of `state`, in order; it must not change until the last one is taken. Throws for what `node:v8` can't store. */
export function* piecesOf(state: unknown, { pieceBytes, wholeBytes }: PieceSizes = SIZES): Generator<Buffer> {
  let steps: Step[] = []
  let bytes = 0
  /** What stays whole of the container at hand, gathered. */
  let whole: unknown[] | undefined
  const step = (...one: Step) => {
    whole = undefined
    steps.push(one)
  }
  const gather = (...members: unknown[]) => {
    if (whole !== undefined) whole.push(...members)
    else {
      step(MEMBERS, members)
      whole = members
    }
  }
  const close = () => {
    const piece = serialize(steps)
    steps = []
    bytes = 0
    whole = undefined
    return piece
  }

  // The state stands in a list of one.
  step(OPEN_ARRAY)
  const stack: Frame[] = [listFrame([state])]
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.taken === frame.count) {
      stack.pop()
      step(CLOSE)
      continue
    }
    const { members, list } = frame
    const isList = members === undefined
    const [key, value] = isList ? [undefined, list[frame.taken]] : (members.next().value as readonly [unknown, unknown])
    const size = measured(frame, value, wholeBytes)
    if (size < wholeBytes || !canBeTakenApart(value)) {
      if (isList) {
        const alike = list.slice(frame.taken, frame.taken + alikeBehind(frame, pieceBytes))
        gather(value, ...alike)
        frame.taken += alike.length
        bytes += size * (1 + alike.length)
      } else {
        gather(key, value)
        bytes += size + sizeOf(key, wholeBytes)
      }
      if (bytes >= pieceBytes) yield close()
      continue
    }
    if (!isList) step(KEY, key)
    if (ArrayBuffer.isView(value)) {
      step(OPEN_BYTES, value.constructor.name, value.byteLength)
      for (const run of runsOf(value, pieceBytes)) {
        step(MEMBERS, [run])
        yield close()
      }
      step(CLOSE)
    } else stack.push(opened(value, step))
  }
  yield close()
}

/** What is none of these stays whole, however large. */
function canBeTakenApart(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (ArrayBuffer.isView(value)) return value.constructor.name in ARRAY_TYPES
  return value instanceof Map || Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function opened(value: object, step: (...one: Step) => void): Frame {
  if (value instanceof Map) {
    step(OPEN_MAP)
    return { members: value.entries(), list: [], count: value.size, taken: 0, bytes: 0 }
  }
  if (Array.isArray(value)) {
    step(OPEN_ARRAY)
    return listFrame(value)
  }
  step(OPEN_OBJECT)
  const members = Object.entries(value)
  return { members: members.values(), list: [], count: members.length, taken: 0, bytes: 0 }
}

function listFrame(list: readonly unknown[]): Frame {
  return { members: undefined, list, count: list.length, taken: 0, bytes: 0 }
}

function measured(frame: Frame, value: unknown, enough: number): number {
  if (frame.count <= MEASURED_ALL || frame.taken % MEASURED_EVERY === 0 || frame.bytes >= enough) frame.bytes = sizeOf(value, enough)
  frame.taken += 1
  return frame.bytes
}

/** Members of a list that go with the small one that was just measured, up to the next that is: none where they may be many bytes. */
function alikeBehind({ count, taken, bytes }: Frame, pieceBytes: number): number {
  return count <= MEASURED_ALL || bytes * MEASURED_EVERY > pieceBytes ? 0 : (MEASURED_EVERY - (taken % MEASURED_EVERY)) % MEASURED_EVERY
}

/** Puts pieces together again. */
export class StateAssembly {
  readonly #stack: { readonly container: Container; readonly key: unknown }[] = []
  #key: unknown
  #state: unknown
  #isWhole = false

  /** Takes the next piece. Throws for one that is none, or not the next. */
  take(piece: Uint8Array): void {
    for (const step of deserialize(piece) as Step[]) this.#step(step)
  }

  /** The state, once the last piece was taken. Throws before. */
  get state(): unknown {
    if (!this.#isWhole) throw new Error('pieces of the state are missing')
    return this.#state
  }

  #step(step: Step): void {
    if (this.#isWhole) throw new Error('there are more pieces than the state has')
    switch (step[0]) {
      case KEY:
        this.#key = step[1]
        return
      case MEMBERS:
        ;(this.#stack.at(-1) as { container: Container }).container.add(step[1])
        return
      case CLOSE: {
        const { container, key } = this.#stack.pop() as { container: Container; key: unknown }
        const outer = this.#stack.at(-1)?.container
        if (outer !== undefined) outer.put(key, container.value)
        else {
          this.#state = (container.value as unknown[])[0]
          this.#isWhole = true
        }
        return
      }
      default:
        this.#stack.push({ container: containerOf(step), key: this.#key })
    }
  }
}

interface Container {
  readonly value: unknown
  add(members: readonly unknown[]): void
  put(key: unknown, value: unknown): void
}

function containerOf(step: Step): Container {
  if (step[0] === OPEN_MAP) {
    const value = new Map<unknown, unknown>()
    return keyed(value, (key, member) => value.set(key, member))
  }
  if (step[0] === OPEN_OBJECT) {
    const value: Record<string, unknown> = {}
    return keyed(value, (key, member) => {
      value[key as string] = member
    })
  }
  if (step[0] === OPEN_ARRAY) {
    const value: unknown[] = []
    return {
      value,
      add: (members) => {
        for (const member of members) value.push(member)
      },
      put: (_, member) => value.push(member),
    }
  }
  if (step[0] !== OPEN_BYTES) throw new Error('a piece of the state is damaged')
  const [, type, length] = step
  const ArrayType = ARRAY_TYPES[type as keyof typeof ARRAY_TYPES]
  const bytes = new Uint8Array(length)
  let filled = 0
  return {
    value: new ArrayType(bytes.buffer),
    add: ([run]) => {
      bytes.set(run as Uint8Array, filled)
      filled += (run as Uint8Array).length
    },
    put: () => {
      throw new Error('a piece of the state is damaged')
    },
  }
}

function keyed(value: unknown, set: (key: unknown, member: unknown) => void): Container {
  return {
    value,
    add: (members) => {
      for (let index = 0; index < members.length; index += 2) set(members[index], members[index + 1])
    },
    put: set,
  }
}

function* runsOf({ buffer, byteOffset, byteLength }: ArrayBufferView, length: number): Generator<Uint8Array> {
  for (let from = 0; from < byteLength; from += length) yield new Uint8Array(buffer, byteOffset + from, Math.min(length, byteLength - from))
}

/** About how many bytes a value takes; counting ends at `enough`. */
function sizeOf(value: unknown, enough: number): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 9
  if (ArrayBuffer.isView(value)) return value.byteLength + 16
  let size = 4
  if (value instanceof Map) {
    for (const [key, member] of value) {
      size += sizeOf(key, enough) + sizeOf(member, enough - size)
      if (size >= enough) break
    }
    return size
  }
  if (Array.isArray(value) || value instanceof Set) {
    for (const member of value) {
      size += sizeOf(member, enough - size)
      if (size >= enough) break
    }
    return size
  }
  for (const [key, member] of Object.entries(value)) {
    size += key.length + 2 + sizeOf(member, enough - size)
    if (size >= enough) break
  }
  return size
}
