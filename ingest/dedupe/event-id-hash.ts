/**
 * 96-bit keyed hashes of event ids: MurmurHash3 x86 128 (Appleby, SMHasher) over UTF-16 code units, started from a
 * state that depends on the installation's random seed and the workspace. With 10^9 ids kept, a new id meets one of
 * them by chance with probability 10^9 / 2^96 = 1e-20. Not for secrets: who may write events may also choose ids.
 */

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

function finalMix(h: number): number {
  let x = h ^ (h >>> 16)
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** Two code units as one word; 0 past the end. */
function word(units: Uint16Array, at: number): number {
  return (units[at] ?? 0) | ((units[at + 1] ?? 0) << 16)
}

/** Four 32-bit words. */
export type HashState = readonly [number, number, number, number]

/** Result of the last hash, read at once: three signed words, so that no object and no big number is made for each event. */
export class EventIdHash {
  h0 = 0
  h1 = 0
  h2 = 0
  #h3 = 0
  #units = new Uint16Array(256)

  /** Hashes `text` from `state`; the first three words are the result. */
  hash(state: HashState, text: string): void {
    const units = this.#unitsFor(text.length)
    for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i)
    this.#hashUnits(state, text.length)
  }

  /** The same of text in UTF-8, from `start` to `end` of `bytes`. */
  hashBytes(state: HashState, bytes: Buffer, start: number, end: number): void {
    const length = end - start
    const units = this.#unitsFor(length)
    let seen = 0
    for (let i = 0; i < length; i++) {
      const byte = bytes[start + i] as number
      units[i] = byte
      seen |= byte
    }
    if (seen < 128) this.#hashUnits(state, length)
    else this.hash(state, bytes.toString('utf8', start, end))
  }

  #unitsFor(length: number): Uint16Array {
    if (this.#units.length < length) this.#units = new Uint16Array(length * 2)
    return this.#units
  }

  #hashUnits(state: HashState, length: number): void {
    const units = this.#units
    let [h1, h2, h3, h4] = state
    let at = 0
    // A block is 8 code units, two in a word.
    for (const last = length & ~7; at < last; at += 8) {
      h1 ^= Math.imul(rotate(Math.imul(word(units, at), C1), 15), C2)
      h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
      h2 ^= Math.imul(rotate(Math.imul(word(units, at + 2), C2), 16), C3)
      h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
      h3 ^= Math.imul(rotate(Math.imul(word(units, at + 4), C3), 17), C4)
      h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
      h4 ^= Math.imul(rotate(Math.imul(word(units, at + 6), C4), 18), C1)
      h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
    }
    const rest = length & 7
    // What stands behind the text is of an earlier one.
    units.fill(0, length, at + 8)
    if (rest > 6) h4 ^= Math.imul(rotate(Math.imul(word(units, at + 6), C4), 18), C1)
    if (rest > 4) h3 ^= Math.imul(rotate(Math.imul(word(units, at + 4), C3), 17), C4)
    if (rest > 2) h2 ^= Math.imul(rotate(Math.imul(word(units, at + 2), C2), 16), C3)
    if (rest > 0) h1 ^= Math.imul(rotate(Math.imul(word(units, at), C1), 15), C2)
    const bytes = length * 2
    h1 ^= bytes
    h2 ^= bytes
    h3 ^= bytes
    h4 ^= bytes
    h1 = (h1 + h2 + h3 + h4) | 0
    h2 = (h2 + h1) | 0
    h3 = (h3 + h1) | 0
    h4 = (h4 + h1) | 0
    h1 = finalMix(h1)
    h2 = finalMix(h2)
    h3 = finalMix(h3)
    h4 = finalMix(h4)
    h1 = (h1 + h2 + h3 + h4) | 0
    this.h0 = h1
    this.h1 = (h2 + h1) | 0
    this.h2 = (h3 + h1) | 0
    this.#h3 = (h4 + h1) | 0
  }

  /** All four words of the last hash, as a state to start others from. */
  state(): HashState {
    return [this.h0, this.h1, this.h2, this.#h3]
  }
}

/** The state from which the ids of a workspace are hashed. `seed`: 16 random bytes of the installation. */
export function workspaceHashState(seed: Uint8Array, workspace: string): HashState {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength)
  const hash = new EventIdHash()
  hash.hash([view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true)], workspace)
  return hash.state()
}
