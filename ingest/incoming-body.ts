/**
 * The body of a request while it comes. What counts is what is held, not what the head promises: a promise costs its
 * sender nothing, and a few dozen of them would take the room of everybody.
 */
import { RequestError } from '../schemas/errors.ts'
import type { GroupCommitter } from './group-committer.ts'

/** Counts the bytes that requests hold. */
export type BodyRoom = Pick<GroupCommitter, 'reserve'>

/**
 * Asks whether there is room for a body before it is read; nothing is kept free for it.
 * @throws RequestError `overloaded`
 */
export function askForRoom(room: BodyRoom, bytes: number): void {
  room.reserve(bytes)()
}

export class IncomingBody {
  readonly #room: BodyRoom
  readonly #bytesMax: number
  readonly #releases: (() => void)[] = []
  #held: Buffer = Buffer.alloc(0)
  #length = 0

  constructor(room: BodyRoom, bytesMax: number) {
    this.#room = room
    this.#bytesMax = bytesMax
  }

  /** Bytes that came. */
  get length(): number {
    return this.#length
  }

  /** What came. */
  get bytes(): Buffer {
    return this.#held.subarray(0, this.#length)
  }

  /** Takes the next piece. @throws RequestError `body_too_large`, or `overloaded` when there is no room for it. */
  add(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#bytesMax) throw new RequestError('body_too_large')
    if (length > this.#held.length) this.#grow(length)
    piece.copy(this.#held, this.#length)
    this.#length = length
  }

  /** Gives back what is counted. */
  release(): void {
    for (const release of this.#releases.splice(0)) release()
  }

  /** Pieces are copied: kept, they would cost more than is counted when each brings a byte. */
  #grow(least: number): void {
    const bytes = Math.min(this.#bytesMax, Math.max(least, 2 * this.#held.length))
    this.#releases.push(this.#room.reserve(bytes - this.#held.length))
    const held = Buffer.allocUnsafe(bytes)
    this.#held.copy(held, 0, 0, this.#length)
    this.#held = held
  }
}
