/**
 * How often an experiment without a difference shows one, when it is looked at after every event; exit status 1 above 5 %:
 *   npx tsx scripts/aa-experiments.mjs [--runs 2000] [--events 4000] [--only "revenue per person"]
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { NULL_EXPERIMENTS } from '../simulate/null-experiments.ts'
import { peekAtEveryEvent } from '../simulate/peeked-experiment.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    events: { type: 'string', default: '4000' },
    only: { type: 'string' },
  },
})
const runs = Number(values.runs)
const events = Number(values.events)

const percent = (count) => `${((100 * count) / runs).toFixed(2)} %`
console.log(`${runs} runs of ${events} events, a look after each`)
console.log('| experiment | false positives | wrong shares told | had a verdict | from event (median) |')
console.log('|---|---|---|---|---|')
for (const experiment of NULL_EXPERIMENTS) {
  if (values.only !== undefined && experiment.name !== values.only) continue
  const played = Array.from({ length: runs }, (_, seed) => peekAtEveryEvent(experiment, seed + 1, events))
  const falsePositives = played.filter((run) => run.falsePositiveAt !== null).length
  const mismatches = played.filter((run) => run.mismatched).length
  const starts = played.flatMap((run) => run.firstVerdictAt ?? []).sort((a, b) => a - b)
  const cells = [
    experiment.name,
    percent(falsePositives),
    percent(mismatches),
    percent(starts.length),
    starts[starts.length >> 1] ?? 'never',
  ]
  console.log(`| ${cells.join(' | ')} |`)
  if (falsePositives > 0.05 * runs) process.exitCode = 1
}
