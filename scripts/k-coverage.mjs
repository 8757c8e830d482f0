/**
 * Bias of k_factor and coverage of its intervals against simulated truth, by the naive pass:
 *   npx tsx scripts/k-coverage.mjs [--seeds 30] [--k 0.3,0.7,0.95,1.2,2] [--dispersion 0.2]
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { measureCoverage } from '../simulate/measure-coverage.ts'
import { kPosterior } from '../verify/k-posterior.ts'
import { collectFacts } from '../verify/naive-pass.ts'
import { naiveWindow } from '../verify/naive-window.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '30' },
    k: { type: 'string', default: '0.3,0.7,0.95,1.2,2' },
    dispersion: { type: 'string' },
  },
})
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)

async function evaluate(events, window) {
  const entries = events.map((event, offset) => ({
    partition: 0,
    offset,
    record: {
      v: 1,
      workspace: 'simulated',
      import_id: 'simulated',
      ...event,
      received_at: window.endMs,
      occurred_at: Date.parse(event.occurred_at),
    },
  }))
  return kPosterior(naiveWindow(await collectFacts(entries, 'simulated'), window).whole.k)
}

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`
console.log('| K | users | days | runs | mean k_factor | bias | +- | 95 % interval holds | over-dispersed holds |')
console.log('|---|---|---|---|---|---|---|---|---|')
for (const k of values.k.split(',').map(Number)) {
  const [row] = await measureCoverage({ ks: [k], seeds, evaluate, ...(values.dispersion ? { dispersion: Number(values.dispersion) } : {}) })
  const cells = [k, row.users, row.days, row.runs, row.mean.toFixed(4), percent(row.bias, 2), percent(row.biasError, 2)]
  console.log(`| ${[...cells, percent(row.coverage), percent(row.coverageOverdispersed)].join(' | ')} |`)
  if (Math.abs(row.bias) > 0.02) process.exitCode = 1
}
