/** Redis for tests: Debian's redis-server on a free port of loopback, without anything on disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

const PROGRAM = 'redis-server'
const READY_MS_MAX = 10_000

export interface RunningRedis {
  readonly url: string
  /** As a power cut would; what it held is gone. */
  kill(): Promise<void>
  /** Starts it again at the same address, empty. */
  restart(): Promise<void>
  /** A machine that hangs, and goes on. */
  freeze(): void
  thaw(): void
  /** Runs a command of the operator's. */
  command(...words: readonly string[]): Promise<unknown>
  stop(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a server. Throws when Redis is not installed: `node scripts/install-integration.mjs` does that. */
export async function startRedis(): Promise<RunningRedis> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  async function command(...[name = 'PING', ...words]: readonly string[]): Promise<unknown> {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
    redis.on('error', () => undefined)
    try {
      await redis.connect()
      return await redis.call(name, ...words)
    } finally {
      redis.disconnect()
    }
  }

  async function start(): Promise<void> {
    child = spawn(PROGRAM, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--loglevel', 'warning'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    let failure: Error | undefined
    child.once('error', (error) => (failure = new Error(`${error.message}: run node scripts/install-integration.mjs`)))
    const endsAt = performance.now() + READY_MS_MAX
    while ((await command('PING').catch(() => undefined)) !== 'PONG') {
      if (failure !== undefined) throw failure
      if (child.exitCode !== null || performance.now() > endsAt) throw new Error(`redis-server does not answer on ${port}`)
      await sleep(20)
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    url,
    kill,
    restart: start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    command,
    stop: kill,
  }
}
