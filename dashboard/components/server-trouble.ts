/** What is wrong with the server, in words: what, since when, and what works all the same. */
import type { Readiness } from '../../schemas/readiness-api.ts'

export interface ServerTrouble {
  readonly name: string
  readonly title: string
  /** What still works, and what is to be expected. */
  readonly consequence: string
  /** What the server says itself. */
  readonly reason: string | undefined
  /** Epoch ms; undefined when it is not known. */
  readonly sinceMs: number | undefined
}

/** Numbers that are further behind than this are told to be. */
const LAG_MS_MAX = 30_000

const WORDS: Readonly<Record<string, readonly [title: string, consequence: string]>> = {
  warehouse: [
    'The warehouse does not answer',
    'Events are still taken and kept. Numbers stand still, and some can not be read, until it is back; nothing is lost.',
  ],
  log: ['The log can not be used', 'New events are refused, so that senders try again. The numbers here can still be read.'],
  processors: ['Processing does not run', 'Events are still taken and kept. Numbers stand still until it runs again; nothing is lost.'],
}

/**
 * Everything that a reader of numbers should know. `readiness` is the newest answer, undefined while there is none;
 * `silentSinceMs` when the server answered last, if it does not now (0: never).
 */
export function serverTroubles(readiness: Readiness | undefined, silentSinceMs: number | undefined, nowMs: number): ServerTrouble[] {
  if (silentSinceMs !== undefined) {
    const consequence = 'The numbers below are the ones from before. The page asks again by itself.'
    const sinceMs = silentSinceMs === 0 ? undefined : silentSinceMs
    return [{ name: 'server', title: 'Kappa does not answer', consequence, reason: undefined, sinceMs }]
  }
  if (readiness === undefined) return []
  const troubles = readiness.not_ready.map(({ name, reason, since }): ServerTrouble => {
    const [title, consequence] = WORDS[name] ?? [`${name} is not ready`, 'Numbers may stand still until it is.']
    const sinceMs = Date.parse(since)
    return { name, title, consequence, reason, sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs }
  })
  const { sink_lag: lag } = readiness
  if (lag !== null && lag.ms > LAG_MS_MAX && troubles.length === 0)
    troubles.push({
      name: 'lag',
      title: `Numbers are behind by ${lag.events.toLocaleString('en-US')} ${lag.events === 1 ? 'event' : 'events'}`,
      consequence: 'Events are taken and kept. The numbers follow by themselves.',
      reason: undefined,
      sinceMs: nowMs - lag.ms,
    })
  return troubles
}
