/** The roles of the scaled form: `kappa ingest`, `process` and `api`, as many of each as wanted, and `migrate` before them. */
import process from 'node:process'
import type { Config } from '../schemas/config.ts'
import { CommandError } from './command-error.ts'
import { openScaledEngine } from './scaled-engine.ts'
import { printNewKeys, serve } from './serve.ts'
import { warn } from './trouble-line.ts'

export type Role = 'ingest' | 'process' | 'api'

/** Runs a role until SIGINT or SIGTERM. Throws CommandError `role_needs_servers` when the settings are those of one machine. */
export async function runRole(role: Role, config: Config, version: string): Promise<void> {
  refuseOneMachine(role, config)
  const engine = await openScaledEngine(config, { role, makesStartKeys: false, onError: warn })
  try {
    await serve({
      engine,
      serves: { ingest: role === 'ingest', reads: role === 'api' },
      version,
      async onListening(address) {
        process.stdout.write(`Kappa ${role} is at ${address}\n`)
        return async () => {}
      },
    })
  } finally {
    await engine.close()
  }
}

/** Makes topics, tables and keys as this build and the settings want them; run again it changes nothing. */
export async function migrateServers(config: Config, json: boolean): Promise<void> {
  refuseOneMachine('migrate', config)
  const engine = await openScaledEngine(config, { role: 'migrate', makesStartKeys: true, onError: warn })
  try {
    if (json) process.stdout.write(`${JSON.stringify({ keys: engine.newKeys })}\n`)
    else {
      printNewKeys(engine)
      process.stdout.write('Topics, tables and keys are there.\n')
    }
  } finally {
    await engine.close()
  }
}

function refuseOneMachine(role: string, { log, warehouse }: Config): void {
  if (log !== 'embedded:' && warehouse !== 'chdb:') return
  throw new CommandError(
    'role_needs_servers',
    `kappa ${role} shares a log and a warehouse with others: set KAPPA_LOG=kafka://host:9092 and KAPPA_WAREHOUSE=http://user:password@host:8123/database, or run kappa up, which needs neither`,
  )
}
