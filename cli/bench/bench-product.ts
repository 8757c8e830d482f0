/** The product as the bench runs it: `kappa up` of this build in a process of its own, on a folder of the bench's. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createReadStream } from 'node:fs'
import type { ServerAddress } from './bench-connection.ts'
import { memoryOf } from './bench-memory.ts'
import { CommandError } from '../command-error.ts'
import { connectControl, type ControlClient } from '../control-client.ts'
import type { ControlStatus, ImportLine } from '../control-messages.ts'
import { controlSocketPath } from '../socket-place.ts'

/** As `npm start` does. */
const NODE_FLAGS = ['--max-semi-space-size=64']
/** A start without snapshots reads the whole log again. */
const START_MS_MAX = 900_000
const STOP_MS_MAX = 30_000
const POLL_MS = 10

export interface ProductOptions {
  readonly data: string
  /** 0 for a free one. */
  readonly port: number
}

export interface ImportOutcome {
  readonly accepted: number
  /** Until all of it was readable. */
  readonly seconds: number
  /** Of all threads of the product. */
  readonly cpuSeconds: number
}

/** Memory of the process in MB: resident now and at most, and its own now (`bench-memory.ts`). */
export interface ProductMemory {
  readonly mb: number
  readonly peakMb: number
  readonly ownMb: number | undefined
}

export class BenchProduct {
  readonly address: ServerAddress
  readonly serverKey: string
  readonly readKey: string
  /** From the start of the process until `/readyz` said 200. */
  readonly readySeconds: number
  readonly #child: ChildProcess
  readonly #control: ControlClient

  constructor(started: {
    readonly child: ChildProcess
    readonly address: ServerAddress
    readonly serverKey: string
    readonly readKey: string
    readonly readySeconds: number
    readonly data: string
  }) {
    this.address = started.address
    this.serverKey = started.serverKey
    this.readKey = started.readKey
    this.readySeconds = started.readySeconds
    this.#child = started.child
    this.#control = connectControl(controlSocketPath(started.data), false)
  }

  /** Imports a file of events into the default workspace, as `kappa import` does beside a running `kappa up`. */
  async import(path: string): Promise<ImportOutcome> {
    const cpuBefore = await this.cpuSeconds()
    const query = new URLSearchParams({ workspace: 'default', import_id: 'bench', format: 'events' })
    const chunks = createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>
    for await (const line of this.#control.lines<ImportLine>(`/import?${query}`, chunks)) {
      if (line.kind !== 'end') continue
      const { progress, seconds } = line
      return { accepted: progress.accepted, seconds, cpuSeconds: (await this.cpuSeconds()) - cpuBefore }
    }
    throw new CommandError('import_stopped', 'the import was not finished')
  }

  /** Resolves when everything that was acknowledged is readable in the warehouse. */
  async untilReadable(): Promise<void> {
    for (;;) {
      const { lagRecords } = await this.#control.json<ControlStatus>('GET', '/status')
      if (lagRecords === 0) return
      await sleep(POLL_MS)
    }
  }

  /** Events that are stored, and distinct ids among them. */
  async stored(): Promise<{ readonly events: number; readonly ids: number }> {
    const sql = "SELECT count() AS events, uniqExact(event_id) AS ids FROM events FINAL WHERE workspace = 'default'"
    const row = JSON.parse(await this.#control.text('POST', '/sql', { sql, format: 'JSONEachRow' })) as { events: number; ids: number }
    return { events: Number(row.events), ids: Number(row.ids) }
  }

  async memory(): Promise<ProductMemory> {
    const { memoryPeakBytes } = await this.#control.json<ControlStatus>('GET', '/status')
    const mb = (await this.#metric('process_resident_memory_bytes')) / 1e6
    return { mb, peakMb: memoryPeakBytes / 1e6, ownMb: memoryOf(this.pid)?.ownMb }
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Seconds of the cores that the process has used so far, in all its threads. */
  cpuSeconds(): Promise<number> {
    return this.#metric('process_cpu_seconds_total')
  }

  /** Ends it as an operator would. Safe to call again. */
  async stop(): Promise<void> {
    await endChild(this.#child)
  }

  async #metric(name: string): Promise<number> {
    const { host, port } = this.address
    const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
    const value = text.split('\n').find((line) => line.startsWith(`${name} `))
    return Number(value?.slice(name.length + 1))
  }
}

/** Starts `kappa up` and waits until it is ready. Rejects with CommandError `port_in_use`, or `product_not_started` with all that it printed. */
export async function startProduct({ data, port }: ProductOptions): Promise<BenchProduct> {
  const serverKey = randomBytes(16).toString('hex')
  const readKey = randomBytes(16).toString('hex')
  const program = fileURLToPath(new URL('../kappa.js', import.meta.url))
  const startedAtMs = performance.now()
  const child = spawn(process.execPath, [...NODE_FLAGS, program, 'up', '--port', String(port), '--host', '127.0.0.1', '--data', data], {
    env: { ...withoutSettings(process.env), KAPPA_SERVER_KEY: serverKey, KAPPA_READ_KEY: readKey, KAPPA_READS_PER_MINUTE: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A file of settings in the working folder is somebody else's.
    cwd: data,
  })
  try {
    const url = new URL(await addressOf(child))
    const address = { host: url.hostname, port: Number(url.port) }
    await untilReady(child, url)
    const readySeconds = (performance.now() - startedAtMs) / 1_000
    return new BenchProduct({ child, address, serverKey, readKey, readySeconds, data })
  } catch (error) {
    await endChild(child)
    throw error
  }
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('KAPPA_')))
}

function addressOf(child: ChildProcess): Promise<string> {
  let printed = ''
  return new Promise((found, failed) => {
    const timer = setTimeout(() => fail(`gave no address within ${START_MS_MAX / 1_000} s`), START_MS_MAX)
    const fail = (how: string) => {
      clearTimeout(timer)
      const isTaken = printed.includes('EADDRINUSE')
      failed(
        isTaken
          ? new CommandError(
              'port_in_use',
              'another process listens on that port: take another with --port, or leave it out for a free one',
            )
          : new CommandError('product_not_started', `kappa up ${how}: ${printed.trim() || 'it printed nothing'}`),
      )
    }
    const read = (chunk: Buffer) => {
      printed += chunk.toString()
      const address = /Kappa is at (http:\/\/[\w.:[\]-]+)/.exec(printed)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      found(address)
    }
    // Read to the end all the same: a full pipe would stop the product.
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(`could not be run (${error.message})`))
    child.once('exit', (code) => fail(`ended with ${code}`))
  })
}

async function untilReady(child: ChildProcess, url: URL): Promise<void> {
  const deadlineMs = performance.now() + START_MS_MAX
  for (;;) {
    const response = await fetch(new URL('/readyz', url))
    const text = await response.text()
    if (response.status === 200) return
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      throw new CommandError('product_not_started', `kappa up did not get ready: ${text}`)
    }
    await sleep(POLL_MS)
  }
}

/** SIGTERM, and SIGKILL to one that does not end by it. */
async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(force)
}
