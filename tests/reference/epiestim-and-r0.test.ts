/** R against the figures of the EpiEstim and R0 packages, where ../shared/data is there. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { caseReproductionByStep, caseReproductionOver } from '../../metrics/case-reproduction-number.ts'
import { growthRate, likelihoodReproduction, reproductionOfRate } from '../../metrics/early-growth.ts'
import { discretisedGamma, type GenerationInterval, intervalOf } from '../../metrics/generation-interval.ts'
import { infectiousness, reproductionNumber, type StepArrivals, totalArrivals } from '../../metrics/reproduction-number.ts'

const DATA = resolve(import.meta.dirname, '../../../shared/data')
const EPIESTIM = `${DATA}/epiestim`
const GERMANY = `${DATA}/r0-package-reference`
const NOT_THERE = 'skipped: ../shared/data is not there'
const isThere = existsSync(`${EPIESTIM}/reference/INDEX.csv`) && existsSync(`${GERMANY}/Germany1918_TD.csv`)

type Row = Readonly<Record<string, string>>

function rowsOf(file: string): Row[] {
  const [header, ...lines] = readFileSync(file, 'utf8').replaceAll('"', '').trim().split('\n')
  const names = (header as string).split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i] as string, cell])))
}

function numbersOf(file: string, column: string): number[] {
  return rowsOf(file).map((row) => Number(row[column]))
}

/** Those of the first day came from elsewhere, as EpiEstim takes it when it is not told. */
function arrivalsOf(dataset: string): StepArrivals {
  const counts = numbersOf(`${EPIESTIM}/incidence/${dataset}.csv`, 'I')
  return { local: counts.map((count, step) => (step === 0 ? 0 : count)), imported: counts.map((count, step) => (step === 0 ? count : 0)) }
}

function relativeError(value: number, reference: number): number {
  return reference === 0 ? Math.abs(value) : Math.abs(value / reference - 1)
}

function gammaInterval(mean: number, sd: number, steps: number): GenerationInterval {
  const outcome = discretisedGamma(mean, sd, steps)
  if ('reason' in outcome) throw new Error(outcome.reason)
  return outcome
}

const COLUMNS = {
  mean: 'mean',
  sd: 'sd',
  'q0.025': 'lower95',
  'q0.05': 'lower90',
  'q0.25': 'lower50',
  median: 'median',
  'q0.75': 'upper50',
  'q0.95': 'upper90',
  'q0.975': 'upper95',
} as const

/** Largest relative error over every number of a file of the reference; the windows withheld must be the same. */
function worstError(reference: readonly Row[], arrivals: StepArrivals, interval: GenerationInterval, prior: { mean: number; sd: number }) {
  const windows = reference.map((row) => ({ from: Number(row['t_start']) - 1, to: Number(row['t_end']) }))
  const outcomes = reproductionNumber(arrivals, interval, windows, prior)
  let worst = 0
  let withheld = 0
  for (const [index, outcome] of outcomes.entries()) {
    const row = reference[index] as Row
    if ('reason' in outcome) {
      expect(row['mean']).toBe('NA')
      withheld += 1
    } else {
      for (const [column, name] of Object.entries(COLUMNS)) {
        worst = Math.max(worst, relativeError(outcome[name], Number(row[column])))
      }
    }
  }
  expect(reference.filter((row) => row['mean'] === 'NA')).toHaveLength(withheld)
  return { windows: windows.length, withheld, worst }
}

function report(title: string, lines: readonly string[]) {
  if (process.env['KAPPA_PRINT_FIGURES'] === '1') process.stdout.write(`${title}\n${lines.map((line) => `  ${line}\n`).join('')}`)
}

describe('EpiEstim', () => {
  it('mean, deviation and quantiles of every case', ({ skip }) => {
    if (!isThere) skip(NOT_THERE)
    const index = rowsOf(`${EPIESTIM}/reference/INDEX.csv`)
    expect(index.length).toBeGreaterThanOrEqual(10)
    const lines: string[] = []
    for (const settings of index) {
      const file = settings['file'] as string
      const stem = `${EPIESTIM}/reference/${file.slice(0, -'.csv'.length)}`
      const reference = rowsOf(`${stem}.csv`)
      const arrivals = arrivalsOf(settings['dataset'] as string)
      const prior = { mean: Number(settings['mean_prior']), sd: Number(settings['std_prior']) }
      const given = intervalOf(Float64Array.from(numbersOf(`${stem}.si.csv`, 'w')))
      const same = worstError(reference, arrivals, given, prior)
      expect(same.worst, file).toBeLessThanOrEqual(1e-6)
      expect(same.windows).toBe(Number(settings['n_windows']))
      const lambda = infectiousness(totalArrivals(arrivals), given)
      const lambdaError = Math.max(
        ...numbersOf(`${stem}.lambda.csv`, 'lambda').map((value, step) => (step === 0 ? 0 : relativeError(lambda[step] as number, value))),
      )
      expect(lambdaError).toBeLessThanOrEqual(1e-12)
      let line = `${file}: ${same.windows} windows (${same.withheld} withheld), given ${same.worst.toExponential(1)}`
      if (settings['method'] === 'parametric_si') {
        const ours = gammaInterval(Number(settings['mean_si']), Number(settings['std_si']), arrivals.local.length)
        const discretised = worstError(reference, arrivals, ours, prior)
        expect(discretised.worst, file).toBeLessThanOrEqual(1e-4)
        line += `, discretised ${discretised.worst.toExponential(1)}`
      }
      lines.push(line)
    }
    report('EpiEstim: largest relative error', lines)
  })

  it('what the package itself expects', ({ skip }) => {
    if (!isThere) skip(NOT_THERE)
    const lines = ['Example1', 'Example3'].map((example) => {
      const stem = `${EPIESTIM}/package-expected-output/${example}`
      const rows = rowsOf(`${stem}_R.csv`).map((row) => ({
        t_start: row['t_start'] as string,
        t_end: row['t_end'] as string,
        mean: row['Mean(R)'] as string,
        sd: row['Std(R)'] as string,
        median: row['Median(R)'] as string,
        ...Object.fromEntries([0.025, 0.05, 0.25, 0.75, 0.95, 0.975].map((p) => [`q${p}`, row[`Quantile.${p}(R)`] as string])),
      }))
      const incidence = `${stem}_incidence.csv`
      const arrivals = { local: numbersOf(incidence, 'I_local'), imported: numbersOf(incidence, 'I_imported') }
      const interval = intervalOf(Float64Array.from(numbersOf(`${stem}_si.csv`, 'w')))
      const { worst, windows } = worstError(rows, arrivals, interval, { mean: 5, sd: 5 })
      expect(worst, example).toBeLessThanOrEqual(1e-6)
      return `${example}: ${windows} windows, ${worst.toExponential(1)}`
    })
    report('EpiEstim, its own expectations', lines)
  })

  it('the discretised gamma', ({ skip }) => {
    if (!isThere) skip(NOT_THERE)
    const grid = new Map<string, Row[]>()
    for (const row of rowsOf(`${EPIESTIM}/reference/discr_si_grid.csv`)) {
      const settings = `${row['mu']} ${row['sigma']}`
      grid.set(settings, [...(grid.get(settings) ?? []), row])
    }
    const lines: string[] = []
    for (const [settings, rows] of grid) {
      const [mean, sd] = settings.split(' ').map(Number) as [number, number]
      const { weights } = gammaInterval(mean, sd, rows.length - 1)
      const worst = Math.max(...rows.map((row) => Math.abs((weights[Number(row['k'])] as number) - Number(row['w']))))
      expect(worst, settings).toBeLessThanOrEqual(1e-8)
      lines.push(`${settings}: ${worst.toExponential(1)}`)
    }
    expect(grid.size).toBe(15)
    report('Discretised gamma, mean and deviation: largest absolute error', lines)
  })

  it('Wallinga-Teunis', ({ skip }) => {
    if (!isThere) skip(NOT_THERE)
    const arrivals = arrivalsOf('Flu2009')
    const byStep = caseReproductionByStep(arrivals, gammaInterval(2.6, 1.5, arrivals.local.length))
    const lines = [1, 7].map((length) => {
      const rows = rowsOf(`${EPIESTIM}/reference/Flu2009__wallinga_teunis_win${length}_si2.6_1.5.csv`)
      const worst = Math.max(
        ...rows.map((row) => {
          const window = { from: Number(row['t_start']) - 1, to: Number(row['t_end']) }
          return relativeError(caseReproductionOver(byStep, arrivals, window) as number, Number(row['mean_cohort_R']))
        }),
      )
      expect(worst).toBeLessThanOrEqual(1e-6)
      return `${rows.length} windows of ${length}: ${worst.toExponential(1)}`
    })
    report('Wallinga-Teunis, Flu2009', lines)
  })
})

describe('R0, Germany 1918', () => {
  it('by exponential growth, by maximum likelihood, by time', ({ skip }) => {
    if (!isThere) skip(NOT_THERE)
    const counts = numbersOf(`${GERMANY}/Germany1918_incidence.csv`, 'I')
    const interval = intervalOf(Float64Array.from(numbersOf(`${GERMANY}/Germany1918_gt.csv`, 'w')))
    const byTime = numbersOf(`${GERMANY}/Germany1918_TD.csv`, 'TD_R')
    const reference = rowsOf(`${GERMANY}/Germany1918_EG_ML.csv`)[0] as Row
    const first27 = counts.slice(0, 27)
    const rate = growthRate(first27)
    // The package lets the log likelihood drop by a whole 3.84.
    const likelihood = likelihoodReproduction(first27, interval, 3.841_458_820_694_124)
    if (rate === null || likelihood === null) throw new Error('no estimate')

    const steps = caseReproductionByStep({ local: counts, imported: counts.map(() => 0) }, interval)
    const errors = {
      EG_growth_rate: relativeError(rate.value, Number(reference['EG_growth_rate'])),
      EG_R: relativeError(reproductionOfRate(rate.value, interval), Number(reference['EG_R'])),
      EG_lo: relativeError(reproductionOfRate(rate.lower, interval), Number(reference['EG_lo'])),
      EG_hi: relativeError(reproductionOfRate(rate.upper, interval), Number(reference['EG_hi'])),
      ML_R: relativeError(likelihood.value, Number(reference['ML_R'])),
      ML_lo: relativeError(likelihood.lower, Number(reference['ML_lo'])),
      ML_hi: relativeError(likelihood.upper, Number(reference['ML_hi'])),
      TD: Math.max(...byTime.map((value, step) => relativeError(steps[step] as number, value))),
    }
    report(
      'R0 package, Germany 1918: relative error',
      Object.entries(errors).map(([name, error]) => `${name}: ${error.toExponential(1)}`),
    )
    expect(errors.TD).toBeLessThanOrEqual(1e-6)
    expect(errors.EG_growth_rate).toBeLessThanOrEqual(1e-6)
    expect(errors.EG_R).toBeLessThanOrEqual(1e-6)
    // The package reads its limits off a spline of the profile, and its maximum off a coarse search.
    for (const error of [errors.EG_lo, errors.EG_hi]) expect(error).toBeLessThanOrEqual(1e-6)
    for (const error of [errors.ML_R, errors.ML_lo, errors.ML_hi]) expect(error).toBeLessThanOrEqual(1e-4)
  })
})
