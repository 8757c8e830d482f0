/**
 * The events that the bench imports: simulated people who bring people, and what they share later, ten events a person,
 * in order of time. Written block by block, since ten million at once would not fit into memory.
 */
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { createInterface } from 'node:readline'
import { createRandom } from '../../simulate/random.ts'
import { simulate } from '../../simulate/simulate-growth.ts'
import { CommandError } from '../command-error.ts'

export interface EventFile {
  readonly path: string
  readonly events: number
  /** Instants of the first and last event. */
  readonly fromMs: number
  readonly toMs: number
}

/** First instant of the simulated events. */
const START_MS = Date.UTC(2026, 0, 5)
const DAY_MS = 86_400_000
/** Ten million in 60 days, and as dense when there are fewer: what a minute costs would otherwise outweigh the events. */
const MS_PER_EVENT = (60 * DAY_MS) / 10_000_000
/** The simulation goes no shorter. */
const DAYS_MIN = 0.01
const BLOCK_EVENTS = 100_000
/** Of the events of a block: people who come by themselves. With K 0.5 they, and whom they bring, make about 40 % of it. */
const USERS_SHARE = 0.06
const K = 0.5
const CHANNELS = ['whatsapp', 'email', 'link', 'twitter', 'sms'] as const

/** Writes so many simulated events as NDJSON; the same number gives the same bytes. */
export async function writeSimulatedEvents(path: string, events: number): Promise<EventFile> {
  const file = createWriteStream(path, { highWaterMark: 4 * 1024 * 1024 })
  const random = createRandom(events)
  const blocks = Math.ceil(events / BLOCK_EVENTS)
  const blockMs = (events * MS_PER_EVENT) / blocks
  const people: string[] = []
  let written = 0
  let fromMs = START_MS
  let toMs = START_MS
  for (let block = 0; block < blocks; block += 1) {
    const wanted = Math.min(BLOCK_EVENTS, events - written)
    const startMs = START_MS + Math.round(block * blockMs)
    const lines = blockLines({ wanted, startMs, blockMs, seed: block + 1, people, random })
    if (block === 0) fromMs = lines[0]?.atMs ?? fromMs
    toMs = lines[lines.length - 1]?.atMs ?? toMs
    written += lines.length
    if (!file.write(lines.map(({ line }) => `${line}\n`).join(''))) await once(file, 'drain')
  }
  file.end()
  await finished(file)
  return { path, events: written, fromMs, toMs }
}

interface Block {
  readonly wanted: number
  readonly startMs: number
  readonly blockMs: number
  readonly seed: number
  /** Everybody so far; those of this block are added. */
  readonly people: string[]
  readonly random: ReturnType<typeof createRandom>
}

function blockLines({ wanted, startMs, blockMs, seed, people, random }: Block): { atMs: number; line: string }[] {
  const { events } = simulate({
    users: Math.max(1, Math.round(wanted * USERS_SHARE)),
    days: Math.max(DAYS_MIN, blockMs / DAY_MS),
    k: K,
    seed,
    startMs,
    // Short, so that people bring people within a block of whatever length.
    generationMeanMs: Math.min(DAY_MS, blockMs / 4),
  })
  const lines = events.slice(0, wanted).map((event) => {
    if (event.type === 'conversion' && event.kind === 'signup' && event.actor_id !== undefined) people.push(event.actor_id)
    return { atMs: Date.parse(String(event.occurred_at)), line: JSON.stringify(event) }
  })
  for (let number = lines.length; number < wanted; number += 1) {
    const atMs = startMs + Math.floor(random.uniform() * blockMs)
    const line = JSON.stringify({
      type: 'share',
      event_id: `again-${seed}-${number}`,
      actor_id: people[Math.floor(random.uniform() * people.length)] ?? 'somebody',
      content_id: `story-${Math.floor(random.uniform() * 100)}`,
      channel: CHANNELS[Math.floor(random.uniform() * CHANNELS.length)] ?? CHANNELS[0],
      occurred_at: new Date(atMs).toISOString(),
    })
    lines.push({ atMs, line })
  }
  return lines.sort((left, right) => left.atMs - right.atMs)
}

/** The first so many events of the user's own file, written to `path`. Rejects with CommandError `file_unreadable`. */
export async function copyOwnEvents(source: string, path: string, eventsMax: number): Promise<EventFile> {
  const file = createWriteStream(path, { highWaterMark: 4 * 1024 * 1024 })
  let events = 0
  let first = ''
  let last = ''
  const input = createReadStream(source, { highWaterMark: 1024 * 1024 })
  let failure: unknown
  input.once('error', (error) => {
    failure = error
  })
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    if (events === eventsMax) break
    if (events === 0) first = line
    last = line
    events += 1
    if (!file.write(`${line}\n`)) await once(file, 'drain')
  }
  input.destroy()
  file.end()
  await finished(file)
  if (failure !== undefined || events === 0) {
    throw new CommandError('file_unreadable', `${source} can't be read as lines of events: give NDJSON that is not compressed`, {
      cause: failure,
    })
  }
  return { path, events, fromMs: instantOf(source, first), toMs: instantOf(source, last) }
}

function instantOf(source: string, line: string): number {
  try {
    const { occurred_at: occurredAt } = JSON.parse(line) as { occurred_at?: string | number }
    const atMs = new Date(occurredAt ?? Number.NaN).getTime()
    if (Number.isFinite(atMs)) return atMs
  } catch {
    // told below
  }
  throw new CommandError('file_unreadable', `${source}: its first or last line is no event with occurred_at: ${line.slice(0, 100)}`)
}
