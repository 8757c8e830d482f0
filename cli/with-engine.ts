/**
 * The engine behind a command: that of a running `kappa up` on the same data folder, else one opened here for the time
 * of the command. Either way the command speaks to it over the control socket, so there is one way that has to work.
 */
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../schemas/config.ts'
import { CommandError, describeError } from './command-error.ts'
import { connectControl, type ControlClient } from './control-client.ts'
import { DataFolderInUseError } from './data-lock.ts'
import type { Engine } from './engine.ts'
import { controlSocketPath } from './socket-place.ts'

/** A process that has just taken the folder needs a while until it listens. */
const ANSWER_MS_MAX = 20_000
const ANSWER_POLL_MS = 200

/**
 * Calls `use` with a client of the engine on `config.data`. Rejects with CommandError `data_in_use` when another process
 * has the folder and does not answer.
 */
export async function withEngine<Result>(config: Config, use: (control: ControlClient) => Promise<Result>): Promise<Result> {
  if (config.log !== 'embedded:') return withInstance(config, use)
  if (existsSync(config.data) && !statSync(config.data).isDirectory()) {
    throw new CommandError('data_not_a_folder', `${config.data} is a file: give a folder with --data`)
  }
  const running = await reachControl(config)
  if (running !== undefined) return use(running)

  let engine: Engine
  try {
    engine = await openHere(config)
  } catch (error) {
    if (error instanceof DataFolderInUseError) return use(await awaitControl(config, error))
    const { code, message } = describeError(error)
    throw code === 'internal' ? new CommandError('data_unusable', message, { cause: error }) : error
  }
  return serveCommand(engine, use)
}

/** On Kafka a command is an instance of its own beside the roles, which has nothing to keep. */
async function withInstance<Result>(config: Config, use: (control: ControlClient) => Promise<Result>): Promise<Result> {
  const data = await mkdtemp(join(tmpdir(), 'kappa-'))
  try {
    return await serveCommand(await openHere({ ...config, data }), use)
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

async function openHere(config: Config): Promise<Engine> {
  const { openEngine } = await import('./wiring.ts')
  return openEngine(config, {
    processes: false,
    onError: (message, error) => process.stderr.write(`kappa: ${message}: ${error instanceof Error ? error.message : String(error)}\n`),
  })
}

async function serveCommand<Result>(engine: Engine, use: (control: ControlClient) => Promise<Result>): Promise<Result> {
  try {
    showNewKeys(engine)
    const { openControlSocket } = await import('./control-socket.ts')
    const control = await openControlSocket(engine)
    try {
      return await use(connectControl(controlSocketPath(engine.config.data), true))
    } finally {
      await control.close()
    }
  } finally {
    await engine.close()
  }
}

async function reachControl({ data }: Config): Promise<ControlClient | undefined> {
  const control = connectControl(controlSocketPath(data), false)
  try {
    await control.json('GET', '/status')
    return control
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    // No socket, or one that nobody listens on any longer.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR' || code === 'ECONNRESET') return undefined
    throw error
  }
}

async function awaitControl(config: Config, { pid }: DataFolderInUseError): Promise<ControlClient> {
  for (let waitedMs = 0; waitedMs < ANSWER_MS_MAX; waitedMs += ANSWER_POLL_MS) {
    const running = await reachControl(config)
    if (running !== undefined) return running
    await sleep(ANSWER_POLL_MS)
  }
  throw new CommandError(
    'data_in_use',
    `process ${pid} uses the data folder ${config.data} and does not answer: stop it, or take another folder with --data`,
  )
}

/** The first start makes keys whatever the command; they are shown this once and kept nowhere. */
function showNewKeys({ newKeys }: Engine): void {
  if (newKeys.length === 0) return
  const lines = newKeys.map(({ kind, secret }) => `  ${kind.padEnd(7)} ${secret}\n`)
  process.stderr.write(`Keys of the new workspace "default", shown this once:\n${lines.join('')}\n`)
}
