/**
 * Closed-loop load: as many events over HTTP as the server takes, with a fixed number of requests under way. It counts
 * what was acknowledged, so that it can be told from what is stored.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type HttpAnswer, openSocket, PipelinedConnection, type ServerAddress } from './bench-connection.ts'
import { percentile } from './bench-figures.ts'
import { bodiesOf, postEvents, readLines, stampedNow } from './bench-requests.ts'

export interface LoadJob extends ServerAddress {
  readonly key: string
  /** NDJSON of which the first `events` lines are sent as if they happened now, `batch` a request. */
  readonly path: string
  readonly events: number
  readonly batch: number
  readonly connections: number
  /** Requests under way on each connection. */
  readonly depth: number
}

export interface LoadReport {
  readonly requests: number
  /** Sums of what the answers say. */
  readonly accepted: number
  readonly duplicates: number
  /** Answers that told to come again (429, 503), after which the request was sent again. */
  readonly putOff: number
  /** From the first request to the last answer. */
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What the generator itself took of the cores. */
  readonly cpuSeconds: number
}

const AGAIN_AFTER_MS = 20
const ACCEPTED = 202
const TOO_MANY = 429
const AWAY = 503

/** Sends everything, and again what was put off. Rejects when an answer is another than 202, 429 or 503, or a connection is lost. */
export async function runLoad(job: LoadJob): Promise<LoadReport> {
  const lines = stampedNow(readLines(job.path, job.events), Date.now())
  const requests = bodiesOf(lines, job.batch).map((body) => postEvents(job.key, body))
  const sentAtMs = new Float64Array(requests.length)
  const tookMs = new Float64Array(requests.length)
  const again: number[] = []
  let next = 0
  let open = requests.length
  let accepted = 0
  let duplicates = 0
  let putOff = 0
  let finish: (error?: Error) => void = () => {}
  const finished = new Promise<void>((done, failed) => {
    finish = (error) => (error === undefined ? done() : failed(error))
  })

  const feed = (connection: PipelinedConnection) => {
    const number = again.pop() ?? (next < requests.length ? next++ : undefined)
    const bytes = number === undefined ? undefined : requests[number]
    if (number === undefined || bytes === undefined) return
    sentAtMs[number] = performance.now()
    connection.send(bytes, number)
  }
  const take = (connection: PipelinedConnection, { status, body }: HttpAnswer, number: number) => {
    if (status === TOO_MANY || status === AWAY) {
      putOff += 1
      again.push(number)
      void sleep(AGAIN_AFTER_MS).then(() => feed(connection))
      return
    }
    if (status !== ACCEPTED) return finish(new Error(`a request was answered with ${status}: ${body.toString()}`))
    tookMs[number] = performance.now() - (sentAtMs[number] ?? 0)
    const counts = countsOf(body)
    accepted += counts.accepted
    duplicates += counts.duplicates
    open -= 1
    if (open === 0) finish()
    else feed(connection)
  }

  const sockets = await Promise.all(Array.from({ length: job.connections }, () => openSocket(job)))
  const connections = sockets.map((socket) => {
    const connection: PipelinedConnection = new PipelinedConnection(
      socket,
      (answer, number) => take(connection, answer, number),
      (error) => finish(error),
    )
    return connection
  })
  const cpuBefore = process.cpuUsage()
  const startedAtMs = performance.now()
  for (let depth = 0; depth < job.depth; depth += 1) for (const connection of connections) feed(connection)
  await finished
  const seconds = (performance.now() - startedAtMs) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  for (const connection of connections) connection.close()
  return {
    requests: requests.length,
    accepted,
    duplicates,
    putOff,
    seconds,
    p50Ms: percentile(tookMs, 50),
    p99Ms: percentile(tookMs, 99),
    cpuSeconds: (user + system) / 1e6,
  }
}

/** `accepted` and `duplicates` of a 202. */
export function countsOf(body: Buffer): { readonly accepted: number; readonly duplicates: number } {
  const { accepted, duplicates } = JSON.parse(body.toString('latin1')) as { accepted: number; duplicates: number }
  return { accepted, duplicates }
}
