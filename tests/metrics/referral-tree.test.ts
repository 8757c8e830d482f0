import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GrowingTrees } from '../../metrics/growing-trees.ts'
import { forestFromEdges, meanStructuralVirality, NO_PARENT, referralForest } from '../../metrics/referral-tree.ts'

/** Sum of distances over pairs within the tree of `root`, by walking from everybody to everybody. */
function distancesByWalking(parents: Int32Array, root: number): { people: number; distanceSum: number } {
  const neighbours = Array.from(parents, () => [] as number[])
  for (const [person, parent] of parents.entries()) {
    if (parent === NO_PARENT) continue
    neighbours[person]?.push(parent)
    neighbours[parent]?.push(person)
  }
  const walk = (from: number): Map<number, number> => {
    const distances = new Map([[from, 0]])
    for (const [person, distance] of distances) {
      for (const next of neighbours[person] as number[]) if (!distances.has(next)) distances.set(next, distance + 1)
    }
    return distances
  }
  const tree = [...walk(root).keys()]
  const distanceSum = tree.flatMap((person) => [...walk(person).values()]).reduce((a, b) => a + b, 0) / 2
  return { people: tree.length, distanceSum }
}

/** Any forest: each person's parent is somebody numbered before it, then all are renumbered at random. */
const forests = fc.integer({ min: 1, max: 24 }).chain((people) =>
  fc
    .tuple(
      fc.array(fc.integer({ min: -2, max: people }), { minLength: people, maxLength: people }),
      fc.shuffledSubarray([...Array(people).keys()], { minLength: people, maxLength: people }),
    )
    .map(([picks, names]) => {
      const parents = new Int32Array(people).fill(NO_PARENT)
      for (const [person, pick] of picks.entries()) {
        if (person > 0 && pick >= 0) parents[names[person] as number] = names[pick % person] as number
      }
      return parents
    }),
)

describe('a forest at once', () => {
  it.each([
    ['one alone', [-1], [1], null],
    ['a pair', [-1, 0], [1, 1], 1],
    ['a star: all by one', [-1, 0, 0, 0, 0], [1, 4], 2 - 2 / 5],
    ['a chain', [-1, 0, 1, 2], [1, 1, 1, 1], 5 / 3],
    ['a chain, numbered backwards', [1, 2, 3, -1], [1, 1, 1, 1], 5 / 3],
    ['two generations', [-1, 0, 0, 1, 1, 2], [1, 2, 3], 32 / 15],
  ] as [string, number[], number[], number | null][])('%s', (_name, parents, generations, structuralVirality) => {
    const { trees } = referralForest(Int32Array.from(parents))
    expect(trees).toHaveLength(1)
    expect(trees[0]).toMatchObject({ people: parents.length, depth: generations.length - 1, generations })
    if (structuralVirality === null) expect(trees[0]?.structuralVirality).toBeNull()
    else expect(trees[0]?.structuralVirality).toBeCloseTo(structuralVirality, 14)
  })

  it('is what walking between all pairs gives', () => {
    fc.assert(
      fc.property(forests, (parents) => {
        const { trees, depths, roots, sizes } = referralForest(parents)
        expect(trees.map(({ people }) => people).reduce((a, b) => a + b, 0)).toBe(parents.length)
        for (const tree of trees) {
          const { people, distanceSum } = distancesByWalking(parents, tree.root)
          expect(tree.people).toBe(people)
          expect(sizes[tree.root]).toBe(people)
          if (people === 1) expect(tree.structuralVirality).toBeNull()
          else expect(tree.structuralVirality).toBeCloseTo((2 * distanceSum) / (people * (people - 1)), 12)
          const levels = [...depths].filter((_, person) => roots[person] === tree.root)
          expect(tree.generations).toEqual(Array.from({ length: tree.depth + 1 }, (_, d) => levels.filter((l) => l === d).length))
        }
        for (const [person, parent] of parents.entries()) {
          expect(depths[person]).toBe(parent === NO_PARENT ? 0 : (depths[parent] as number) + 1)
        }
      }),
    )
  })

  it('refuses parents that go round', () => {
    expect(() => referralForest(Int32Array.from([1, 0, NO_PARENT, 0]))).toThrow(RangeError)
    expect(() => referralForest(Int32Array.from([0]))).toThrow(RangeError)
  })

  it('takes edges in any order, and drops what has no place', () => {
    const edges = [
      [2, 3],
      [0, 1],
      [1, 2],
      [3, 0],
      [4, 4],
      [4, 1],
      [3, 5],
    ] as const
    const { parents, dropped } = forestFromEdges(6, edges)
    expect([...parents]).toEqual([NO_PARENT, 0, 1, 2, NO_PARENT, 3])
    expect(dropped).toEqual({ self: 1, second_parent: 1, loop: 1 })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 30 }), (any) => {
        const forest = forestFromEdges(10, any)
        const kept = [...forest.parents].filter((parent) => parent !== NO_PARENT).length
        const { self, second_parent, loop } = forest.dropped
        expect(kept + self + second_parent + loop).toBe(any.length)
        expect(() => referralForest(forest.parents)).not.toThrow()
      }),
    )
  })

  it('has a mean over trees with a pair', () => {
    expect(meanStructuralVirality(referralForest(Int32Array.from([-1, 0, -1, -1, 3, 4])).trees)).toBeCloseTo((1 + 4 / 3) / 2, 14)
    expect(meanStructuralVirality(referralForest(Int32Array.from([-1, -1])).trees)).toBeNull()
  })
})

describe('a forest that changes edge by edge', () => {
  it('is at each step the forest at once', () => {
    const changes = fc.array(fc.tuple(fc.nat(14), fc.nat(14)), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(changes, (picks) => {
        const growing = new GrowingTrees()
        for (let person = 0; person < 15; person += 1) expect(growing.add()).toBe(person)
        for (const [child, parent] of picks) {
          if (growing.parentOf(child) !== NO_PARENT) growing.detach(child)
          else {
            const isLoop = growing.rootOf(parent) === child
            expect(growing.attach(child, parent)).toBe(!isLoop)
          }
          const { trees, depths, roots, sizes } = referralForest(growing.parents())
          const everybody = [...Array(15).keys()]
          expect(everybody.map((person) => growing.depthOf(person))).toEqual([...depths])
          expect(everybody.map((person) => growing.rootOf(person))).toEqual([...roots])
          expect(everybody.map((person) => growing.sizeBelow(person))).toEqual([...sizes])
          for (const tree of trees) expect(growing.structuralVirality(tree.root)).toBe(tree.structuralVirality)
        }
        const restored = GrowingTrees.of(growing.parents())
        for (let person = 0; person < 15; person += 1) expect(restored.distanceSum(person)).toBe(growing.distanceSum(person))
      }),
      { numRuns: 40 },
    )
  })

  it('comes back to what it was when a branch leaves and returns', () => {
    fc.assert(
      fc.property(forests, (parents) => {
        const growing = GrowingTrees.of(parents)
        const sums = () => [...parents.keys()].map((person) => growing.distanceSum(person))
        const before = sums()
        for (const [person, parent] of parents.entries()) {
          if (parent === NO_PARENT) continue
          growing.detach(person)
          expect(growing.distanceSum(person)).toBe(distancesByWalking(growing.parents(), person).distanceSum)
          growing.attach(person, parent)
        }
        expect(sums()).toEqual(before)
      }),
    )
  })

  it('stays exact in a chain of 5,000 and takes no loop', () => {
    const people = 5000
    const growing = new GrowingTrees()
    for (let person = 0; person < people; person += 1) growing.add()
    for (let person = people - 1; person > 0; person -= 1) growing.attach(person, person - 1)
    // A path of n: mean distance (n + 1) / 3.
    expect(growing.structuralVirality(0)).toBeCloseTo((people + 1) / 3, 9)
    expect(growing.attach(0, people - 1)).toBe(false)
    expect(growing.attach(0, 0)).toBe(false)
    expect(() => growing.attach(3, 0)).toThrow(RangeError)
    expect(() => growing.detach(0)).toThrow(RangeError)
    expect(growing.count).toBe(people)
  })
})
