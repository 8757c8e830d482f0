/**
 * Which arm of an experiment somebody is in: worked out from names alone, so that every server, every time and SQL say the
 * same without a table of assignments. Weighted rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings
 * to increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998; with weights: Schindelhauer and Schomaker,
 * "Weighted distributed hash tables", SPAA 2005): each arm draws an exponential time for the unit at the rate of its
 * weight, and the earliest wins. So the order of arms does not matter, an arm of weight 0 gets nobody, and when the
 * weight of one arm grows, people move into that arm and nowhere else.
 */
import { murmurHash3 } from './murmur-hash.ts'

/** What is assigned: people one by one, or a whole referral tree at once. */
export type AssignmentUnit = 'actor' | 'tree'

export interface Arm {
  readonly key: string
  /** Share in any scale (0.5, 50, 1 of 2): at least 0. */
  readonly weight: number
}

export interface Experiment {
  readonly key: string
  /** A new salt deals everybody anew; experiments that share a key and a salt share their assignments. */
  readonly salt: string
  readonly unit: AssignmentUnit
  readonly arms: readonly Arm[]
}

/** A person and the root of its referral tree, which is itself when nobody brought it. */
export interface AssignedPerson {
  readonly actorId: string
  readonly rootId: string
}

/**
 * A function that names the arm of a person: by `actorId`, or by `rootId` when trees are assigned. It takes a few
 * microseconds.
 *
 * @throws RangeError for no arm of a positive weight, a weight that is negative or not finite, two arms of one key, or a
 * NUL in a key or the salt (NUL parts them in what is hashed)
 */
export function createAssignment(experiment: Experiment): (person: AssignedPerson) => string {
  const { key, salt, arms } = experiment
  if (new Set(arms.map((arm) => arm.key)).size < arms.length) throw new RangeError(`two arms of ${key} have the same key`)
  if (arms.some(({ weight }) => !(weight >= 0 && weight < Infinity))) throw new RangeError(`a weight of ${key} is negative or not finite`)
  if ([key, salt, ...arms.map((arm) => arm.key)].some((part) => part.includes('\0'))) throw new RangeError(`a name in ${key} holds a NUL`)
  // In the order of keys, so that a tie (one in four thousand million) does not hang on the order of arms.
  const candidates = arms.filter(({ weight }) => weight > 0).sort((a, b) => (a.key < b.key ? -1 : 1))
  if (candidates.length === 0) throw new RangeError(`no arm of ${key} has a weight above 0`)
  return ({ actorId, rootId }) => {
    const unit = experiment.unit === 'tree' ? rootId : actorId
    let winner = ''
    let earliest = Infinity
    for (const arm of candidates) {
      const time = -Math.log(uniform(`${key}\0${salt}\0${arm.key}\0${unit}`)) / arm.weight
      if (time >= earliest) continue
      earliest = time
      winner = arm.key
    }
    return winner
  }
}

const UTF8 = new TextEncoder()

/** In (0, 1), never 0 or 1. */
function uniform(text: string): number {
  return (murmurHash3(UTF8.encode(text)) + 0.5) / 2 ** 32
}
