/**
 * Dense numbers for a partition's actors: what arrays are indexed by. Only an actor's own events give it one, in the
 * order of their partition, so that a recovery gives the same however partitions interleave. The warehouse knows an actor by `globalNumber`,
 * which no other partition gives out.
 */
export class ActorIds {
  readonly #numbers: Map<string, number>
  readonly #names: string[]

  constructor(from?: readonly string[]) {
    this.#names = from ? [...from] : []
    this.#numbers = new Map(this.#names.map((name, index) => [name, index]))
  }

  /** The number of an actor, given out in order of appearance from 0. */
  numberOf(actorId: string): number {
    let number = this.#numbers.get(actorId)
    if (number === undefined) {
      number = this.#names.push(actorId) - 1
      this.#numbers.set(actorId, number)
    }
    return number
  }

  /** The number of an actor that has one. */
  find(actorId: string): number | undefined {
    return this.#numbers.get(actorId)
  }

  nameOf(number: number): string {
    return this.#names[number] as string
  }

  get size(): number {
    return this.#names.length
  }

  snapshot(): string[] {
    return this.#names
  }
}

/** Unique over all partitions, and never 0, which stands for nobody. */
export function globalNumber(number: number, partition: number, partitions: number): number {
  return number * partitions + partition + 1
}
