/**
 * Event ids of a log that anybody may write to (schemas/ports/event-ids.ts): the same set of hashes as before the
 * embedded log, kept in memory and stored with the state of the task.
 */
import type { EventIds } from '../../schemas/ports/event-ids.ts'
import { DEDUPE_HORIZON_MS, HOUR_MS } from '../../schemas/windows.ts'
import { EventIdHash, type HashState, workspaceHashState } from './event-id-hash.ts'
import { EventIdIndex, type EventIdIndexSnapshot } from './event-id-index.ts'

const SEED_BYTES = 16
const HORIZON_HOURS = DEDUPE_HORIZON_MS / HOUR_MS

interface Snapshot {
  readonly seed: Uint8Array
  readonly index: EventIdIndexSnapshot
}

/** Makes an empty memory. Hashes start from a random seed, so that nobody can choose ids that meet. */
export function createEventIdMemory(randomBytes: (length: number) => Uint8Array): EventIds {
  let seed = randomBytes(SEED_BYTES)
  let index = new EventIdIndex(HORIZON_HOURS)
  const hash = new EventIdHash()
  const states = new Map<string, HashState>()

  return {
    claim(workspace, eventId, receivedMs) {
      let state = states.get(workspace)
      if (state === undefined) {
        state = workspaceHashState(seed, workspace)
        states.set(workspace, state)
      }
      hash.hash(state, eventId)
      return index.claim(hash.h0, hash.h1, hash.h2, Math.floor(receivedMs / HOUR_MS))
    },
    snapshot: (): Snapshot => ({ seed, index: index.snapshot() }),
    restore(snapshot) {
      const stored = snapshot as Snapshot
      seed = stored.seed
      index = EventIdIndex.restore(HORIZON_HOURS, stored.index)
      states.clear()
    },
  }
}
