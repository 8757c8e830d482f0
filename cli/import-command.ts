/** `kappa import`: files of events into a workspace, through the same door as over HTTP. */
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { v7 as uuidV7 } from 'uuid'
import { csvMap, type CsvMap } from '../ingest/csv-rows.ts'
import type { ImportProgress } from '../ingest/import-session.ts'
import { DEFAULT_WORKSPACE } from '../schemas/config.ts'
import { CommandError } from './command-error.ts'
import { checkedWorkspace, commandSettings } from './command-settings.ts'
import type { ImportLine } from './control-messages.ts'
import { type ImportFormat, IMPORT_FORMATS, openImportSource, rowFormatOf } from './import-source.ts'
import { createProgressDisplay } from './progress-display.ts'
import type { SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

export interface ImportFlags extends SettingFlags {
  readonly format?: string
  readonly map?: string
  readonly workspace?: string
  readonly id?: string
  readonly json?: boolean
}

interface ImportReport extends ImportProgress {
  readonly workspace: string
  readonly import_id: string
  readonly seconds: number
  readonly events_per_second: number
  /** Most memory of the process that did the work; null when that was a running `kappa up`. */
  readonly memory_peak_bytes: number | null
}

/** Imports the files and prints the report. Rejects with CommandError when not every file was read to its end. */
export async function importFiles(files: readonly string[], flags: ImportFlags): Promise<void> {
  const config = commandSettings(flags)
  const workspace = checkedWorkspace(flags.workspace ?? DEFAULT_WORKSPACE)
  const format = formatOf(flags.format, files)
  const map = flags.map === undefined ? undefined : await readMap(flags.map)
  if (format === 'csv' && map === undefined) {
    throw new CommandError('map_missing', 'a CSV needs --map FILE, which says what each column is: see kappa import --help')
  }
  if (format !== 'csv' && map !== undefined) {
    throw new CommandError(
      'map_unused',
      `--map says what the columns of a CSV are, and these files are taken for ${format}: give --format csv, or leave --map out`,
    )
  }
  const importId = flags.id ?? uuidV7()

  const stop = new AbortController()
  const source = await openImportSource(files, { format, map, signal: stop.signal })
  const display = createProgressDisplay()
  const restoreSignals = onInterrupt(() => {
    stop.abort()
    display.stop()
    process.stderr.write('kappa: stopping after the rows that were read; press Ctrl-C again to end at once\n')
  })
  try {
    const report = await withEngine(config, async (control): Promise<ImportReport> => {
      const path = `/import?${new URLSearchParams({ workspace, import_id: importId, format: rowFormatOf(format) })}`
      for await (const line of control.lines<ImportLine>(path, source.chunks)) {
        if (line.kind === 'progress') display.update(source.readBytes(), source.totalBytes, progressText(line.progress))
        else if (line.kind === 'end') {
          if (line.stopped) stop.abort()
          return {
            workspace,
            import_id: importId,
            ...line.progress,
            seconds: line.seconds,
            events_per_second: Math.round(line.progress.read / Math.max(line.seconds, 0.001)),
            memory_peak_bytes: control.isLocal ? process.resourceUsage().maxRSS * 1024 : null,
          }
        }
      }
      throw new CommandError('control_broken_off', 'the import was not finished: run it again, nothing is counted twice')
    })
    display.stop()
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : reportText(report))
  } finally {
    display.stop()
    restoreSignals()
  }
  const failure = source.failure()
  if (failure !== undefined) throw failure
  if (stop.signal.aborted) {
    throw new CommandError('import_stopped', 'the import was stopped: what was accepted stays, and running it again finishes it')
  }
}

function formatOf(asked: string | undefined, files: readonly string[]): ImportFormat {
  if (asked === undefined) return files.length > 0 && files.every((file) => /\.csv(\.gz|\.zst)?$/i.test(file)) ? 'csv' : 'events'
  const format = IMPORT_FORMATS.find((one) => one === asked)
  if (format === undefined)
    throw new CommandError('format_unknown', `the format ${asked} is not known: take one of ${IMPORT_FORMATS.join(', ')}`)
  return format
}

async function readMap(path: string): Promise<CsvMap> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CommandError(
      'map_invalid',
      `the map ${path} can't be read as JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const parsed = csvMap.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new CommandError('map_invalid', `the map ${path} is not valid at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`)
}

/** The first Ctrl-C (or SIGTERM) calls `stop`, a second one ends the process as usual. Returns the undoing. */
function onInterrupt(stop: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const once = () => {
    for (const signal of signals) process.removeListener(signal, once)
    stop()
  }
  for (const signal of signals) process.on(signal, once)
  return () => {
    for (const signal of signals) process.removeListener(signal, once)
  }
}

const count = (number: number) => number.toLocaleString('en-US')

function progressText({ read, accepted, duplicates, quarantined }: ImportProgress): string {
  return `${count(read)} rows read, ${count(accepted)} accepted, ${count(duplicates)} duplicates, ${count(quarantined)} quarantined`
}

function reportText(report: ImportReport): string {
  const lines = [
    ['rows read', count(report.read)],
    ['accepted', count(report.accepted)],
    ['duplicates', count(report.duplicates)],
    ['quarantined', count(report.quarantined)],
    ...Object.entries(report.reasons).map(([code, rows]) => [`  ${code}`, count(rows)]),
    ['seconds', report.seconds.toFixed(1)],
    ['events/s', count(report.events_per_second)],
    ...(report.memory_peak_bytes === null ? [] : [['peak memory', `${count(Math.round(report.memory_peak_bytes / 1_048_576))} MiB`]]),
    ['workspace', report.workspace],
    ['import id', report.import_id],
  ] as const
  const text = lines.map(([name = '', value = '']) => `${name.padEnd(24)}${value.padStart(14)}\n`).join('')
  const faults = report.samples.map(
    ({ index, code, path, message }) => `  row ${count(index + 1)}  ${code}${path && ` at ${path}`}: ${message}\n`,
  )
  return faults.length === 0 ? text : `${text}first faults\n${faults.join('')}`
}
