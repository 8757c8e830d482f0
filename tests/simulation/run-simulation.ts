/**
 * `npm run simulation`: plays seeds one after the other and stops at the first that breaks a promise, with the command that
 * plays it again. `--seeds N` (50), `--from N` (1), `--seed N` one seed, `--trace` prints each step, `--keep-going` plays
 * on after a failure, `--out FILE` writes the figures.
 */
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type SeedResult, simulateSeed } from './simulate-seed.ts'
import { type SimulationFigures, SimulationTotals } from './simulation-totals.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const PROGRESS_EVERY_MS = 10_000

const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const totals = new SimulationTotals()
let failed: SeedResult | undefined
let toldAtMs = performance.now()
for (let seed = first; seed < first + count && (failed === undefined || values['keep-going']); seed += 1) {
  const result = await simulateSeed(seed, values.trace ? { onTrace: (line) => console.log(line) } : {})
  totals.add(result)
  if (result.broken.length > 0) {
    failed ??= result
    if (values['keep-going']) console.log(`seed ${seed} (${result.form}): ${result.broken[0]?.slice(0, 300)}`)
  }
  if (performance.now() - toldAtMs < PROGRESS_EVERY_MS) continue
  toldAtMs = performance.now()
  console.log(totals.line)
}
console.log(totals.line)
console.log(
  Object.entries(totals.figures.faults)
    .map(([kind, times]) => `  ${String(times).padStart(8)}  ${kind}`)
    .join('\n'),
)
if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(reportOf(totals.figures), null, 2)}\n`)
if (failed !== undefined) {
  console.log(`\nseed ${failed.seed} (${failed.form}) breaks a promise:\n${failed.broken.join('\n')}`)
  console.log(`\nplay it again: npm run simulation -- --seed ${failed.seed} --trace`)
  process.exitCode = 1
}

function reportOf(figures: SimulationFigures): object {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
  return { date: new Date().toISOString(), commit, machine, ...figures }
}
