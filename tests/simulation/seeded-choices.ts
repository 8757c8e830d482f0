/** Everything that a seed decides is drawn here, in the order in which it is asked. */
import { createRandom } from '../../simulate/random.ts'

export interface Choices {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Exponential with the given mean. */
  exponential(mean: number): number
  chance(probability: number): boolean
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  /** One of the values; throws when there is none. */
  oneOf<Value>(values: readonly Value[]): Value
  bytes(length: number): Buffer
}

/** Choices of a seed (modulo 2^32). */
export function choicesOf(seed: number): Choices {
  const { uniform, exponential } = createRandom(seed)
  const int = (below: number) => Math.floor(uniform() * below)
  return {
    uniform,
    exponential,
    chance: (probability) => uniform() < probability,
    int,
    between: (least, most) => least + int(most - least + 1),
    oneOf(values) {
      if (values.length === 0) throw new RangeError('nothing to choose from')
      return values[int(values.length)] as (typeof values)[number]
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  }
}
