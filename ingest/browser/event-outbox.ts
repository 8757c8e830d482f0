/**
 * Events on their way out: kept in storage until the server has said that it has them, sent in order and in batches.
 * Every event carries its id and its time from the call on, so that sending one again is a duplicate and not a second event.
 */
import { readStored, writeStored } from './browser-storage.ts'

export interface QueuedEvent {
  readonly event_id: string
  readonly type: string
  readonly [field: string]: unknown
}

const STORAGE_NAME = 'outbox'
/** More than this wait only after days without a network: the oldest give way. */
const EVENTS_MAX = 500
const BATCH_EVENTS_MAX = 50
/** Browsers refuse keepalive requests and beacons beyond 64 KiB in flight; the rest is for what else the page sends. */
const BATCH_CHARACTERS_MAX = 16_000
/** Calls that come together go together. */
const GATHER_MS = 100
const RETRY_FIRST_MS = 1_000
const RETRY_MAX_MS = 60_000

/** Holds the events instead, once storage has refused them. */
let inMemory: QueuedEvent[] | undefined

function load(): QueuedEvent[] {
  if (inMemory !== undefined) return inMemory
  try {
    const parsed: unknown = JSON.parse(readStored(STORAGE_NAME) ?? '[]')
    return Array.isArray(parsed) ? (parsed as QueuedEvent[]) : []
  } catch {
    return []
  }
}

function save(events: readonly QueuedEvent[]): void {
  const kept = events.slice(-EVENTS_MAX)
  if (inMemory === undefined && writeStored(STORAGE_NAME, JSON.stringify(kept))) return
  inMemory = kept
}

/** Forgets what arrived. Storage is read again, since other tabs write into it too. */
function forget(arrived: readonly QueuedEvent[]): void {
  const ids = new Set(arrived.map((event) => event.event_id))
  save(load().filter((event) => !ids.has(event.event_id)))
}

function nextBatch(waiting: readonly QueuedEvent[]): QueuedEvent[] {
  const batch: QueuedEvent[] = []
  let characters = 0
  for (const event of waiting) {
    characters += JSON.stringify(event).length
    if (batch.length > 0 && (characters > BATCH_CHARACTERS_MAX || batch.length >= BATCH_EVENTS_MAX)) break
    batch.push(event)
  }
  return batch
}

/** `sent_at` is the clock at sending: the server corrects `occurred_at` by it when this clock is off. */
function serialise(batch: readonly QueuedEvent[], sentAt: number): string {
  return JSON.stringify(batch.map((event) => ({ ...event, sent_at: sentAt })))
}

/** Whether the server may take the same request later. Everything else it has refused for good. */
function mayTakeLater(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

export interface EventOutbox {
  /** Throws when the event is not JSON (cycles, BigInt). */
  readonly add: (event: QueuedEvent) => void
}

/**
 * Begins to send what an earlier page left behind, and then what is added.
 *
 * @param url where events are posted, with the key. Bodies are text/plain: a "simple" request, which needs no CORS preflight.
 * @param nowMs the client's clock, epoch ms
 */
export function createEventOutbox(url: string, nowMs: () => number): EventOutbox {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isSending = false
  let retryMs = RETRY_FIRST_MS

  function flushIn(delayMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), delayMs)
  }

  async function flush(): Promise<void> {
    if (isSending) return
    const batch = nextBatch(load())
    if (batch.length === 0) return
    isSending = true
    let waitMs = 0
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: serialise(batch, nowMs()),
        headers: { 'content-type': 'text/plain;charset=UTF-8' },
        keepalive: true,
        credentials: 'omit',
      })
      if (mayTakeLater(response.status)) waitMs = Math.max(retryMs, 1_000 * (Number(response.headers.get('retry-after')) || 0))
      else forget(batch)
    } catch {
      waitMs = retryMs
    }
    isSending = false
    retryMs = waitMs === 0 ? RETRY_FIRST_MS : Math.min(RETRY_MAX_MS, 2 * retryMs)
    if (load().length > 0) flushIn(waitMs)
  }

  /**
   * The page may be gone after this. A beacon does not say whether it arrived: RUM, which bears a loss, is forgotten, the
   * rest stays until a later request confirms it (as a duplicate, when the beacon had made it).
   */
  function sendByBeacon(): void {
    let waiting = load()
    while (waiting.length > 0 && navigator.onLine) {
      const batch = nextBatch(waiting)
      if (!navigator.sendBeacon(url, serialise(batch, nowMs()))) return
      waiting = waiting.slice(batch.length)
      forget(batch.filter((event) => event.type === 'rum'))
    }
  }

  // On window and not on document, so that it runs after web-vitals' own listeners have handed in their last values.
  addEventListener('visibilitychange', () => (document.visibilityState === 'hidden' ? sendByBeacon() : flushIn(0)))
  addEventListener('online', () => flushIn(0))
  flushIn(0)

  return {
    add: (event) => {
      // As JSON has it from the start: what can't be sent fails here, and what the page changes later changes nothing.
      save([...load(), JSON.parse(JSON.stringify(event)) as QueuedEvent])
      // Already backing off: the new event waits with the others.
      if (retryMs === RETRY_FIRST_MS) flushIn(GATHER_MS)
    },
  }
}
