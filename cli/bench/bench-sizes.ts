/** How large a run of the bench is: everything follows from the number of events. */

export interface BenchSizes {
  /** Events that are imported. */
  readonly events: number
  /** Whether these are the sizes that the limits speak of. */
  readonly isFull: boolean
  /** Events sent over HTTP in a case of batches, and one by one. */
  readonly batchedEvents: number
  readonly singleEvents: number
  /** Requests a second of one event each at which latency is measured, and events a second while somebody watches. */
  readonly paceRate: number
  readonly watchedRate: number
  readonly paceSeconds: number
  /** Watchers of `/v1/live` at once, and updates that all of them wait for. */
  readonly liveClients: number
  readonly liveRounds: number
  /** Times that a query of each kind is asked. */
  readonly queries: number
  /** Starts of which the slowest counts. */
  readonly starts: number
  /** How long memory may settle after the import, ms. */
  readonly settleMs: number
}

export const DEFAULT_EVENTS = 200_000
export const FULL_EVENTS = 10_000_000
/** From here on rates and watchers have their full size. */
const FULL_RATE_EVENTS = 200_000
const FULL_RATE = 10_000

/** Sizes of a run of so many events. */
export function sizesFor(events: number): BenchSizes {
  const isFull = events >= FULL_EVENTS
  const isSmall = events < FULL_RATE_EVENTS
  const rate = Math.max(50, Math.min(FULL_RATE, Math.floor((FULL_RATE * events) / FULL_RATE_EVENTS)))
  return {
    events,
    isFull,
    batchedEvents: Math.min(events, 1_000_000),
    singleEvents: Math.min(Math.ceil(events / 2), 300_000),
    paceRate: rate,
    watchedRate: Math.ceil(rate / 2),
    paceSeconds: isFull ? 30 : isSmall ? 1 : 5,
    liveClients: rate,
    liveRounds: isSmall ? 2 : 10,
    queries: isFull ? 100 : isSmall ? 5 : 20,
    starts: isSmall ? 1 : 3,
    settleMs: isFull ? 20_000 : isSmall ? 200 : 3_000,
  }
}
