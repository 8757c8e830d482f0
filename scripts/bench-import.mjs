#!/usr/bin/env node
/**
 * Import rate of a file of events, end to end: validated, durable, through every processor, readable in the warehouse.
 * Beside it the rate at which one core parses the same file, measured before and after in the same run.
 *
 *   node --max-semi-space-size=64 scripts/bench-import.mjs events.ndjson
 */
import { createReadStream, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

const [file] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('usage: node scripts/bench-import.mjs EVENTS.ndjson\n')
  process.exit(2)
}
const { openEngine } = await import('../dist/cli/wiring.js')
const { config } = await import('../dist/schemas/config.js')

function parseRate() {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const startedMs = performance.now()
  let types = 0
  for (const line of lines) types += JSON.parse(line).type.length
  if (types === 0) throw new Error('nothing was parsed')
  return lines.length / ((performance.now() - startedMs) / 1000)
}

let peakBytes = 0
const watch = () => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}
const parseBefore = parseRate()
const folder = await mkdtemp(join(tmpdir(), 'kappa-bench-'))
try {
  const engine = await openEngine(config.parse({ data: folder }), {
    onError: (message, error) => process.stderr.write(`${message}: ${error}\n`),
  })
  const timer = setInterval(watch, 50)
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  let last
  for await (const progress of engine.importRows({
    workspace: 'bench',
    importId: 'bench',
    chunks: createReadStream(file, { highWaterMark: 1 << 20 }),
  }))
    last = progress
  const seconds = (performance.now() - startedMs) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  clearInterval(timer)
  watch()
  await engine.close()
  const parseAfter = parseRate()
  const rate = last.read / seconds
  process.stdout.write(
    `${JSON.stringify(
      {
        events: last.read,
        accepted: last.accepted,
        seconds: Number(seconds.toFixed(2)),
        events_per_second: Math.round(rate),
        cpu_us_per_event: Number(((cpu.user + cpu.system) / last.read).toFixed(1)),
        peak_rss_mb: Math.round(peakBytes / 1e6),
        json_parse_per_second: [Math.round(parseBefore), Math.round(parseAfter)],
        share_of_json_parse: Number((rate / ((parseBefore + parseAfter) / 2)).toFixed(3)),
        cpus: cpus().length,
        load: loadavg()[0],
        node: process.version,
      },
      null,
      2,
    )}\n`,
  )
} finally {
  await rm(folder, { recursive: true, force: true })
}
