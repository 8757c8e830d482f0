/**
 * Experiments in which the arms do nothing, as streams of changes of units: what an analysis must not see a difference in.
 * Each kind is hard in its own way: units that go on acting long after their assignment, trees of very uneven size that grow
 * with themselves, money with a heavy tail, small arms, several arms.
 */
import type { UnitValue } from '../metrics/arm-sums.ts'
import type { Random } from './random.ts'

/** One event: unit `unit` (a number from 0 on) now stands at `after`; `before` is null at its assignment. */
export interface UnitChange {
  readonly unit: number
  readonly before: UnitValue | null
  readonly after: UnitValue
}

export interface NullExperiment {
  readonly name: string
  /** Weights of the arms, the control first. */
  readonly weights: readonly number[]
  /**
   * Smallest difference that matters, in the value's own unit: three standard errors after 2,000 events, where the
   * boundary of the always-valid test is lowest and false positives are most likely.
   */
  readonly effect: number
  /** Endless changes of its units. */
  changes(random: Random): Generator<UnitChange>
}

/** Accepted invites over invites: every person has its own rate of acceptance and its own zeal, and new people come all the time. */
function* acceptance(random: Random): Generator<UnitChange> {
  const people = new GrowingUnits<{ rate: number; zeal: number }>()
  for (;;) {
    if (people.size < 20 || random.uniform() < 0.3) {
      const [accepted, refused] = [random.gamma(1, 1), random.gamma(2, 1)]
      yield people.add({ rate: accepted / (accepted + refused), zeal: random.gamma(0.8, 2) }, { numerator: 0, denominator: 0 })
      continue
    }
    const unit = people.pick(random, ({ zeal }) => Math.min(1, zeal / 6))
    const isAccepted = random.uniform() < people.of(unit).rate
    yield people.grow(unit, { numerator: isAccepted ? 1 : 0, denominator: 1 })
  }
}

/** Referred people over people, by tree: half of all arrivals come through somebody, a tree grows in proportion to its size. */
function* referralRate(random: Random): Generator<UnitChange> {
  const trees = new GrowingUnits<null>()
  const treeOfPerson: number[] = []
  for (;;) {
    if (treeOfPerson.length === 0 || random.uniform() < 0.5) {
      treeOfPerson.push(trees.size)
      yield trees.add(null, { numerator: 0, denominator: 1 })
      continue
    }
    const tree = treeOfPerson[Math.floor(random.uniform() * treeOfPerson.length)] as number
    treeOfPerson.push(tree)
    yield trees.grow(tree, { numerator: 1, denominator: 1 })
  }
}

/** Revenue per person: three in ten ever buy, some again and again, amounts are log-normal with a standard deviation of 1.2. */
function* revenue(random: Random): Generator<UnitChange> {
  const people = new GrowingUnits<{ buys: boolean }>()
  for (;;) {
    if (people.size < 20 || random.uniform() < 0.6) {
      yield people.add({ buys: random.uniform() < 0.3 }, { numerator: 0, denominator: 1 })
      continue
    }
    const unit = people.pick(random, ({ buys }) => (buys ? 1 : 0.02))
    const normal = Math.sqrt(-2 * Math.log1p(-random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
    yield people.grow(unit, { numerator: Math.round(2_000 * Math.exp(1.2 * normal)), denominator: 0 })
  }
}

/** One trial a person with 6 in 100 successes, known at once: many looks at few successes. */
function* rareSuccess(random: Random): Generator<UnitChange> {
  for (let unit = 0; ; unit += 1) yield { unit, before: null, after: { numerator: random.uniform() < 0.06 ? 1 : 0, denominator: 1 } }
}

export const NULL_EXPERIMENTS: readonly NullExperiment[] = [
  { name: 'acceptance, by actor', weights: [1, 1], effect: 0.13, changes: acceptance },
  { name: 'acceptance, by actor, 4 to 1', weights: [4, 1], effect: 0.16, changes: acceptance },
  { name: 'referral rate, by tree', weights: [1, 1], effect: 0.14, changes: referralRate },
  { name: 'revenue per person', weights: [1, 1], effect: 1_600, changes: revenue },
  { name: 'revenue per person, 4 to 1', weights: [4, 1], effect: 2_000, changes: revenue },
  { name: 'rare success', weights: [1, 1], effect: 0.03, changes: rareSuccess },
  { name: 'rare success, four arms', weights: [1, 1, 1, 1], effect: 0.043, changes: rareSuccess },
]

/** Units with a nature of their own and what stands against them so far. */
class GrowingUnits<Nature> {
  readonly #natures: Nature[] = []
  readonly #values: UnitValue[] = []

  get size(): number {
    return this.#natures.length
  }

  of(unit: number): Nature {
    return this.#natures[unit] as Nature
  }

  add(nature: Nature, value: UnitValue): UnitChange {
    this.#natures.push(nature)
    this.#values.push(value)
    return { unit: this.#natures.length - 1, before: null, after: value }
  }

  /** One at random, in proportion to a share in [0, 1] (by rejection). */
  pick(random: Random, share: (nature: Nature) => number): number {
    for (;;) {
      const unit = Math.floor(random.uniform() * this.size)
      if (random.uniform() < share(this.of(unit))) return unit
    }
  }

  grow(unit: number, by: UnitValue): UnitChange {
    const before = this.#values[unit] as UnitValue
    const after = { numerator: before.numerator + by.numerator, denominator: before.denominator + by.denominator }
    this.#values[unit] = after
    return { unit, before, after }
  }
}
