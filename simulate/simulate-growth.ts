/** `kappa simulate`: a referral process with known truth, as events. Pure: the same options give the same events. */
import type { IncomingEvent } from '../schemas/events.ts'
import { DAY_MS } from '../schemas/windows.ts'
import { cheatStory, type Cheat } from './cheat-story.ts'
import { expectedGrowth } from './expected-growth.ts'
import { GENERATION_SHAPE, type Person, personStory, type TimedEvent, unreferredPerson } from './person-story.ts'
import { createRandom } from './random.ts'

export interface SimulateOptions {
  /** People who come by themselves, spread evenly over the days. */
  readonly users: number
  readonly days: number
  /** Expected number of signups that one person brings in the long run. */
  readonly k: number
  readonly seed: number
  /** k of a negative binomial: the smaller, the fewer people bring most. Poisson without it. */
  readonly dispersion?: number
  /** Share of the unreferred users who cheat, 0 to 1. What they fake comes on top of K. */
  readonly fraud?: number
  /** First instant, epoch ms. */
  readonly startMs?: number
  /** Mean of the generation interval; a day without it. */
  readonly generationMeanMs?: number
}

export interface TruthDay {
  /** UTC instant at which the day begins, counted from the start of the simulation. */
  readonly from: string
  readonly unreferred: number
  readonly referred: number
  /** Expected number of people whom one who arrived on this day brings: constant by construction. */
  readonly r: number
  /** The same as it came out, of all whom they bring, also after the end; null without arrivals. */
  readonly r_realised: number | null
}

export interface Truth {
  readonly seed: number
  readonly from: string
  readonly to: string
  readonly users: number
  readonly days: number
  readonly k: number
  readonly dispersion: number | null
  readonly generation_interval: { readonly distribution: 'gamma'; readonly shape: number; readonly mean_s: number; readonly sd_s: number }
  readonly signups: number
  readonly referred_signups: number
  readonly r_by_day: readonly TruthDay[]
  /** Who brought whom, of all who signed up before the end: child to parent. Fake accounts are not in it. */
  readonly parents: Readonly<Record<string, string>>
  readonly cheats: readonly Cheat[]
}

export interface Simulation {
  /** By `occurred_at`, then event_id. */
  readonly events: IncomingEvent[]
  readonly truth: Truth
}

const DEFAULT_START_MS = Date.UTC(2026, 0, 5)
/** Expected people of a simulation; each has about four events. */
const PEOPLE_MAX = 1_000_000

/** Throws RangeError for options out of range, or when the process grows beyond 1,000,000 people within the days. */
export function simulate(options: SimulateOptions): Simulation {
  const { users, days, k, seed, dispersion, fraud = 0, startMs = DEFAULT_START_MS, generationMeanMs = DAY_MS } = options
  assertInRange('users', users, 1, PEOPLE_MAX)
  assertInRange('days', days, 0.01, 3_650)
  assertInRange('k', k, 0, 100)
  assertInRange('fraud', fraud, 0, 1)
  if (dispersion !== undefined) assertInRange('dispersion', dispersion, 0.001, 1e6)
  const expectedPeople = users * expectedGrowth(k, days, generationMeanMs).signupsPerUser
  if (!(expectedPeople <= PEOPLE_MAX)) {
    throw new RangeError(
      `K ${k} over ${days} days brings about ${expectedPeople.toPrecision(3)} people, more than ${PEOPLE_MAX}: take fewer days or users`,
    )
  }
  const random = createRandom(seed)
  const cheatRandom = createRandom(seed ^ 0x5bd1e995)
  const endMs = startMs + Math.round(days * DAY_MS)
  const process = { k, generationMeanMs, ...(dispersion === undefined ? {} : { dispersion }) }
  let named = 0
  const nameNext = () => {
    named += 1
    return `s${seed}-u${named}`
  }

  const waiting: Person[] = []
  for (let user = 0; user < users; user++) {
    const arrivalMs = startMs + 1 + Math.floor(((user + random.uniform()) / users) * (endMs - startMs - 1))
    waiting.push(unreferredPerson(nameNext(), arrivalMs, random))
  }
  waiting.reverse()

  const timed: TimedEvent[] = []
  const arrivals = Array.from({ length: Math.ceil(days) }, () => ({ unreferred: 0, referred: 0, brought: 0 }))
  const parents: Record<string, string> = {}
  const cheats: Cheat[] = []
  let signups = 0
  for (let person = waiting.pop(); person !== undefined; person = waiting.pop()) {
    signups += 1
    const { events, children } = personStory(person, process, random, nameNext)
    keepUntil(endMs, events, timed)
    const day = arrivals[Math.floor((person.arrivalMs - startMs) / DAY_MS)]
    if (day !== undefined) {
      day.brought += children.length
      if (person.parentId === null) day.unreferred += 1
      else day.referred += 1
    }
    if (person.parentId !== null) parents[person.id] = person.parentId
    for (const child of children) if (child.arrivalMs <= endMs) waiting.push(child)
    if (person.parentId === null && fraud > 0 && cheatRandom.uniform() < fraud) {
      const { events: faked, cheat } = cheatStory(person, cheats.length, cheatRandom)
      keepUntil(endMs, faked, timed)
      cheats.push(cheat)
    }
  }

  timed.sort((left, right) => left.atMs - right.atMs || compareText(left.event.event_id ?? '', right.event.event_id ?? ''))
  return {
    events: timed.map(({ atMs, event }) => ({ ...event, occurred_at: new Date(atMs).toISOString() })),
    truth: {
      seed,
      from: new Date(startMs).toISOString(),
      to: new Date(endMs).toISOString(),
      users,
      days,
      k,
      dispersion: dispersion ?? null,
      generation_interval: {
        distribution: 'gamma',
        shape: GENERATION_SHAPE,
        mean_s: generationMeanMs / 1_000,
        sd_s: generationMeanMs / 1_000 / Math.sqrt(GENERATION_SHAPE),
      },
      signups,
      referred_signups: signups - users,
      r_by_day: arrivals.map(({ unreferred, referred, brought }, day) => ({
        from: new Date(startMs + day * DAY_MS).toISOString(),
        unreferred,
        referred,
        r: k,
        r_realised: unreferred + referred === 0 ? null : brought / (unreferred + referred),
      })),
      parents,
      cheats,
    },
  }
}

function keepUntil(endMs: number, events: readonly TimedEvent[], kept: TimedEvent[]): void {
  for (const event of events) if (event.atMs <= endMs) kept.push(event)
}

function assertInRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be from ${least} to ${most}, not ${value}`)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
