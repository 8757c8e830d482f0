/** `kappa up`: the whole product in one process on one machine. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../schemas/config.ts'
import { openControlSocket } from './control-socket.ts'
import { playDemo } from './demo.ts'
import type { Engine } from './engine.ts'
import { createWebApp } from './web-app.ts'
import { openEngine } from './wiring.ts'

/** The build's folder: this file runs from `dist/cli`. */
const BUILD_FOLDER = fileURLToPath(new URL('..', import.meta.url))

/** Runs until SIGINT or SIGTERM; prints where Kappa is, and keys that were just made. */
export async function up(config: Config, { demo, version }: { demo: boolean; version: string }): Promise<void> {
  const warn = (message: string, error: unknown) =>
    process.stderr.write(`kappa: ${message}: ${error instanceof Error ? error.message : String(error)}\n`)
  const engine = await openEngine(config, { onError: warn })
  const stopping = new AbortController()
  try {
    const app = await createWebApp({
      engine,
      sessionSecret: await sessionSecret(config.data),
      buildFolder: BUILD_FOLDER,
      version,
      logger: true,
    })
    const control = await openControlSocket(engine)
    const address = await app.listen({ host: config.host, port: config.port })
    announce(address, engine)
    const traffic = demo ? playDemo(engine, stopping.signal).catch((error: unknown) => warn('the demo ended', error)) : undefined
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    })
    process.stderr.write('kappa: stopping\n')
    stopping.abort()
    await traffic
    await app.close()
    await control.close()
  } finally {
    await engine.close()
  }
}

function announce(address: string, engine: Engine): void {
  process.stdout.write(`Kappa is at ${address}\n`)
  if (engine.newKeys.length === 0) return
  process.stdout.write('\nKeys of the workspace "default", shown this once:\n')
  for (const { kind, secret } of engine.newKeys) process.stdout.write(`  ${kind.padEnd(7)} ${secret}\n`)
  process.stdout.write('\n')
}

/** Made at the first start; sessions stay valid over restarts. */
async function sessionSecret(dataFolder: string): Promise<Uint8Array> {
  const path = join(dataFolder, 'session.key')
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const secret = randomBytes(32)
  await mkdir(dataFolder, { recursive: true })
  await writeFile(path, secret, { mode: 0o600, flag: 'wx' })
  return secret
}
