/**
 * Dense numbers for the people that a partition hears of, be it by their own events or as somebody who brought another:
 * what columns are indexed by. An actor has a second number, by which the warehouse knows it. Only an actor's own events
 * give it one, in the order of their partition, so that a recovery gives the same however partitions interleave; no
 * other partition gives out its `globalNumber`.
 */
import { grownTo } from './grown-cells.ts'

const NONE = -1

export interface ActorIdsSnapshot {
  /** By person. */
  readonly names: readonly string[]
  /** Number of the actor by person, -1 for one who has not acted. */
  readonly numbers: Int32Array
}

export class ActorIds {
  readonly #people: Map<string, number>
  readonly #names: string[]
  #numbers: Int32Array
  #actors = 0

  constructor(from?: ActorIdsSnapshot) {
    this.#names = from ? [...from.names] : []
    this.#people = new Map(this.#names.map((name, person) => [name, person]))
    this.#numbers = from ? from.numbers.slice() : new Int32Array(64).fill(NONE)
    for (const number of this.#numbers) if (number !== NONE) this.#actors += 1
  }

  /** The person of a name, numbered in order of appearance from 0. */
  personOf(name: string): number {
    let person = this.#people.get(name)
    if (person === undefined) {
      person = this.#names.push(name) - 1
      this.#people.set(name, person)
    }
    return person
  }

  /** The number of a person as an actor, given out when it is first asked for, from 0. */
  numberOf(person: number): number {
    this.#numbers = grownTo(this.#numbers, person, NONE)
    let number = this.#numbers[person] as number
    if (number === NONE) {
      number = this.#actors
      this.#actors += 1
      this.#numbers[person] = number
    }
    return number
  }

  nameOf(person: number): string {
    return this.#names[person] as string
  }

  snapshot(): ActorIdsSnapshot {
    return { names: this.#names, numbers: this.#numbers }
  }
}

/** Unique over all partitions, and never 0, which stands for nobody. */
export function globalNumber(number: number, partition: number, partitions: number): number {
  return number * partitions + partition + 1
}
