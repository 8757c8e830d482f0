/**
 * Open-loop load: requests of one event each leave at a fixed rate, whether or not earlier ones were answered, and latency
 * counts from the instant at which a request was meant to leave. So a server that stands still is charged for everybody
 * who would have come meanwhile (coordinated omission: Gil Tene, "How NOT to Measure Latency", 2013; wrk2).
 */
import { openSocket, PipelinedConnection, type ServerAddress } from './bench-connection.ts'
import { percentile } from './bench-figures.ts'
import { freshEvent, postEvents } from './bench-requests.ts'

export interface PaceJob extends ServerAddress {
  readonly key: string
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
  /** What event ids begin with. */
  readonly prefix: string
}

export interface PaceReport {
  readonly requests: number
  readonly accepted: number
  /** Answers other than 202. */
  readonly refused: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** The most by which the generator itself was late: it is part of the latencies. */
  readonly lateMsMax: number
}

const ACCEPTED = 202
/** Answers are waited for so long after the last request. */
const DRAIN_MS_MAX = 30_000

/** Sends for the whole time, and waits for the answers; one that never came counts as `DRAIN_MS_MAX`. Rejects when a connection is lost. */
export async function runPace(job: PaceJob): Promise<PaceReport> {
  const latenciesMs: number[] = []
  const outcome = await paced(job, (_, latencyMs) => latenciesMs.push(latencyMs))
  const missing = Array.from({ length: outcome.requests - outcome.answers }, () => DRAIN_MS_MAX)
  const all = [...latenciesMs, ...missing]
  return {
    requests: outcome.requests,
    accepted: outcome.accepted,
    refused: outcome.answers - outcome.accepted,
    p50Ms: percentile(all, 50),
    p99Ms: percentile(all, 99),
    maxMs: percentile(all, 100),
    lateMsMax: outcome.lateMsMax,
  }
}

export interface PaceOutcome {
  readonly requests: number
  readonly answers: number
  readonly accepted: number
  readonly lateMsMax: number
}

/** The loop itself: `onAnswer` hears of each request by number, and how long after its intended instant it was answered. */
export async function paced(job: PaceJob, onAnswer: (request: number, latencyMs: number) => void): Promise<PaceOutcome> {
  const requests = Math.round(job.perSecond * job.seconds)
  const gapMs = 1_000 / job.perSecond
  let answers = 0
  let accepted = 0
  let lateMsMax = 0
  let sent = 0
  let startedAtMs = 0
  let finish: (error?: Error) => void = () => {}
  const finished = new Promise<void>((done, failed) => {
    finish = (error) => (error === undefined ? done() : failed(error))
  })
  const sockets = await Promise.all(Array.from({ length: job.connections }, () => openSocket(job)))
  const connections = sockets.map(
    (socket) =>
      new PipelinedConnection(
        socket,
        ({ status }, request) => {
          answers += 1
          if (status === ACCEPTED) accepted += 1
          onAnswer(request, performance.now() - startedAtMs - request * gapMs)
          if (answers === requests) finish()
        },
        (error) => finish(error),
      ),
  )
  startedAtMs = performance.now()
  const sendDue = () => {
    const dueMs = performance.now() - startedAtMs
    for (; sent < requests && sent * gapMs <= dueMs; sent += 1) {
      lateMsMax = Math.max(lateMsMax, dueMs - sent * gapMs)
      connections[sent % connections.length]?.send(postEvents(job.key, freshEvent(job.prefix, sent)), sent)
    }
    if (sent === requests) {
      clearInterval(timer)
      drain = setTimeout(() => finish(), DRAIN_MS_MAX)
    }
  }
  let drain: NodeJS.Timeout | undefined
  const timer = setInterval(sendDue, 1)
  try {
    await finished
  } finally {
    clearInterval(timer)
    clearTimeout(drain)
    for (const connection of connections) connection.close()
  }
  return { requests, answers, accepted, lateMsMax }
}
