/** Which commits stand in the log of commits: rows go out for no other, whoever believes to own the partition. */
import { ClaimReader, decodeCommitRecord } from '../../processors/runtime/commit-records.ts'
import type { StoredTopic } from './simulated-log.ts'

export class StandingCommits {
  readonly #topic: StoredTopic
  readonly #partitions: { readonly reader: ClaimReader; readonly positions: Set<string>; next: number }[]

  constructor(topic: StoredTopic) {
    this.#topic = topic
    this.#partitions = topic.partitions.map(() => ({ reader: new ClaimReader(), positions: new Set(), next: 0 }))
  }

  /** Whether the commit of each token that names one stands. */
  allow(token: string): boolean {
    return token.split('+').every((one) => {
      const [, partition, positions] = /^events-v\d+-p(\d+)-([\d.]+)$/.exec(one) ?? []
      return positions === undefined || this.#positionsOf(Number(partition)).has(positions)
    })
  }

  #positionsOf(partition: number): ReadonlySet<string> {
    const known = this.#partitions[partition]
    if (known === undefined) throw new RangeError(`there is no partition ${partition}`)
    for (const { value } of this.#topic.read(partition, known.next, Number.POSITIVE_INFINITY)) {
      known.next += 1
      const counted = known.reader.read(decodeCommitRecord(value))
      if (counted !== undefined && 'intend' in counted) known.positions.add(counted.positions.join('.'))
    }
    return known.positions
  }
}
