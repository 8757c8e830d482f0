/** Assignment to arms: fixed for ever, in proportion to the weights, independent over experiments, and calm when arms change. */
import fc from 'fast-check'
import jstat from 'jstat'
import { describe, expect, it } from 'vitest'
import { createAssignment, type Arm, type Experiment } from '../../metrics/experiment-assignment.ts'
import { murmurHash3 } from '../../metrics/murmur-hash.ts'

const PEOPLE = Array.from({ length: 6_000 }, (_, number) => ({ actorId: `user_${number}`, rootId: `user_${number % 1_500}` }))
const HALVES: readonly Arm[] = [
  { key: 'control', weight: 50 },
  { key: 'treatment', weight: 50 },
]

function experiment(overrides: Partial<Experiment> = {}): Experiment {
  return { key: 'invite-copy', salt: 's1', unit: 'actor', arms: HALVES, ...overrides }
}

function armsOf(overrides: Partial<Experiment> = {}): string[] {
  return PEOPLE.map(createAssignment(experiment(overrides)))
}

/** p of Pearson's test that what was seen follows what was expected. */
function chiSquareP(seen: readonly number[], expected: readonly number[], freedom: number): number {
  const sum = seen.reduce((total, count, index) => total + (count - (expected[index] as number)) ** 2 / (expected[index] as number), 0)
  return 1 - jstat.chisquare.cdf(sum, freedom)
}

describe('the hash', () => {
  it.each([
    ['', 0],
    ['test', 0xba6bd213],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ])('of "%s" is that of the published vectors', (text, expected) => {
    expect(murmurHash3(new TextEncoder().encode(text))).toBe(expected)
  })
})

describe('an assignment', () => {
  it('never changes for the same names', () => {
    const assign = createAssignment(experiment({ arms: [...HALVES, { key: 'third', weight: 50 }] }))
    const names = ['user_1', 'user_2', 'user_3', 'user_4', 'user_5', 'user_6', 'Zoë', '']
    expect(names.map((name) => assign({ actorId: name, rootId: name }))).toEqual(STABLE_ARMS)
  })

  it('follows the weights', () => {
    const arms = [5, 15, 30, 50].map((weight) => ({ key: `arm_${weight}`, weight }))
    for (const salt of ['a', 'b', 'c']) {
      const seen = armsOf({ arms, salt })
      const counts = arms.map(({ key }) => seen.filter((arm) => arm === key).length)
      const expected = arms.map(({ weight }) => (weight / 100) * PEOPLE.length)
      expect(chiSquareP(counts, expected, 3), `salt ${salt}: ${counts.join(' ')}`).toBeGreaterThan(0.001)
    }
  })

  it.each([
    ['key', { key: 'invite-copx' }],
    ['salt', { salt: 's2' }],
    ['key and salt', { key: 'reward', salt: 'x' }],
  ])('is independent of that of an experiment with another %s', (_, other) => {
    const [one, two] = [armsOf(), armsOf(other)]
    const cells = HALVES.flatMap(({ key: a }) =>
      HALVES.map(({ key: b }) => one.filter((arm, index) => arm === a && two[index] === b).length),
    )
    expect(
      chiSquareP(
        cells,
        cells.map(() => PEOPLE.length / 4),
        3,
      ),
    ).toBeGreaterThan(0.001)
  })

  it('moves nobody when an arm of 0 % is added, or when arms are listed in another order', () => {
    const before = armsOf()
    expect(armsOf({ arms: [{ key: 'new', weight: 0 }, ...HALVES] })).toEqual(before)
    expect(armsOf({ arms: [...HALVES].reverse() })).toEqual(before)
  })

  it('moves people only into an arm whose weight grows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 20 }),
        (weights, more) => {
          const arms = weights.map((weight, index) => ({ key: `arm_${index}`, weight }))
          const grown = arms.map((arm, index) => (index === 0 ? { ...arm, weight: arm.weight + more } : arm))
          const [assign, assignGrown] = [createAssignment(experiment({ arms })), createAssignment(experiment({ arms: grown }))]
          for (const person of PEOPLE.slice(0, 200)) {
            if (assignGrown(person) !== assign(person)) expect(assignGrown(person)).toBe('arm_0')
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('puts a whole tree into the arm of its root', () => {
    const byTree = armsOf({ unit: 'tree' })
    expect(byTree).toEqual(PEOPLE.map(({ rootId }) => createAssignment(experiment())({ actorId: rootId, rootId })))
    expect(byTree).not.toEqual(armsOf())
  })

  it.each([
    ['no arms', []],
    ['only arms of weight 0', [{ key: 'a', weight: 0 }]],
    ['a negative weight', [...HALVES, { key: 'c', weight: -1 }]],
    ['a weight that is no number', [...HALVES, { key: 'c', weight: Number.NaN }]],
    ['two arms of one key', [...HALVES, { key: 'control', weight: 1 }]],
    ['a NUL in a key', [...HALVES, { key: 'c\0d', weight: 1 }]],
  ])('is refused with %s', (_, arms) => {
    expect(() => createAssignment(experiment({ arms }))).toThrow(RangeError)
  })
})

/** What the first release dealt: if this fails, running experiments would deal their people anew. */
const STABLE_ARMS = ['control', 'control', 'control', 'third', 'control', 'treatment', 'third', 'treatment']
