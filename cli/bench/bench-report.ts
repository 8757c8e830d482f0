/** A run of the bench as text: a line a figure with its baseline and its limit, or beside an older run. */
import Table from 'cli-table3'
import type { BenchResult, Figure, FigureUnit } from './bench-figures.ts'

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

function plainTable(head: readonly string[], right: readonly number[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, column) => (right.includes(column) ? 'right' : 'left')),
  })
  table.push(...rows.map((row) => [...row]))
  const lines = table.toString().split('\n')
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

/** Three digits, and no decimals where they would say nothing. */
function inWords(value: number | null, unit: FigureUnit): string {
  if (value === null) return 'not known'
  const size = Math.abs(value)
  const digits = unit === 'count' || size >= 100 ? 0 : size >= 10 ? 1 : unit === 'share' ? 3 : 2
  const number = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === 'count' || unit === 'share' ? number : `${number} ${unit}`
}

function limitText({ limit, unit }: Figure, reached: boolean | null): string {
  if (limit === undefined) return ''
  const verdict = reached === null ? '' : reached ? 'reached' : 'NOT reached'
  return `${limit.at === 'least' ? '>=' : '<='} ${inWords(limit.value, unit)}  ${verdict}`.trimEnd()
}

function baselineText({ baseline, unit, value }: Figure): string {
  if (baseline === undefined) return ''
  const times = value === null || baseline.value === 0 ? '' : ` (x ${(value / baseline.value).toPrecision(2)})`
  return `${baseline.name}: ${inWords(baseline.value, unit)}${times}`
}

/** The whole run, for people. */
export function benchReport(result: BenchResult): string {
  const { machine, load_before: load } = result
  const rows = result.cases.flatMap(({ name, figures, failed }) => {
    if (failed !== null) return [[name, `FAILED: ${failed}`, '', '', '']]
    return figures.map((figure, index) => {
      return [
        index === 0 ? name : '',
        figure.name,
        inWords(figure.value, figure.unit),
        limitText(figure, figure.reached),
        baselineText(figure),
      ]
    })
  })
  const about = [
    `${result.date}, Kappa ${result.version}${result.commit === null ? '' : ` (${result.commit})`}, Node ${result.node}`,
    `${machine.cpus} x ${machine.cpu}, ${inWords(machine.memory_mb, 'MB')}, ${machine.system}, load before ${(load[0] ?? 0).toFixed(2)}`,
    `${result.events.toLocaleString('en-US')} events${result.file === null ? '' : ` of ${result.file}`}${result.full ? '' : '; the limits are those of a full run (--full)'}`,
  ]
  return `${about.join('\n')}\n\n${plainTable(['case', 'figure', 'measured', 'to reach', 'baseline of the same run'], [2], rows)}`
}

/** Every figure that both runs have, and how much it differs. Runs of other machines or sizes are said to be so. */
export function comparisonText(older: BenchResult, newer: BenchResult): string {
  const before = new Map(older.cases.flatMap((one) => one.figures.map((figure) => [`${one.name} ${figure.name}`, figure] as const)))
  const rows = newer.cases.flatMap((one) => {
    return one.figures.flatMap((figure) => {
      const known = before.get(`${one.name} ${figure.name}`)
      if (known === undefined) return []
      return [
        [
          one.name,
          figure.name,
          inWords(known.value, known.unit),
          inWords(figure.value, figure.unit),
          differenceText(known.value, figure.value),
          differenceText(shareOf(known), shareOf(figure)),
        ],
      ]
    })
  })
  const differ = [
    older.machine.cpu === newer.machine.cpu && older.machine.cpus === newer.machine.cpus ? [] : ['machines'],
    older.events === newer.events ? [] : ['numbers of events'],
    older.file === newer.file ? [] : ['files'],
    older.node === newer.node ? [] : ['versions of Node'],
  ].flat()
  const loads = [older, newer].map(({ load_before: [load = 0] }) => load.toFixed(2))
  const isBusy = [older, newer].some(({ load_before: [load = 0], machine }) => load > machine.cpus / 2)
  const note = [
    differ.length === 0 ? '' : `The two runs have different ${differ.join(' and ')}.\n`,
    isBusy ? `The machine was busy: load ${loads.join(' before the one, ')} before the other.\n` : '',
  ].join('')
  const head = ['case', 'figure', 'before', 'now', 'difference', 'against its baseline']
  return `Beside ${older.date}${older.commit === null ? '' : ` (${older.commit})`}\n${note}\n${plainTable(head, [2, 3, 4, 5], rows)}`
}

function shareOf({ value, baseline }: Figure): number | null {
  return value === null || baseline === undefined || baseline.value === 0 ? null : value / baseline.value
}

function differenceText(before: number | null, now: number | null): string {
  if (before === null || now === null || before === 0) return ''
  const percent = (now / before - 1) * 100
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`
}
