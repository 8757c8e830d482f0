/**
 * Who brought whom, as trees: generations, sizes and structural virality (METRICS "generation", "structural_virality"). Goel,
 * Anderson, Hofman, Watts (2016), "The structural virality of online diffusion", Management Science 62:180. People are
 * numbered 0, 1, 2, ...
 */

/** Stands for "nobody" in a column of parents. */
export const NO_PARENT = -1

/** Why an edge has no place in a forest. */
export type DroppedEdge = 'self' | 'second_parent' | 'loop'

export interface ForestEdges {
  /** Parent of each person, `NO_PARENT` for a root. */
  readonly parents: Int32Array
  /** Edges left out. */
  readonly dropped: Readonly<Record<DroppedEdge, number>>
}

export interface ReferralTree {
  readonly root: number
  readonly people: number
  /** Referrals between the root and the people furthest from it. */
  readonly depth: number
  /** People by generation; the root is generation 0. */
  readonly generations: readonly number[]
  /** Mean distance over all pairs of people; null in a tree of one, which has no pair. */
  readonly structuralVirality: number | null
}

export interface ReferralForest {
  /** By root, ascending. */
  readonly trees: readonly ReferralTree[]
  /** Of each person: referrals between it and its root, its root, and people below it with itself. */
  readonly depths: Int32Array
  readonly roots: Int32Array
  readonly sizes: Int32Array
}

/**
 * A forest from edges in any order: the first edge that names a child wins, and none may name a child its own ancestor.
 *
 * @param people how many there are; edges name numbers below it
 */
export function forestFromEdges(people: number, edges: Iterable<readonly [parent: number, child: number]>): ForestEdges {
  const parents = new Int32Array(people).fill(NO_PARENT)
  const dropped = { self: 0, second_parent: 0, loop: 0 }
  // Which tree somebody is in, by links that are halved as they are walked (Tarjan and van Leeuwen 1984).
  const links = Int32Array.from({ length: people }, (_, person) => person)
  const treeOf = (person: number): number => {
    let at = person
    while (links[at] !== at) {
      links[at] = links[links[at] as number] as number
      at = links[at] as number
    }
    return at
  }
  for (const [parent, child] of edges) {
    if (parent === child) dropped.self += 1
    else if (parents[child] !== NO_PARENT) dropped.second_parent += 1
    else if (treeOf(parent) === treeOf(child)) dropped.loop += 1
    else {
      parents[child] = parent
      links[treeOf(child)] = treeOf(parent)
    }
  }
  return { parents, dropped }
}

/**
 * Every tree of a forest, in time and memory linear in its people.
 *
 * @param parents of each person its parent or `NO_PARENT`
 * @throws RangeError when parents go round in a loop
 */
export function referralForest(parents: Int32Array): ReferralForest {
  const people = parents.length
  const order = fromRootsDown(parents)
  const depths = new Int32Array(people)
  const roots = new Int32Array(people)
  for (const person of order) {
    const parent = parents[person] as number
    depths[person] = parent === NO_PARENT ? 0 : (depths[parent] as number) + 1
    roots[person] = parent === NO_PARENT ? person : (roots[parent] as number)
  }
  const sizes = new Int32Array(people).fill(1)
  for (let index = people - 1; index >= 0; index -= 1) {
    const person = order[index] as number
    const parent = parents[person] as number
    if (parent !== NO_PARENT) sizes[parent] = (sizes[parent] as number) + (sizes[person] as number)
  }
  // Each pair's path crosses the edges that part it: an edge with s people below it parts s (n - s) pairs.
  const distances = new Float64Array(people)
  const generations = new Map<number, number[]>()
  for (let person = 0; person < people; person += 1) {
    const root = roots[person] as number
    const below = sizes[person] as number
    distances[root] = (distances[root] as number) + below * ((sizes[root] as number) - below)
    const levels = generations.get(root) ?? []
    if (levels.length === 0) generations.set(root, levels)
    const depth = depths[person] as number
    while (levels.length <= depth) levels.push(0)
    levels[depth] = (levels[depth] as number) + 1
  }
  const trees = [...generations].map(([root, levels]) => {
    const size = sizes[root] as number
    return {
      root,
      people: size,
      depth: levels.length - 1,
      generations: levels,
      structuralVirality: meanDistance(size, distances[root] as number),
    }
  })
  return { trees: trees.sort((a, b) => a.root - b.root), depths, roots, sizes }
}

/** Mean distance over the pairs of `people` whose distances sum to `distanceSum`; null with fewer than two people. */
export function meanDistance(people: number, distanceSum: number): number | null {
  return people < 2 ? null : (2 * distanceSum) / (people * (people - 1))
}

/** Plain mean over trees, those of one person left out; null when no tree has two. */
export function meanStructuralVirality(trees: Iterable<{ readonly structuralVirality: number | null }>): number | null {
  let total = 0
  let count = 0
  for (const { structuralVirality } of trees) {
    if (structuralVirality === null) continue
    total += structuralVirality
    count += 1
  }
  return count === 0 ? null : total / count
}

/** All people, each after its parent. */
function fromRootsDown(parents: Int32Array): Int32Array {
  const firstChild = new Int32Array(parents.length).fill(NO_PARENT)
  const nextSibling = new Int32Array(parents.length).fill(NO_PARENT)
  const order = new Int32Array(parents.length)
  let placed = 0
  for (let person = 0; person < parents.length; person += 1) {
    const parent = parents[person] as number
    if (parent === NO_PARENT) {
      order[placed] = person
      placed += 1
      continue
    }
    nextSibling[person] = firstChild[parent] as number
    firstChild[parent] = person
  }
  for (let index = 0; index < placed; index += 1) {
    let child = firstChild[order[index] as number] as number
    while (child !== NO_PARENT) {
      order[placed] = child
      placed += 1
      child = nextSibling[child] as number
    }
  }
  if (placed < parents.length) throw new RangeError(`${parents.length - placed} people are their own ancestors, or below such`)
  return order
}
