/** A server that listens until SIGINT or SIGTERM. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../schemas/config.ts'
import type { Engine } from './engine.ts'
import { createWebApp, type Serves } from './web-app.ts'

/** The build's folder: this file runs from `dist/cli`. */
const BUILD_FOLDER = fileURLToPath(new URL('..', import.meta.url))

export interface ServeOptions {
  readonly engine: Engine
  readonly serves: Serves
  readonly version: string
  /** Told where it listens; what it gives is closed before the engine is. */
  readonly onListening: (address: string) => Promise<() => Promise<unknown>>
}

/** Listens where the settings say; resolves when it was stopped. The engine stays open. */
export async function serve({ engine, serves, version, onListening }: ServeOptions): Promise<void> {
  const { config } = engine
  const app = await createWebApp({
    engine,
    serves,
    sessionSecret: await sessionSecret(config),
    buildFolder: BUILD_FOLDER,
    version,
    logger: true,
  })
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const address = await app.listen({ host: config.host, port: config.port })
  const close = await onListening(address)
  await stopped
  process.stderr.write('kappa: stopping\n')
  await close()
  await app.close()
}

/** Keys that were just made, shown this once. */
export function printNewKeys({ newKeys }: Engine): void {
  if (newKeys.length === 0) return
  process.stdout.write('\nKeys of the workspace "default", shown this once:\n')
  for (const { kind, secret } of newKeys) process.stdout.write(`  ${kind.padEnd(7)} ${secret}\n`)
  process.stdout.write('\n')
}

/** Sessions stay valid over restarts, and, where instances share a secret, on all of them. */
async function sessionSecret({ secret, data }: Config): Promise<Uint8Array> {
  if (secret !== undefined) return new Uint8Array(hkdfSync('sha256', secret, '', 'kappa/sessions/v1', 32))
  const path = join(data, 'session.key')
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const made = randomBytes(32)
  await mkdir(data, { recursive: true })
  await writeFile(path, made, { mode: 0o600, flag: 'wx' })
  return made
}
