/** The built product in a process of its own, as a user starts it, on a free port. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'

const START_MS_MAX = 60_000
const STOP_MS_MAX = 15_000

export interface RunningProduct {
  readonly url: string
  /** Of the process; undefined when it could not be started. */
  readonly pid: number | undefined
  /** Ends the process, and removes its data unless they were given. */
  readonly stop: () => Promise<void>
  /** As a power cut would (SIGKILL); its data stay. */
  readonly kill: () => Promise<void>
  /** A machine that hangs, and goes on. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<void>
  /** Everything that it printed. */
  readonly printed: () => string
}

/** Starts `kappa up`, or a role; resolves when it has printed its address, rejects with all it printed when it ends before that. */
export async function startProduct(options: {
  /** Data folder; a new one without it. */
  readonly data?: string
  readonly flags?: readonly string[]
  readonly role?: 'up' | 'ingest' | 'process' | 'api'
  readonly env?: Readonly<Record<string, string>>
}): Promise<RunningProduct> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'kappa-e2e-')))
  const program = resolve(import.meta.dirname, '../../dist/cli/kappa.js')
  const child = spawn(process.execPath, [program, options.role ?? 'up', '--port', '0', '--data', data, ...(options.flags ?? [])], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  const stop = async () => {
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
    await ended
    clearTimeout(force)
    if (options.data === undefined) await rm(data, { recursive: true, force: true })
  }
  let printed = ''
  try {
    const url = await new Promise<string>((found, failed) => {
      const timer = setTimeout(() => failed(new Error(`no address within ${START_MS_MAX} ms:\n${printed}`)), START_MS_MAX)
      const read = (chunk: Buffer) => {
        printed += chunk.toString()
        const address = /Kappa (?:\w+ )?is at (http:\/\/[\w.:[\]-]+)/.exec(printed)?.[1]
        if (address === undefined) return
        clearTimeout(timer)
        found(address)
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('error', failed)
      child.once('exit', (code) => failed(new Error(`kappa up ended with ${code}:\n${printed}`)))
    })
    const kill = async () => {
      child.kill('SIGKILL')
      await ended
    }
    return {
      url,
      pid: child.pid,
      stop,
      kill,
      freeze: () => void child.kill('SIGSTOP'),
      thaw: () => void child.kill('SIGCONT'),
      ended,
      printed: () => printed,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}
