/** States of every shape, large and small, through their pieces and back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { piecesOf, StateAssembly } from '../../processors/runtime/state-pieces.ts'

const SIZES = { pieceBytes: 200, wholeBytes: 400 }

function throughPieces(state: unknown): { state: unknown; pieces: Buffer[] } {
  const pieces = [...piecesOf(state, SIZES)]
  const assembly = new StateAssembly()
  for (const piece of pieces) assembly.take(piece)
  return { state: assembly.state, pieces }
}

const text = (length: number, seed: number) => String.fromCharCode(97 + (seed % 26)).repeat(length)
/** Several thousand bytes of small things. */
const manyEntries = new Map(
  Array.from({ length: 60 }, (_, index) => [`actor-${index}`, { at: index, name: text(60, index), nothing: null }]),
)
const manyNames = Array.from({ length: 90 }, (_, index) => text(40 + (index % 50), index))
const largeArray = Float64Array.from({ length: 700 }, (_, index) => (index % 7 === 0 ? Number.NaN : index / 3))
const large = fc.constantFrom(
  manyEntries,
  manyNames,
  largeArray,
  Uint32Array.from({ length: 700 }, (_, index) => index * 17),
  Int32Array.from({ length: 601 }, (_, index) => -index),
  new Uint8Array(1_001).fill(7),
  [manyEntries, [], new Map(), largeArray.subarray(3, 603)],
  new Map<unknown, unknown>([
    [60_000, largeArray],
    [undefined, 'small'],
    ['names', manyNames],
  ]),
)
const leaf = fc.oneof(
  fc.constantFrom(undefined, null, Number.NaN, Number.NEGATIVE_INFINITY, true, ''),
  fc.string({ maxLength: 20 }),
  fc.double(),
  fc.uint8Array({ maxLength: 20 }),
  fc.float64Array({ maxLength: 5 }),
)
const { state: anyState } = fc.letrec((tie) => ({
  state: fc.oneof(
    { depthSize: 'small' },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: large },
    fc.array(tie('state'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'),
      tie('state'),
      { maxKeys: 4, noNullPrototype: true },
    ),
    fc.array(fc.tuple(leaf, tie('state')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}))

describe('a state in pieces', () => {
  it('comes back as it was, whatever is in it', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        expect(throughPieces(state).state).toEqual(state)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['a map', manyEntries],
    ['a list', manyNames],
    ['an array of numbers', largeArray],
    ['all of it, within a small state', { deep: [{ manyEntries }, { manyNames, largeArray }], small: 1 }],
  ])('leaves in pieces far below its size: %s', (_, state) => {
    const { pieces, state: again } = throughPieces(state)
    expect(again).toEqual(state)
    expect(pieces.length).toBeGreaterThan(5)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(1_000)
  })

  it('what is small is one piece, and what stands in it twice is one object still', () => {
    const carrier = { at: 1 }
    const { pieces, state } = throughPieces({ carriers: [carrier], answered: carrier })
    const { carriers, answered } = state as { carriers: object[]; answered: object }
    expect(pieces).toHaveLength(1)
    expect(answered).toBe(carriers[0])
  })

  it('refuses pieces of which some are missing, or come twice', () => {
    const { pieces } = throughPieces(manyEntries)
    const part = new StateAssembly()
    for (const piece of pieces.slice(0, -1)) part.take(piece)
    expect(() => part.state).toThrow('missing')
    part.take(pieces.at(-1) as Buffer)
    expect(part.state).toEqual(manyEntries)
    expect(() => part.take(pieces[0] as Buffer)).toThrow()
  })

  it.each([
    ['a set', new Set(manyNames)],
    ['an array of another type', new Uint16Array(2_000).fill(9)],
  ])('what it can not take apart stays whole: %s', (_, large) => {
    const state = { before: manyNames, large, after: manyEntries }
    expect(throughPieces(state).state).toEqual(state)
  })

  it('a large member among thousands of small ones is taken apart or not, and comes back', () => {
    const state = Array.from({ length: 2_000 }, (_, index) => (index === 1_601 || index === 1_608 ? manyEntries : [index]))
    expect(throughPieces(state).state).toEqual(state)
  })
})
