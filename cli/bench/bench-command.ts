/** `kappa bench`: measures the product of this build on this machine, beside what the machine does without it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import type { BenchCase } from './bench-case.ts'
import { BENCH_CASES } from './bench-cases.ts'
import { BenchContext, RUN_PREFIX } from './bench-context.ts'
import { type BenchResult, type CaseOutcome, isReached } from './bench-figures.ts'
import { benchReport, comparisonText } from './bench-report.ts'
import { DEFAULT_EVENTS, FULL_EVENTS, sizesFor } from './bench-sizes.ts'
import { CommandError, describeError } from '../command-error.ts'
import { lockDataFolder, LOCK_FILE } from '../data-lock.ts'
import { productVersion } from '../product-version.ts'

export interface BenchFlags {
  readonly only?: string
  readonly events?: string
  readonly full?: boolean
  readonly file?: string
  readonly data?: string
  readonly port?: string
  readonly out?: string
  readonly compare?: string
  readonly json?: boolean
}

const OWN_FILE_EVENTS_MAX = 1_000_000_000
const MB = 1e6
const INTERRUPTED = 130

/** Runs the cases, prints and saves the result. Rejects with CommandError `bench_failed` when a case could not be measured. */
export async function bench(flags: BenchFlags): Promise<void> {
  const cases = casesNamed(flags.only)
  const older = flags.compare === undefined ? undefined : await readResult(flags.compare)
  if (flags.file !== undefined && !existsSync(flags.file)) throw new CommandError('file_missing', `${flags.file} is not there`)
  const out = await resultPath(flags.out ?? '.')
  const folder = resolve(flags.data ?? join(tmpdir(), 'kappa-bench'))
  refuseForeignFolder(folder)
  const lock = await lockDataFolder(folder)
  try {
    for (const name of readdirSync(folder)) if (name.startsWith(RUN_PREFIX)) await rm(join(folder, name), { recursive: true, force: true })
    const result = await runCases(cases, flags, folder, () => lock.release())
    await writeFile(out, `${JSON.stringify(result, null, 2)}\n`)
    tell(`saved as ${out}`)
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : benchReport(result))
    if (older !== undefined && !flags.json) process.stdout.write(`\n${comparisonText(older, result)}`)
    const failed = result.cases.filter((one) => one.failed !== null)
    if (failed.length > 0)
      throw new CommandError('bench_failed', `${failed.map(({ name }) => name).join(', ')} could not be measured: see above`)
  } finally {
    await lock.release()
    await removeWhenEmpty(folder)
  }
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}

function casesNamed(only: string | undefined): readonly BenchCase[] {
  if (only === undefined) return BENCH_CASES
  const names = only.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !BENCH_CASES.some((one) => one.name === name))
  if (unknown !== undefined) {
    const known = BENCH_CASES.map(({ name }) => name).join(', ')
    throw new CommandError('case_unknown', `there is no case ${unknown}: the cases are ${known}`)
  }
  return BENCH_CASES.filter(({ name }) => names.includes(name))
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text.replaceAll('_', '')) ? Number(text.replaceAll('_', '')) : Number.NaN
  if (number >= least && number <= most) return number
  throw new CommandError('parameter_invalid', `--${flag} must be a whole number from ${least} to ${most}, not ${text}`)
}

/** A folder that holds anything but what a run of the bench leaves is not the bench's to write into. */
function refuseForeignFolder(folder: string): void {
  if (!existsSync(folder)) return
  if (!statSync(folder).isDirectory()) throw new CommandError('data_not_a_folder', `${folder} is a file: give a folder with --data`)
  const foreign = readdirSync(folder).find((name) => !name.includes(LOCK_FILE) && !name.startsWith(RUN_PREFIX))
  if (foreign === undefined) return
  throw new CommandError('data_in_use', `${folder} is not empty (${foreign}): give a folder of its own with --data`)
}

async function removeWhenEmpty(folder: string): Promise<void> {
  if (readdirSync(folder).length === 0) await rm(folder, { recursive: true, force: true })
}

async function runCases(
  cases: readonly BenchCase[],
  flags: BenchFlags,
  folder: string,
  release: () => Promise<void>,
): Promise<BenchResult> {
  const asked = flags.events === undefined ? undefined : wholeNumber('events', flags.events, 100, OWN_FILE_EVENTS_MAX)
  const sizes = sizesFor(asked ?? (flags.full === true ? FULL_EVENTS : DEFAULT_EVENTS))
  const port = wholeNumber('port', flags.port ?? '0', 0, 65_535)
  const before = machineFacts()
  if ((before.load_before[0] ?? 0) > before.machine.cpus / 2) {
    tell(`the machine is busy (load ${before.load_before[0]}): figures will be worse than it can do`)
  }
  const ownFile = flags.file === undefined ? undefined : resolve(flags.file)
  const context = new BenchContext({ sizes, folder, port, ownFile, tell })
  const restoreSignals = onInterrupt(async () => {
    tell('stopping')
    await context.close()
    await release()
    await removeWhenEmpty(folder)
    process.exit(INTERRUPTED)
  })
  try {
    const outcomes: CaseOutcome[] = []
    for (const [index, one] of cases.entries()) {
      if (context.isClosed) break
      tell(`${index + 1}/${cases.length} ${one.name}`)
      outcomes.push(await runCase(one, context))
    }
    const { events } = await context.events()
    return { ...before, events, full: sizes.isFull, file: ownFile === undefined ? null : basename(ownFile), cases: outcomes }
  } finally {
    restoreSignals()
    await context.close()
  }
}

async function runCase({ name, measures, run }: BenchCase, context: BenchContext): Promise<CaseOutcome> {
  const startedAtMs = performance.now()
  const seconds = () => Number(((performance.now() - startedAtMs) / 1_000).toFixed(1))
  try {
    const figures = (await run(context)).map((figure) => ({ ...figure, reached: isReached(figure) }))
    return { name, measures, seconds: seconds(), figures, failed: null }
  } catch (error) {
    const { message } = describeError(error)
    tell(`${name} failed: ${message}`)
    return { name, measures, seconds: seconds(), figures: [], failed: message }
  }
}

function machineFacts(): Pick<BenchResult, 'kind' | 'date' | 'commit' | 'version' | 'machine' | 'node' | 'load_before'> {
  const cores = cpus()
  return {
    kind: 'kappa bench',
    date: new Date().toISOString(),
    commit: commitId(),
    version: productVersion(),
    machine: {
      cpu: cores[0]?.model.trim() ?? 'unknown',
      cpus: cores.length,
      memory_mb: Math.round(totalmem() / MB),
      system: `${process.platform} ${process.arch}`,
    },
    node: process.version,
    load_before: loadavg().map((load) => Number(load.toFixed(2))),
  }
}

/** Of the clone that this build stands in; null for an installed package. */
function commitId(): string | null {
  const root = resolve(import.meta.dirname, '../../..')
  if (!existsSync(join(root, '.git'))) return null
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`
  } catch {
    return null
  }
}

/** A file as it is; in a folder `YYYY-MM-DD-bench.json`, with a number when that is taken: history is not written over. */
async function resultPath(out: string): Promise<string> {
  const path = resolve(out)
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? out.endsWith('/')
  await mkdir(isFolder ? path : dirname(path), { recursive: true })
  if (!isFolder) return path
  const day = new Date().toISOString().slice(0, 10)
  for (let number = 1; ; number += 1) {
    const file = join(path, `${day}-bench${number === 1 ? '' : `-${number}`}.json`)
    if (!existsSync(file)) return file
  }
}

async function readResult(path: string): Promise<BenchResult> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<BenchResult>
    if (value.kind === 'kappa bench' && Array.isArray(value.cases)) return value as BenchResult
  } catch (error) {
    throw new CommandError('file_unreadable', `${path} can't be read: ${describeError(error).message}`)
  }
  throw new CommandError('file_unreadable', `${path} is no result of kappa bench`)
}

/** The first Ctrl-C (or SIGTERM) stops. Returns the undoing. */
function onInterrupt(stop: () => Promise<void>): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const once = () => void stop()
  for (const signal of signals) process.once(signal, once)
  return () => {
    for (const signal of signals) process.removeListener(signal, once)
  }
}
