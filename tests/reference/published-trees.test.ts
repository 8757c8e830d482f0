import { describe, expect, it } from 'vitest'
import { GrowingTrees } from '../../metrics/growing-trees.ts'
import { forestFromEdges, meanStructuralVirality, referralForest } from '../../metrics/referral-tree.ts'
import { hasReference, notThere, referenceRows, referenceText } from '../support/reference-files.ts'

interface TreeEdge extends Record<string, string> {
  tree_id: string
  infector: string
  infectee: string
}

/** The forest of edges between names, at once and edge by edge; both must agree. */
function forestOf(edges: readonly (readonly [parent: string, child: string])[]) {
  const numbers = new Map<string, number>()
  const numberOf = (name: string): number => {
    const known = numbers.get(name) ?? numbers.size
    numbers.set(name, known)
    return known
  }
  const numbered = edges.map(([parent, child]) => [numberOf(parent), numberOf(child)] as const)
  const { parents, dropped } = forestFromEdges(numbers.size, numbered)
  const forest = referralForest(parents)
  const growing = GrowingTrees.of(parents)
  for (const tree of forest.trees) {
    expect(growing.sizeBelow(tree.root)).toBe(tree.people)
    expect(growing.structuralVirality(tree.root)).toBe(tree.structuralVirality)
  }
  const largest = forest.trees.reduce((a, b) => (b.people > a.people ? b : a))
  const deepest = Math.max(...forest.trees.map(({ depth }) => depth))
  return { people: numbers.size, dropped, trees: forest.trees.length, largest, deepest, mean: meanStructuralVirality(forest.trees) }
}

describe('published trees', () => {
  it('OutbreakTrees: size, generations and first generation of 191 trees', ({ skip }) => {
    if (!hasReference('outbreaktrees')) skip(notThere('outbreaktrees'))
    const edges = new Map<string, [string, string][]>()
    for (const { tree_id, infector, infectee } of referenceRows('outbreaktrees/edges.csv.gz') as TreeEdge[]) {
      edges.set(tree_id, [...(edges.get(tree_id) ?? []), [infector, infectee]])
    }
    let compared = 0
    for (const row of referenceRows('outbreaktrees/tree_summary_reference.csv')) {
      const { trees, largest } = forestOf(edges.get(row['id'] as string) ?? [])
      expect(trees, row['id']).toBe(1)
      expect(largest.people, row['id']).toBe(Number(row['Size']))
      expect(largest.depth, row['id']).toBe(Number(row['Generations']))
      if (row['Gen1 Size'] !== 'NA') expect(largest.generations[1], row['id']).toBe(Number(row['Gen1 Size']))
      compared += 1
    }
    expect(compared).toBe(191)
  })

  it('Korea: infections, with edges that have no place', ({ skip }) => {
    if (!hasReference('korea-covid-infections')) skip(notThere('korea-covid-infections'))
    const rows = referenceRows('korea-covid-infections/infection_edges.csv')
    const figures = forestOf(rows.map((row) => [row['infector_id'] as string, row['infectee_id'] as string]))
    expect(figures).toMatchObject({ people: 1713, trees: 382, deepest: 7, dropped: { self: 4, second_parent: 1, loop: 9 } })
    expect(figures.mean).toBeCloseTo(1.3464756, 7)
    expect(figures.largest).toMatchObject({ people: 67, generations: [1, 24, 28, 5, 7, 1, 1] })
    expect(figures.largest.structuralVirality).toBeCloseTo(3.7069199, 7)
  })

  it('advisors and students: deep trees', ({ skip }) => {
    if (!hasReference('cs-phd-genealogy')) skip(notThere('cs-phd-genealogy'))
    const rows = referenceRows('cs-phd-genealogy/advisor_student_edges.csv')
    const figures = forestOf(rows.map((row) => [row['advisor_id'] as string, row['student_id'] as string]))
    expect(figures).toMatchObject({ people: 1025, trees: 41, deepest: 10, dropped: { self: 0, second_parent: 59, loop: 0 } })
    expect(figures.mean).toBeCloseTo(2.7640115, 7)
    expect(figures.largest).toMatchObject({ people: 216, generations: [1, 1, 1, 2, 1, 13, 42, 61, 52, 34, 8] })
    expect(figures.largest.structuralVirality).toBeCloseTo(6.2121016, 7)
  })

  it('Weibo: 30 cascades with their paths', ({ skip }) => {
    if (!hasReference('weibo-casflow-sample')) skip(notThere('weibo-casflow-sample'))
    const edges = referenceText('weibo-casflow-sample/dataset.txt.gz')
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [cascade, , , , reposts] = line.split('\t') as [string, string, string, string, string]
        return reposts.split(' ').flatMap((repost) => {
          const path = (repost.split(':')[0] as string).split('/').map((user) => `${cascade} ${user}`)
          return path.length < 2 ? [] : [[path.at(-2) as string, path.at(-1) as string] as const]
        })
      })
    const figures = forestOf(edges)
    expect(figures).toMatchObject({ people: 7096, trees: 31, deepest: 4, dropped: { self: 2, second_parent: 50, loop: 0 } })
    expect(figures.mean).toBeCloseTo(2.191026, 6)
    expect(figures.largest).toMatchObject({ people: 2224, generations: [1, 1245, 974, 4] })
    expect(figures.largest.structuralVirality).toBeCloseTo(2.8613624, 6)
  })
})
