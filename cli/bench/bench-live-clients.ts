/**
 * Many who watch `/v1/live` at once, and how long after an event's 202 each of them has its update. They read bare
 * sockets: a client that understood what it reads would take longer than the server that sends it.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'node:net'
import { openSocket, PipelinedConnection, type ServerAddress } from './bench-connection.ts'
import { percentile } from './bench-figures.ts'
import { freshEvent, getPath, postEvents } from './bench-requests.ts'

export interface LiveClientsJob extends ServerAddress {
  readonly serverKey: string
  readonly readKey: string
  readonly clients: number
  /** Events, one after another, of which every client must hear. */
  readonly rounds: number
}

export interface LiveClientsReport {
  /** Of all clients and rounds, from the 202. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** From the first client's update to the last one's, in the slowest round. */
  readonly spreadMs: number
  /** Resident memory of the server for each client, KB. */
  readonly serverKbPerClient: number
  readonly connectSeconds: number
}

const OPENING_AT_ONCE = 100
const UPDATE_MS_MAX = 20_000
const QUIET_MS = 300
/** Of the end of what was read before, so that a number that is cut in two is found. */
const TAIL_BYTES = 64
/** Files that a process needs beside its sockets. */
const OTHER_FILES = 100
const NOTHING = Buffer.alloc(0)

/** Rejects when the system does not allow so many connections, or an update never came. */
export async function runLiveClients(job: LiveClientsJob): Promise<LiveClientsReport> {
  const filesMax = openFilesMax()
  if (filesMax < job.clients + OTHER_FILES) {
    throw new Error(
      `a process may have ${filesMax} files open, and ${job.clients} clients need ${job.clients + OTHER_FILES}: raise it (ulimit -Hn)`,
    )
  }
  const request = getPath(job.readKey, '/v1/live')
  const before = await residentKb(job)
  const startedAtMs = performance.now()
  const watchers: Watcher[] = []
  while (watchers.length < job.clients) {
    const wanted = Math.min(OPENING_AT_ONCE, job.clients - watchers.length)
    watchers.push(...(await Promise.all(Array.from({ length: wanted }, () => openWatcher(job, request)))))
  }
  const connectSeconds = (performance.now() - startedAtMs) / 1_000
  await sleep(QUIET_MS)
  const after = await residentKb(job)

  const latencies: number[] = []
  let spreadMs = 0
  // Round 0 is that of the compiler.
  for (let round = 0; round <= job.rounds; round += 1) {
    // Every event is of somebody new, so the count is one that was never sent before.
    const heard = watchers.map((watcher) => watcher.hears(`"active_users":{"value":${round + 1}}`))
    const acknowledgedAtMs = await postOne(job, round)
    const atMs = await inTime(Promise.all(heard), `the update of round ${round}`)
    await sleep(QUIET_MS)
    if (round === 0) continue
    for (const one of atMs) latencies.push(Math.max(0, one - acknowledgedAtMs))
    spreadMs = Math.max(spreadMs, percentile(atMs, 100) - percentile(atMs, 0))
  }
  for (const watcher of watchers) watcher.close()
  return {
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    maxMs: percentile(latencies, 100),
    spreadMs,
    serverKbPerClient: (after - before) / job.clients,
    connectSeconds,
  }
}

/** Resolves when the first message was heard. */
async function openWatcher(address: ServerAddress, request: Uint8Array): Promise<Watcher> {
  const watcher = new Watcher()
  const socket = await openSocket(address, (bytes) => watcher.take(bytes))
  watcher.watch(socket)
  const first = watcher.hears('event: growth')
  socket.write(request)
  await inTime(first, 'the first message')
  return watcher
}

class Watcher {
  #socket: Socket | undefined
  #needle: Buffer | undefined
  #found: (atMs: number) => void = () => {}
  #lost: Error | undefined
  #refuse: (error: Error) => void = () => {}
  #tail: Buffer = NOTHING

  watch(socket: Socket): void {
    this.#socket = socket
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#lost = new Error('the server closed the stream')
      this.#refuse(this.#lost)
    })
  }

  /** When the text was read, as `performance.now()`; looked for from now on. */
  hears(text: string): Promise<number> {
    return new Promise((found, refuse) => {
      if (this.#lost !== undefined) refuse(this.#lost)
      this.#needle = Buffer.from(text)
      this.#found = found
      this.#refuse = refuse
    })
  }

  close(): void {
    this.#refuse = () => {}
    this.#socket?.destroy()
  }

  /** Looks at what was read; `bytes` are somebody else's after it. */
  take(bytes: Buffer): void {
    if (this.#needle !== undefined && this.#holds(this.#needle, bytes)) {
      this.#needle = undefined
      this.#found(performance.now())
    }
    // A long piece without the needle may end in the middle of it.
    this.#tail = this.#needle === undefined ? NOTHING : Buffer.from(bytes.subarray(-TAIL_BYTES))
  }

  #holds(needle: Buffer, bytes: Buffer): boolean {
    return bytes.includes(needle) || (this.#tail.length > 0 && Buffer.concat([this.#tail, bytes.subarray(0, TAIL_BYTES)]).includes(needle))
  }
}

/** Sends one event; resolves with the instant of its 202. */
async function postOne(job: LiveClientsJob, number: number): Promise<number> {
  const socket = await openSocket(job)
  const atMs = await new Promise<number>((done, failed) => {
    const connection = new PipelinedConnection(
      socket,
      ({ status, body }) => (status === 202 ? done(performance.now()) : failed(new Error(`${status}: ${body.toString()}`))),
      failed,
    )
    connection.send(postEvents(job.serverKey, freshEvent('live', number)), number)
  })
  socket.destroy()
  return atMs
}

async function inTime<Result>(work: Promise<Result>, what: string): Promise<Result> {
  const timer = new AbortController()
  const late = sleep(UPDATE_MS_MAX, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} did not come to every client within ${UPDATE_MS_MAX / 1_000} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}

/** Resident memory of the server, from its own metrics. */
async function residentKb({ host, port }: ServerAddress): Promise<number> {
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
  const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
  return bytes / 1_000
}

/** Files that this process may have open; the server, started by the same user, as well. Infinity where there is no limit. */
function openFilesMax(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
