/** The same events in other orders and cuts, all under a seed. */
import type { Random } from '../../simulate/random.ts'

export interface SourceEvent {
  readonly line: string
  readonly occurredAtMs: number
}

export function parseEvents(ndjson: string): SourceEvent[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ line, occurredAtMs: Date.parse((JSON.parse(line) as { occurred_at: string }).occurred_at) }))
}

/** Every event at most `reachMs` behind the newest before it; a share of them a second time, as near. */
export function shuffleWithin(
  events: readonly SourceEvent[],
  { reachMs, repeated, random }: { readonly reachMs: number; readonly repeated: number; readonly random: Random },
): SourceEvent[] {
  const placed: { readonly event: SourceEvent; readonly place: number }[] = []
  for (const event of events) {
    const copies = random.uniform() < repeated ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) placed.push({ event, place: event.occurredAtMs + random.uniform() * reachMs })
  }
  return placed.sort((a, b) => a.place - b.place).map(({ event }) => event)
}

/** The furthest that an event is behind the newest before it, ms. */
export function furthestBehindMs(events: readonly SourceEvent[]): number {
  let newestMs = Number.NEGATIVE_INFINITY
  let furthestMs = 0
  for (const { occurredAtMs } of events) {
    newestMs = Math.max(newestMs, occurredAtMs)
    furthestMs = Math.max(furthestMs, newestMs - occurredAtMs)
  }
  return furthestMs
}

/** The lines as bytes, cut anywhere: chunks of 1 byte to 200 kB, most of them large. */
export function* oddChunks(events: readonly SourceEvent[], random: Random): Generator<Uint8Array> {
  const bytes = Buffer.from(events.map(({ line }) => `${line}\n`).join(''))
  for (let start = 0; start < bytes.length; ) {
    const length = random.uniform() < 0.2 ? 1 + Math.floor(random.uniform() * 50) : 1 + Math.floor(random.uniform() * 200_000)
    yield bytes.subarray(start, start + length)
    start += length
  }
}

/** Consecutive batches of 1 to `largest` events. */
export function cutBatches(events: readonly SourceEvent[], largest: number, random: Random): SourceEvent[][] {
  const batches: SourceEvent[][] = []
  for (let start = 0; start < events.length; ) {
    // As many small batches as large ones, so that both kinds of request are well represented.
    const size = Math.max(1, Math.floor(largest ** random.uniform()))
    batches.push(events.slice(start, start + size))
    start += size
  }
  return batches
}
