/**
 * Sharing partitions out among members: as evenly as it goes (counts differ by one at most), and each member keeps as
 * much of what it has as that allows. A partition number means the same in every co-partitioned topic, so numbers are
 * shared out, not topics: what one subject touches stays with one member. Deterministic in its input.
 */

export interface Claimant {
  readonly id: string
  /** What it owned, and in which generation: of two that claim a partition the newer one is right. */
  readonly owned: readonly number[]
  readonly generation: number
}

/** Partitions by member id, ascending; every partition 0 to `partitions` - 1 exactly once while there are members. */
export function assignSticky(claimants: readonly Claimant[], partitions: number): Map<string, number[]> {
  const shares = new Map(kept(claimants, partitions))
  if (shares.size === 0) return shares
  const floor = Math.floor(partitions / shares.size)
  let above = partitions % shares.size
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  // Those who keep most get the larger shares, so that the fewest partitions move.
  const byKept = [...shares].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
  const quotas = byKept.map(([id, share]) => {
    const quota = floor + (above > 0 ? 1 : 0)
    above -= 1
    share.splice(quota)
    for (const partition of share) free.delete(partition)
    return { id, quota }
  })
  const waiting = [...free]
  for (const { id, quota } of quotas) {
    const share = shares.get(id) ?? []
    share.push(...waiting.splice(0, quota - share.length))
    share.sort((a, b) => a - b)
  }
  return shares
}

/**
 * The same, but a partition that is to go from one member to another is given to nobody: who has it puts it down and asks
 * again, and only then it is free. So a partition is never at two members, and those that stay are not touched.
 */
export function assignCooperatively(claimants: readonly Claimant[], partitions: number): Map<string, number[]> {
  const owners = ownersOf(claimants, partitions)
  const isFree = (partition: number, id: string) => (owners.get(partition)?.id ?? id) === id
  return new Map([...assignSticky(claimants, partitions)].map(([id, share]) => [id, share.filter((partition) => isFree(partition, id))]))
}

/** What each member has a right to, ascending. */
function kept(claimants: readonly Claimant[], partitions: number): [string, number[]][] {
  const owners = ownersOf(claimants, partitions)
  return sortedById(claimants).map(({ id }) => {
    const own = [...owners].filter(([, owner]) => owner.id === id).map(([partition]) => partition)
    return [id, own.sort((a, b) => a - b)]
  })
}

/** Who has which partition. */
function ownersOf(claimants: readonly Claimant[], partitions: number): Map<number, Claimant> {
  const owners = new Map<number, Claimant>()
  for (const claimant of sortedById(claimants)) {
    for (const partition of claimant.owned) {
      const other = owners.get(partition)
      const isPartition = Number.isInteger(partition) && partition >= 0 && partition < partitions
      if (isPartition && (other === undefined || claimant.generation > other.generation)) owners.set(partition, claimant)
    }
  }
  return owners
}

function sortedById(claimants: readonly Claimant[]): Claimant[] {
  return [...claimants].sort((a, b) => (a.id < b.id ? -1 : 1))
}
