/**
 * How well the shares of content are foretold, on public cascades, beside naive extrapolation: median absolute percentage
 * errors of the number in the end, at several ages. The data is that of ../shared/data, or of the folder in REFERENCE_DATA:
 *   npx tsx scripts/cascade-forecasts.mjs
 */
import { median, trialsOfKnownReach, trialsOfUnknownReach } from '../tests/support/cascade-trials.ts'

const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : 'no end')
const age = (seconds) => (seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${seconds / 3600} h`)

function print(title, trials) {
  const names = Object.keys(trials[0].errors)
  console.log(`\n${title}\n`)
  console.log(`| age | contents | ${names.join(' | ')} | in the 95 % interval |`)
  console.log(`|${'---|'.repeat(names.length + 3)}`)
  for (const { atS, contents, errors, covered } of trials) {
    const medians = names.map((name) => percent(median(errors[name])))
    console.log(`| ${age(atS)} | ${contents} | ${medians.join(' | ')} | ${covered} of ${contents} |`)
  }
}

print('Reach known, one cascade of 15,563: error of the number in the end', trialsOfKnownReach([1, 2, 3, 4, 5, 6, 8, 10, 12, 24, 48]))
print('Reach unknown, 30 cascades: median error of the number after a day', trialsOfUnknownReach([1 / 3, 0.5, 1, 2, 3, 6, 12]))
