#!/usr/bin/env node
/** The `kappa` command. What a command does stands in a file of its own, loaded when it runs, so that `--help` is instant. */
import process from 'node:process'
import { Command } from 'commander'
import { reportFailure } from './command-error.ts'
import { productVersion } from './product-version.ts'

const program = new Command('kappa')
  .description('A live, verified K-factor from share, invite and conversion events.')
  .version(productVersion())
  .showHelpAfterError('(add --help to see what there is)')
  .configureHelp({ showGlobalOptions: false })

/** A command with the settings that every command has. Secrets have no flag: command lines are seen by others. */
function command(name: string, description: string, example: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--data <folder>', 'folder under which everything durable lives (KAPPA_DATA, default .kappa)')
    .option('--log <url>', 'where events go (KAPPA_LOG, default embedded:)')
    .option('--warehouse <url>', 'where numbers live (KAPPA_WAREHOUSE, default chdb:)')
    .addHelpText('after', `\nExample${example.trim().includes('\n') ? 's' : ''}:\n${example.trim().replaceAll(/^/gm, '  ')}`)
}

command(
  'up',
  'Run the whole product in this process: ingest, processors, warehouse, API, dashboard.',
  `
$ kappa up
$ kappa up --demo --port 8080
$ KAPPA_ADMIN_PASSWORD=... kappa up --host 0.0.0.0`,
)
  .option('--port <number>', 'HTTP port, 0 for a free one (KAPPA_PORT, default 5272)')
  .option('--host <address>', 'address to listen on; other than loopback only with a password (KAPPA_HOST, default 127.0.0.1)')
  .option('--demo', 'add live simulated traffic', false)
  .action(async ({ demo, ...flags }) => {
    const { readSettings, refuseOpenHost } = await import('./settings.ts')
    const config = readSettings({ flags, env: process.env, cwd: process.cwd() })
    refuseOpenHost(config)
    const { up } = await import('./up.ts')
    await up(config, { demo, version: productVersion() })
  })

command(
  'import',
  'Take events from files (NDJSON or CSV; plain, gzip or zstd). Run again, it counts nothing twice.',
  `
$ kappa import events.ndjson.gz
$ kappa import --workspace shop 2025-*.ndjson.zst
$ kappa import --map map.json leads.csv
    where map.json is
    {"columns": {"lead": "actor_id", "at": "occurred_at", "origin": "channel"},
     "constants": {"type": "conversion", "kind": "signup"}}
$ node to-events.mjs | kappa import --json -`,
)
  .argument('<file...>', 'files to read in this order; - is standard input')
  .option('--format <format>', 'events or csv (default: csv for names that end in .csv, else events)')
  .option('--map <file>', 'which column of a CSV is which field of an event')
  .option('--workspace <name>', 'workspace that takes the events, made when it is new (default: default)')
  .option('--id <id>', 'name of this import (default: a new UUID)')
  .option('--json', 'print the report as one line of JSON')
  .action(async (files, flags) => {
    const { importFiles } = await import('./import-command.ts')
    await importFiles(files, flags)
  })

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough.
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

try {
  await program.parseAsync()
} catch (error) {
  reportFailure(error)
}
