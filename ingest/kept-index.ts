/** What is kept of a workspace's events, as an import asks it: counted, kept as late, or not known. */
import type { KeptEvent, KeptIds } from '../schemas/ports/kept-ids.ts'
import { DAY_MS, DEDUPE_HORIZON_MS } from '../schemas/windows.ts'
import type { DedupeStep, EventKey } from './dedupe/dedupe-step.ts'
import { EventIdIndex } from './dedupe/event-id-index.ts'

/** Asked a day more than needed, so that ids which expire while a long import runs are still known. */
const OVERLAP_MS = DAY_MS

export interface KeptLookup {
  /** Whether an event of the id is kept and counts. */
  isCounted(key: EventKey): boolean
  /** Whether any event is kept as late. */
  readonly hasLate: boolean
  /** The event of the id that is kept as late. */
  late(eventId: string): KeptEvent | undefined
}

/**
 * Loads the ids that the dedupe of the log no longer knows, and all that are kept as late. 96-bit hashes for the many,
 * whole entries for the late.
 */
export async function loadKeptIndex(workspace: string, kept: KeptIds, dedupe: DedupeStep, nowMs: number): Promise<KeptLookup> {
  const counted = new EventIdIndex(Number.MAX_SAFE_INTEGER)
  const late = new Map<string, KeptEvent>()
  for await (const event of await kept.loadKept(workspace, nowMs - DEDUPE_HORIZON_MS + OVERLAP_MS)) {
    if (event.late) {
      late.set(event.event_id, event)
      continue
    }
    const { h0, h1, h2 } = dedupe.keyOf(workspace, event.event_id)
    counted.claim(h0, h1, h2, 0)
  }
  return {
    // An id that is kept both ways was imported since: it counts.
    isCounted: ({ h0, h1, h2 }) => counted.size > 0 && counted.has(h0, h1, h2, 0),
    hasLate: late.size > 0,
    late: (eventId) => late.get(eventId),
  }
}
