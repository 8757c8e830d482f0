/**
 * Traffic for `kappa up --demo`: a product that was quiet for two weeks and takes off in the hours before now. First
 * the history up to now, then the same process as it goes on, event by event. Clock, sleep and seed are given.
 */
import type { IncomingEvent } from '../schemas/events.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import { DAY_MS, HOUR_MS } from '../schemas/windows.ts'
import { EventQueue } from './event-queue.ts'
import { expectedEventsPerPerson, type Person, personStory, type ReferralProcess, unreferredPerson } from './person-story.ts'
import { createRandom, type Random } from './random.ts'

export interface LiveTrafficOptions {
  readonly clock: Clock
  readonly sleep: (ms: number) => Promise<void>
  readonly seed: number
  /** Ends the traffic at the next step. */
  readonly signal?: AbortSignal
  /** Events a second that the live part settles at; 8 without it. */
  readonly eventsPerSecond?: number
}

/** `history` comes once, first, to be imported; then `live`, to be sent as it comes. */
export interface TrafficStep {
  readonly kind: 'history' | 'live'
  /** Oldest first; live events occur at the instant of the step. */
  readonly events: readonly IncomingEvent[]
}

const HISTORY_DAYS = 14
const STEP_MS = 250
/** Long beside the pane of the 7-day window, whose running end lies up to an hour ahead; real products take days. */
const PROCESS: ReferralProcess = { k: 0.8, dispersion: 0.6, generationMeanMs: 6 * HOUR_MS }
/** Events of the two quiet weeks, about. */
const QUIET_EVENTS = 16_000
/** The take-off: in each such span before now the arrivals grow by the factor e. */
const TAKE_OFF_MS = 3 * HOUR_MS

/** Endless, until the signal. Rejects as `sleep` does. */
export async function* liveTraffic(options: LiveTrafficOptions): AsyncGenerator<TrafficStep, void, undefined> {
  const { clock, sleep, seed, signal, eventsPerSecond = 8 } = options
  const startedMs = clock.nowMs()
  const traffic = new Traffic(seed, startedMs, eventsPerSecond)
  const history = traffic.until(startedMs)
  yield { kind: 'history', events: history.map(({ atMs, event }) => at(event, atMs)) }
  const isOver = () => signal?.aborted === true
  while (!isOver()) {
    await sleep(STEP_MS)
    const nowMs = clock.nowMs()
    const due = traffic.until(nowMs)
    if (due.length > 0 && !isOver()) yield { kind: 'live', events: due.map(({ event }) => at(event, nowMs)) }
  }
}

function at(event: IncomingEvent, atMs: number): IncomingEvent {
  return { ...event, occurred_at: new Date(atMs).toISOString() }
}

type Due = { readonly person: Person } | { readonly event: IncomingEvent }

/** The process itself: people who come by themselves at a changing rate, and all that follows from them. */
class Traffic {
  private readonly queue = new EventQueue<Due>()
  private readonly random: Random
  private readonly seed: number
  private readonly startedMs: number
  private readonly quietPerMs: number
  private readonly livePerMs: number
  private nextArrivalMs: number
  private named = 0

  constructor(seed: number, startedMs: number, eventsPerSecond: number) {
    this.random = createRandom(seed)
    this.seed = seed
    this.startedMs = startedMs
    // Everybody who comes brings 1 / (1 - K) people in the long run, itself included.
    const eventsPerArrival = expectedEventsPerPerson(PROCESS.k) / (1 - PROCESS.k)
    this.quietPerMs = QUIET_EVENTS / eventsPerArrival / (HISTORY_DAYS * DAY_MS)
    this.livePerMs = eventsPerSecond / 1_000 / eventsPerArrival
    this.nextArrivalMs = startedMs - HISTORY_DAYS * DAY_MS
  }

  /** Everything that is due by `limitMs` and was not given yet, in order. */
  until(limitMs: number): { atMs: number; event: IncomingEvent }[] {
    const events: { atMs: number; event: IncomingEvent }[] = []
    this.arriveUntil(limitMs)
    for (let due = this.queue.takeUntil(limitMs); due !== undefined; due = this.queue.takeUntil(limitMs)) {
      if ('event' in due.item) {
        events.push({ atMs: due.atMs, event: due.item.event })
        continue
      }
      const story = personStory(due.item.person, PROCESS, this.random, () => this.nextName())
      for (const { atMs, event } of story.events) this.queue.add(atMs, { event })
      for (const child of story.children) this.queue.add(child.arrivalMs, { person: child })
    }
    return events
  }

  /** People who come by themselves: an inhomogeneous Poisson process by thinning (Lewis and Shedler 1979). */
  private arriveUntil(limitMs: number): void {
    const mostPerMs = this.livePerMs + 2 * this.quietPerMs
    while (this.nextArrivalMs <= limitMs) {
      const arrivalMs = Math.floor(this.nextArrivalMs)
      if (this.random.uniform() * mostPerMs < this.ratePerMs(arrivalMs)) {
        this.queue.add(arrivalMs, { person: unreferredPerson(this.nextName(), arrivalMs, this.random) })
      }
      this.nextArrivalMs += this.random.exponential(1 / mostPerMs)
    }
  }

  /** Arrivals by themselves per ms: quiet days with more by day than by night, and the take-off, which ends in the live rate. */
  private ratePerMs(atMs: number): number {
    const hourOfDay = (atMs % DAY_MS) / HOUR_MS
    const quiet = this.quietPerMs * (1 - 0.8 * Math.cos(((hourOfDay - 3) / 24) * 2 * Math.PI))
    return quiet + this.livePerMs * Math.min(1, Math.exp((atMs - this.startedMs) / TAKE_OFF_MS))
  }

  private nextName(): string {
    this.named += 1
    return `demo-${this.seed}-${this.named}`
  }
}
