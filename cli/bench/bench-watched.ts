/**
 * From an event's 202 to the message of `/v1/live` that counts it. Each event is of a person of its own, so the number of
 * active users says how many events a message counts: the k-th acknowledged event is seen when that number has grown by k.
 */
import type { LiveGrowth } from '../../schemas/growth-api.ts'
import type { ServerAddress } from './bench-connection.ts'
import { percentile } from './bench-figures.ts'
import { type PaceJob, paced } from './bench-pace.ts'

export interface WatchedJob extends PaceJob {
  readonly readKey: string
}

export interface WatchedReport {
  readonly events: number
  readonly messages: number
  /** From the 202; 0 where the watcher knew before the sender. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** From the instant at which the event was meant to be sent. */
  readonly fromSendP99Ms: number
}

const WINDOW = '24h'
const SEEN_MS_MAX = 10_000

/** Sends at the given pace while one client watches. Rejects when an event was refused or never seen. */
export async function runWatched(job: WatchedJob): Promise<WatchedReport> {
  const acknowledgedAtMs: number[] = []
  const seenAtMs: number[] = []
  const events = Math.round(job.perSecond * job.seconds)
  let messages = 0
  let before: number | undefined
  const watching = new AbortController()
  let allSeen: () => void = () => {}
  const seen = new Promise<void>((done) => {
    allSeen = done
  })
  const watcher = watch(job, watching.signal, (live) => {
    messages += 1
    const active = live.windows.find(({ window }) => window === WINDOW)?.metrics.active_users.value
    if (active === undefined || active === null) return
    // The first message is the state as it was.
    before ??= active
    while (seenAtMs.length < active - before) seenAtMs.push(performance.now())
    if (seenAtMs.length >= events) allSeen()
  })
  await watcher.opened
  let startedAtMs = performance.now()
  const { accepted } = await paced(job, (request, latencyMs) => {
    const nowMs = performance.now()
    startedAtMs = nowMs - latencyMs - (request * 1_000) / job.perSecond
    acknowledgedAtMs.push(nowMs)
  })
  const timer = setTimeout(allSeen, SEEN_MS_MAX)
  await seen
  clearTimeout(timer)
  watching.abort()
  await watcher.ended
  if (accepted < events) throw new Error(`${events - accepted} of ${events} events were refused`)
  if (seenAtMs.length < events) throw new Error(`${events - seenAtMs.length} of ${events} events were not seen within 10 s`)
  const sinceAnswer = acknowledgedAtMs.map((atMs, index) => Math.max(0, (seenAtMs[index] ?? atMs) - atMs))
  const sinceSend = seenAtMs.slice(0, events).map((atMs, index) => atMs - startedAtMs - (index * 1_000) / job.perSecond)
  return {
    events,
    messages,
    p50Ms: percentile(sinceAnswer, 50),
    p99Ms: percentile(sinceAnswer, 99),
    maxMs: percentile(sinceAnswer, 100),
    fromSendP99Ms: percentile(sinceSend, 99),
  }
}

interface Watch {
  /** The first message was heard. */
  readonly opened: Promise<void>
  readonly ended: Promise<void>
}

function watch({ host, port, readKey }: ServerAddress & { readKey: string }, signal: AbortSignal, hear: (live: LiveGrowth) => void): Watch {
  let opened: () => void = () => {}
  let failed: (error: unknown) => void = () => {}
  const first = new Promise<void>((done, refuse) => {
    opened = done
    failed = refuse
  })
  const read = async () => {
    const response = await fetch(`http://${host}:${port}/v1/live`, { headers: { authorization: `Bearer ${readKey}` }, signal })
    if (response.status !== 200 || response.body === null) throw new Error(`/v1/live answers ${response.status}`)
    let rest = ''
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data === undefined) continue
        hear(JSON.parse(data) as LiveGrowth)
        opened()
      }
    }
  }
  const ended = read().catch((error: unknown) => {
    if (!signal.aborted) failed(error)
  })
  return { opened: first, ended }
}
