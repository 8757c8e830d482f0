/** `kappa bench` as users run it, on a tiny number of events: every case gives its figures, and nothing is left behind. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BenchResult } from '../../cli/bench/bench-figures.ts'
import { lockDataFolder } from '../../cli/data-lock.ts'
import { runKappa } from '../support/kappa-command.ts'

const EVENTS = 1_000
const CASES = [
  'start-empty',
  'http-1',
  'http-100',
  'http-1000',
  'http-pace',
  'accept-to-sse',
  'live-clients',
  'import',
  'memory',
  'queries',
  'start-with-events',
  'replay',
]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-bench-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('every case gives plausible figures beside their baselines, which are saved and can be compared', { timeout: 280_000 }, async () => {
  const out = join(folder, 'result.json')
  const data = join(folder, 'data')
  const run = await runKappa(['bench', '--events', String(EVENTS), '--data', data, '--out', out, '--json'])
  expect(run.stderr).not.toContain('failed')
  expect(run.status).toBe(0)
  const result = JSON.parse(run.stdout) as BenchResult
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(result)
  expect(result).toMatchObject({ kind: 'kappa bench', events: EVENTS, full: false, file: null })
  expect(result.machine.cpus).toBeGreaterThan(0)
  expect(result.load_before).toHaveLength(3)

  expect(result.cases.map(({ name }) => name)).toEqual(CASES)
  for (const { name, figures } of result.cases) {
    expect(figures.length, name).toBeGreaterThan(0)
    expect(
      figures.some(({ baseline }) => (baseline?.value ?? 0) > 0),
      name,
    ).toBe(true)
    for (const { name: figure, value, limit, reached } of figures) {
      expect(value, `${name}: ${figure}`).toBeGreaterThanOrEqual(figure.startsWith('memory of') ? Number.NEGATIVE_INFINITY : 0)
      expect(reached === null, `${name}: ${figure}`).toBe(limit === undefined)
    }
  }
  const figureOf = (name: string, figure: string) =>
    result.cases.find((one) => one.name === name)?.figures.find((one) => one.name === figure)?.value ?? Number.NaN
  for (const name of ['http-1', 'http-100', 'http-1000']) {
    expect(figureOf(name, 'acknowledged')).toBeGreaterThan(0)
    expect([figureOf(name, 'acknowledged and not stored'), figureOf(name, 'stored twice')], name).toEqual([0, 0])
  }
  expect(figureOf('http-pace', 'refused')).toBe(0)
  expect(figureOf('http-pace', 'longest')).toBeGreaterThanOrEqual(figureOf('http-pace', 'p99'))
  expect(figureOf('accept-to-sse', 'messages')).toBeGreaterThan(0)
  expect(figureOf('import', 'share of JSON.parse')).toBeLessThan(1)
  expect(figureOf('memory', 'peak of the import')).toBeGreaterThan(50)
  expect(existsSync(data)).toBe(false)
})

test('events of the user, one case, beside an older result', { timeout: 120_000 }, async () => {
  const events = join(folder, 'events.ndjson')
  const made = await runKappa(['simulate', '--users', '50', '--days', '1', '--k', '0.5', '--out', events])
  expect(made.status).toBe(0)
  const older = join(folder, 'older.json')
  const imported = { name: 'imported', unit: 'events/s', value: 1, reached: false, limit: { at: 'least', value: 150_000 } }
  const before = {
    cases: [{ name: 'import', figures: [imported] }],
    machine: { cpu: 'another', cpus: 64 },
    date: 'that day',
    commit: null,
    load_before: [0, 0, 0],
  }
  await writeFile(older, JSON.stringify({ kind: 'kappa bench', ...before }))
  const own = ['--file', events, '--data', join(folder, 'own'), '--out', `${folder}/`]
  const run = await runKappa(['bench', '--only', 'import', ...own, '--compare', older])
  expect(run.status).toBe(0)
  expect(run.stdout).toMatch(/import +imported +[\d,.]+ events\/s +>= 150,000 events\/s {2}(NOT )?reached +JSON\.parse/)
  expect(run.stdout).toMatch(/Beside that day\n.*different machines[\s\S]*import +imported +1\.00 events\/s +[\d,.]+ events\/s +\+\d+ %/)
  expect(await readdir(folder)).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\d-bench\.json$/))
})

test('it refuses what is not its own, in a sentence', async () => {
  const taken = join(folder, 'taken')
  await runKappa(['keys', 'list', '--data', taken])
  const notEmpty = await runKappa(['bench', '--only', 'memory', '--data', taken, '--out', `${folder}/refused.json`])
  expect(notEmpty).toMatchObject({ status: 1, stdout: '' })
  expect(notEmpty.stderr).toMatch(/^kappa: .* is not empty .* with --data \[data_in_use\]\n$/)
  const busy = join(folder, 'busy')
  await mkdir(busy)
  const lock = await lockDataFolder(busy)
  const beside = await runKappa(['bench', '--only', 'memory', '--data', busy, '--out', `${folder}/refused.json`])
  expect(beside).toMatchObject({ status: 1, stdout: '' })
  expect(beside.stderr).toContain(`process ${process.pid} uses the data folder`)
  await lock.release()
  await writeFile(join(folder, 'other.json'), '{}')
  for (const [args, message] of [
    [['--only', 'http-7'], /there is no case http-7: the cases are .* \[case_unknown\]/],
    [['--events', 'many'], /--events must be a whole number .* \[parameter_invalid\]/],
    [['--file', join(folder, 'absent')], /is not there \[file_missing\]/],
    [['--compare', join(folder, 'other.json')], /is no result of kappa bench \[file_unreadable\]/],
  ] as const) {
    const refused = await runKappa(['bench', '--data', join(folder, 'unused'), '--out', `${folder}/refused.json`, ...args])
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(message)
  }
})
