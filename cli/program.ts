/** The commands and their flags. What a command does stands in a file of its own, loaded when it runs, so that `--help` is instant. */
import { Command } from 'commander'
import { productVersion } from './product-version.ts'

/** The whole program, to be parsed once. An action rejects with the error that the command ends with. */
export function createProgram(): Command {
  const program = new Command('kappa')
    .description('A live, verified K-factor from share, invite and conversion events.')
    .version(productVersion())
    .showHelpAfterError('(add --help to see what there is)')
  addUp(program)
  addRoles(program)
  addImport(program)
  addVerify(program)
  addReplay(program)
  addSimulate(program)
  addSql(program)
  addKeys(program)
  addQuarantine(program)
  addDoctor(program)
  addBench(program)
  return program
}

function described(parent: Command, signature: string, description: string, example: string): Command {
  return parent
    .command(signature)
    .description(description)
    .addHelpText('after', `\nExample:\n${example.replace(/^\n/, '')}`)
}

/** A command with the settings of the engine. Secrets have no flag: command lines are seen by others. */
function command(parent: Command, signature: string, description: string, example: string): Command {
  return described(parent, signature, description, example)
    .option('--data <folder>', 'folder under which everything durable lives (KAPPA_DATA, default .kappa)')
    .option('--log <url>', 'where events go (KAPPA_LOG: embedded: or kafka://host:9092, default embedded:)')
    .option('--warehouse <url>', 'where numbers live (KAPPA_WAREHOUSE: chdb: or http://..., default chdb:)')
}

function addUp(program: Command): void {
  command(
    program,
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
      const [{ commandSettings }, { refuseOpenHost }] = await Promise.all([import('./command-settings.ts'), import('./settings.ts')])
      const config = commandSettings(flags)
      refuseOpenHost(config)
      const { up } = await import('./up.ts')
      await up(config, { demo, version: productVersion() })
    })
}

function addRoles(program: Command): void {
  const roles = [
    ['ingest', 'Take events over HTTP into a log on Kafka. One of the roles of the scaled form, as many as wanted.'],
    ['process', 'Compute numbers from the log on Kafka into ClickHouse; instances share the partitions among themselves.'],
    ['api', 'Serve the dashboard and the reading side of the API from ClickHouse.'],
  ] as const
  for (const [role, description] of roles) {
    command(
      program,
      role,
      description,
      `
  $ export KAPPA_LOG=kafka://kafka:9092 KAPPA_WAREHOUSE=http://kappa:...@clickhouse:8123/kappa
  $ export KAPPA_SECRET=...     the same everywhere
  $ kappa migrate
  $ kappa ${role} --port 5273`,
    )
      .option('--port <number>', 'HTTP port, 0 for a free one (KAPPA_PORT, default 5272)')
      .option('--host <address>', 'address to listen on; other than loopback only with a password (KAPPA_HOST, default 127.0.0.1)')
      .action(async (flags) => {
        const [{ commandSettings }, { refuseOpenHost }] = await Promise.all([import('./command-settings.ts'), import('./settings.ts')])
        const config = commandSettings(flags)
        refuseOpenHost(config)
        const { runRole } = await import('./role-command.ts')
        await runRole(role, config, productVersion())
      })
  }
  command(
    program,
    'migrate',
    'Make the topics, tables and keys that the roles need. Run it before them, and before a newer build; again it changes nothing.',
    `
  $ export KAPPA_LOG=kafka://kafka:9092 KAPPA_WAREHOUSE=http://kappa:...@clickhouse:8123/kappa KAPPA_SECRET=...
  $ kappa migrate`,
  )
    .option('--json', 'print keys that were made as one line of JSON')
    .action(async ({ json, ...flags }) => {
      const { commandSettings } = await import('./command-settings.ts')
      const { migrateServers } = await import('./role-command.ts')
      await migrateServers(commandSettings(flags), json === true)
    })
}

function addImport(program: Command): void {
  command(
    program,
    'import',
    'Take events from files (NDJSON, messages of Segment, CSV; plain, gzip or zstd). Run again, it counts nothing twice.',
    `
  $ kappa import events.ndjson.gz
  $ kappa import --workspace shop 2025-*.ndjson.zst
  $ kappa import --map map.json leads.csv
      where map.json is
      {"columns": {"lead": "actor_id", "at": "occurred_at", "origin": "channel"},
       "constants": {"type": "conversion", "kind": "signup"}}
  $ kappa import --format segment segment-archive/*.gz
      a line is a message as for /v1/track, or a batch of them: docs/sdks.md
  $ node to-events.mjs | kappa import --json -`,
  )
    .argument('<file...>', 'files to read in this order; - is standard input')
    .option('--format <format>', 'events, segment or csv (default: csv for names that end in .csv, else events)')
    .option('--map <file>', 'which column of a CSV is which field of an event')
    .option('--workspace <name>', 'workspace that takes the events, made when it is new (default: default)')
    .option('--id <id>', 'name of this import (default: a new UUID)')
    .option('--json', 'print the report as one line of JSON')
    .action(async (files, flags) => {
      const { importFiles } = await import('./import-command.ts')
      await importFiles(files, flags)
    })
}

function addVerify(program: Command): void {
  command(
    program,
    'verify',
    'Recompute every streamed number by SQL over raw events and by a naive pass over the log. Exit status 1 on any difference.',
    `
  $ kappa verify
  $ kappa verify --workspace shop --window 7d --at 2026-01-31T00:00:00Z --verbose`,
  )
    .option('--window <length>', 'one window: 1h, 24h, 7d, 30d; with --at any length such as 90m (default: all live ones, with --at 7d)')
    .option('--at <instant>', 'the window that ends at this instant (RFC 3339 with a zone, or epoch ms)')
    .option('--workspace <name>', 'one workspace (default: all)')
    .option('--ends <number>', 'how many published ends of each window to sample, restated ones besides (default: 12)')
    .option('--all', 'every published window end instead of a sample')
    .option('--verbose', 'print every number, not only those that differ')
    .option('--json', 'print one JSON document')
    .action(async (flags) => {
      const { verifyNumbers } = await import('./verify-command.ts')
      await verifyNumbers(flags)
    })
}

function addReplay(program: Command): void {
  command(
    program,
    'replay',
    'Rebuild every derived number from the raw events, say which were others, and put them in place all at once. Events are taken meanwhile.',
    `
  $ kappa replay
  $ kappa replay --workspace shop --from 2026-01-01T00:00:00Z --json`,
  )
    .option('--workspace <name>', 'one workspace (default: all)')
    .option('--from <instant>', 'replace only numbers of windows that end at this instant or later (RFC 3339 with a zone, or epoch ms)')
    .option('--json', 'print one JSON document')
    .action(async (flags) => {
      const { replayNumbers } = await import('./replay-command.ts')
      await replayNumbers(flags)
    })
}

function addSimulate(program: Command): void {
  described(
    program,
    'simulate',
    'Write events of a referral process of which the truth is known, and the truth beside them.',
    `
  $ kappa simulate --users 1000 --days 30 --k 0.7 --out events.ndjson
      writes events.ndjson and truth.json
  $ kappa simulate --users 500 --days 14 --k 1.2 --dispersion 0.2 --fraud 0.05 --seed 7 | kappa import -`,
  )
    .requiredOption('--users <number>', 'people who come by themselves, spread evenly over the days')
    .requiredOption('--days <number>', 'length of the simulation')
    .requiredOption('--k <number>', 'how many people one person brings in the long run')
    .option('--seed <number>', 'the same seed gives the same events', '1')
    .option('--dispersion <number>', 'k of a negative binomial: the smaller, the fewer people bring most (default: Poisson)')
    .option('--fraud <share>', 'share of those users who cheat, 0 to 1', '0')
    .option('--start <instant>', 'when it begins, RFC 3339 (default: 2026-01-05T00:00:00Z)')
    .option('--out <file>', 'file of events (default: standard output); truth.json goes beside it')
    .option('--json', 'print what was made as one line of JSON (with --out)')
    .action(async (flags) => {
      const { simulateEvents } = await import('./simulate-command.ts')
      await simulateEvents(flags)
    })
}

function addSql(program: Command): void {
  command(
    program,
    'sql',
    'Read-only SQL (ClickHouse) on the warehouse.',
    `
  $ kappa sql "SELECT type, count() FROM events FINAL WHERE workspace = 'default' GROUP BY type"
  $ kappa sql --format CSVWithNames "SELECT * FROM people FINAL" > people.csv`,
  )
    .argument('<sql>', 'one SELECT, or - to read it from standard input')
    .option('--format <name>', 'any ClickHouse output format of text (default: a table on a terminal, else TSVWithNames)')
    .option('--json', 'one JSON object a row (the format JSONEachRow)')
    .action(async (sql, flags) => {
      const { printSql } = await import('./sql-command.ts')
      await printSql(sql, flags)
    })
}

function addKeys(program: Command): void {
  const keys = described(
    program,
    'keys',
    'Make, list and revoke keys: write (browsers), server, read, admin.',
    '  $ kappa keys create --workspace shop --kind write',
  )

  command(keys, 'list', 'Keys, the revoked ones too. Secrets are kept nowhere.', '  $ kappa keys list --workspace shop')
    .option('--workspace <name>', 'of one workspace (default: all)')
    .option('--kind <kind>', 'of one kind: write, server, read or admin')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { listKeys } = await import('./keys-command.ts')
      await listKeys(flags)
    })

  command(keys, 'create', 'Make a key and print its secret, this once.', '  $ kappa keys create --workspace shop --kind server')
    .option('--workspace <name>', 'workspace it belongs to, made when it is new (default: default)')
    .requiredOption('--kind <kind>', 'write, server, read or admin')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { createKey } = await import('./keys-command.ts')
      await createKey(flags)
    })

  command(keys, 'revoke', 'Stop a key, by the id that keys list shows.', '  $ kappa keys revoke 2bOJFMkEi4')
    .argument('<id>', 'id of the key')
    .option('--json', 'print JSON')
    .action(async (id, flags) => {
      const { revokeKey } = await import('./keys-command.ts')
      await revokeKey(id, flags)
    })
}

function addQuarantine(program: Command): void {
  const quarantine = described(
    program,
    'quarantine',
    'Events that were not accepted: list them, try them again, give them up.',
    '  $ kappa quarantine list --code field_missing',
  )

  command(
    quarantine,
    'list',
    'Quarantined events, newest first, and how many there are by code.',
    `
  $ kappa quarantine list
  $ kappa quarantine list --code time_in_future --state all --json`,
  )
    .option('--workspace <name>', 'workspace (default: default)')
    .option('--code <code>', 'of one code')
    .option('--state <state>', 'open, retried, discarded or all (default: open)')
    .option('--from <instant>', 'received at this instant or later (RFC 3339 with a zone, or epoch ms)')
    .option('--to <instant>', 'received before this instant')
    .option('--limit <number>', 'how many to show (default: 50)')
    .option('--json', 'print one JSON document, with the events as they are kept')
    .action(async (flags) => {
      const { listQuarantine } = await import('./quarantine-command.ts')
      await listQuarantine(flags)
    })

  const actions = [
    ['retry', 'Validate events again, and take those that are right now. Exit status 1 when any stays.'],
    ['discard', 'Give events up: they stay in the list as discarded, and count nowhere.'],
  ] as const
  for (const [action, description] of actions) {
    command(
      quarantine,
      action,
      description,
      `
  $ kappa quarantine ${action} 0197a3c2-4f1e-7c3a-9a55-2f0f4d1f6d11
  $ kappa quarantine ${action} --code field_unknown
  $ kappa quarantine ${action} --all --json`,
    )
      .argument('[id...]', 'ids of events, as the list shows them')
      .option('--workspace <name>', 'workspace (default: default)')
      .option('--code <code>', 'all open events of a code')
      .option('--all', 'all open events')
      .option('--json', 'print one JSON document')
      .action(async (ids, flags) => {
        const { settleQuarantine } = await import('./quarantine-command.ts')
        await settleQuarantine(action, ids, flags)
      })
  }
}

function addDoctor(program: Command): void {
  command(
    program,
    'doctor',
    'Check the data folder, the log, the warehouse, keys and settings; say what to do. Exit status 1 when a check fails.',
    `
  $ kappa doctor
  $ kappa doctor --json`,
  )
    .option('--port <number>', 'HTTP port, as for kappa up')
    .option('--host <address>', 'address to listen on, as for kappa up')
    .option('--json', 'print one JSON document')
    .action(async (flags) => {
      const { examine } = await import('./doctor-command.ts')
      await examine(flags)
    })
}

function addBench(program: Command): void {
  described(
    program,
    'bench',
    'Measure this build on this machine: ingest, import, latencies, memory, each beside what the machine does without it.',
    `
  $ kappa bench
      two to three minutes, in a folder of its own; nothing else should run meanwhile
  $ kappa bench --only http-100,queries --events 1000000 --out result.json
  $ kappa bench --full --file events.ndjson --compare docs/results/2026-01-31-bench.json`,
  )
    .option('--only <cases>', 'some of the cases, by name, with commas between them')
    .option('--events <number>', 'events to import; all other sizes follow from it (default: 200000)')
    .option('--full', 'the sizes that the limits are meant for: 10,000,000 events')
    .option('--file <file>', 'events of your own, NDJSON in order of time (default: simulated ones)')
    .option('--data <folder>', 'empty folder for what is written meanwhile (default: kappa-bench in the temporary folder)')
    .option('--port <number>', 'HTTP port of the product that is measured (default: a free one)')
    .option(
      '--out <file>',
      'where the result is saved as JSON (default: YYYY-MM-DD-bench.json in the working folder, or in the folder given)',
    )
    .option('--compare <file>', 'an older result, to print the difference to it')
    .option('--json', 'print the result as one line of JSON')
    .action(async (flags) => {
      const { bench } = await import('./bench/bench-command.ts')
      await bench(flags)
    })
}
