import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignCooperatively, assignSticky, type Claimant } from '../../ingest/log/sticky-assignment.ts'
import { ownAll } from '../../schemas/ports/partition-ownership.ts'

const arbitraryClaimants = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 4 }),
    owned: fc.uniqueArray(fc.integer({ min: -1, max: 40 }), { maxLength: 20 }),
    generation: fc.nat(3),
  }),
  { minLength: 1, maxLength: 7, selector: ({ id }) => id },
)

const claim = (id: string, owned: readonly number[], generation = 1): Claimant => ({ id, owned, generation })
const shares = (claimants: readonly Claimant[], partitions: number) => Object.fromEntries(assignSticky(claimants, partitions))

describe('sticky assignment', () => {
  it('gives every partition to one member, as evenly as it goes, whatever is claimed and in whatever order it is asked', () => {
    fc.assert(
      fc.property(arbitraryClaimants, fc.nat(40), (claimants, partitions) => {
        const given = assignSticky(claimants, partitions)
        const all = [...given.values()].flat()
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, partition) => partition))
        const counts = [...given.values()].map((share) => share.length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        expect(Object.fromEntries(assignSticky([...claimants].reverse(), partitions))).toEqual(Object.fromEntries(given))
      }),
    )
  })

  it('moves nothing when the members stay, and only what it must when one comes or goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(30), (members, partitions) => {
        const ids = Array.from({ length: members }, (_, i) => `m${i}`)
        const before = assignSticky(
          ids.map((id) => claim(id, [])),
          partitions,
        )
        const claims = [...before].map(([id, owned]) => claim(id, owned))
        expect(assignSticky(claims, partitions)).toEqual(before)
        const after = assignSticky([...claims, claim('n', [], 0)], partitions)
        const moved = [...before].flatMap(([id, owned]) => owned.filter((partition) => !after.get(id)?.includes(partition)))
        expect(moved.length).toBe(after.get('n')?.length)
      }),
    )
  })

  it.each([
    ['a partition claimed twice stays with the newer generation', [claim('a', [0, 1], 3), claim('b', [0, 1], 4)], 2, { a: [1], b: [0] }],
    ['a member that left leaves its share to those with least', [claim('a', [0, 1]), claim('b', [2])], 6, { a: [0, 1, 3], b: [2, 4, 5] }],
    ['more members than partitions', [claim('a', []), claim('b', [0]), claim('c', [])], 1, { a: [], b: [0], c: [] }],
    ['nobody', [], 4, {}],
  ])('%s', (_, claimants, partitions, expected) => {
    expect(shares(claimants, partitions)).toEqual(expected)
  })
})

describe('cooperative assignment', () => {
  it('gives nothing away that another has, all that nobody has, and in the next round the rest', () => {
    fc.assert(
      fc.property(arbitraryClaimants, fc.nat(40), (claimants, partitions) => {
        const first = assignCooperatively(claimants, partitions)
        const given = [...first.values()].flat()
        expect(new Set(given).size).toBe(given.length)
        const isHad = (partition: number) => claimants.some(({ owned }) => owned.includes(partition))
        for (const [id, share] of first) {
          const had = claimants.find((claimant) => claimant.id === id)?.owned ?? []
          for (const partition of share) expect(had.includes(partition) || !isHad(partition)).toBe(true)
        }
        for (let partition = 0; partition < partitions; partition += 1) expect(isHad(partition) || given.includes(partition)).toBe(true)
        // Who was to give something away has put it down, and asks again.
        const next = assignCooperatively(
          [...first].map(([id, owned]) => claim(id, owned)),
          partitions,
        )
        const counts = [...next.values()].map((share) => share.length)
        expect([...next.values()].flat()).toHaveLength(partitions)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        for (const [id, share] of first) expect(next.get(id)).toEqual(expect.arrayContaining(share))
      }),
    )
  })

  it('moves half to one that comes, in two rounds, and leaves the other half alone', () => {
    const rounds = [
      [claim('a', [0, 1, 2, 3]), claim('b', [], 0)],
      [claim('a', [0, 1]), claim('b', [])],
    ].map((claimants) => Object.fromEntries(assignCooperatively(claimants, 4)))
    expect(rounds).toEqual([
      { a: [0, 1], b: [] },
      { a: [0, 1], b: [2, 3] },
    ])
  })
})

describe('ownership of everything', () => {
  it('owns all partitions from the start, always', async () => {
    const ownership = ownAll(3)
    expect(await ownership.join()).toEqual([0, 1, 2])
    expect(ownership.owned()).toEqual([0, 1, 2])
    expect(await ownership.isCurrent(ownership.generation)).toBe(true)
    expect(await ownership.note(new Map([[0, 1]]))).toBe(true)
    await ownership.close()
  })
})
