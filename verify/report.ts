/** The answer of `kappa verify`: a table for people, JSON for scripts. */
import { type ComparedNumber, hasDifference } from './compare.ts'

/** One window that was recomputed. */
export interface VerifiedWindow {
  readonly workspace: string
  /** `7d`, or whatever was asked for. */
  readonly window: string
  readonly endMs: number
  readonly numbers: readonly ComparedNumber[]
}

export interface VerifySummary {
  readonly windows: number
  readonly numbers: number
  readonly differences: number
}

export function summarise(windows: readonly VerifiedWindow[]): VerifySummary {
  const numbers = windows.flatMap((window) => window.numbers)
  return { windows: windows.length, numbers: numbers.length, differences: numbers.filter((row) => row.difference !== 0).length }
}

/** For scripts: the summary, and every number (`all`) or those that differ. */
export function reportJson(windows: readonly VerifiedWindow[], all: boolean): string {
  const shown = windows.map(({ workspace, window, endMs, numbers }) => ({
    workspace,
    window,
    at: new Date(endMs).toISOString(),
    agrees: !hasDifference(numbers),
    numbers: all ? numbers : numbers.filter((row) => row.difference !== 0),
  }))
  return JSON.stringify({ ...summarise(windows), results: shown }, null, 2)
}

const HEADINGS = ['metric', 'slice', 'stream', 'SQL', 'log', 'difference'] as const

/**
 * For people: a table a window with each number of the whole workspace, and of the slices those that differ (every
 * one with `all`), then one line that sums up.
 */
export function reportText(windows: readonly VerifiedWindow[], all: boolean): string {
  const parts = windows.map(({ workspace, window, endMs, numbers }) => {
    const rows = numbers.filter((row) => all || row.slice === 'all' || row.difference !== 0)
    const title = `${workspace}  ${window} to ${new Date(endMs).toISOString()}  ${hasDifference(numbers) ? 'DIFFERS' : 'no difference'}`
    return `${title}\n${table(rows)}\n`
  })
  const { windows: windowCount, numbers, differences } = summarise(windows)
  const outcome = differences === 0 ? 'no difference' : `${differences} ${differences === 1 ? 'difference' : 'differences'}`
  return `${parts.join('\n')}\n${numbers} numbers of ${windowCount} windows compared: ${outcome}\n`
}

function table(rows: readonly ComparedNumber[]): string {
  const cells = rows.map((row) => [
    row.metric,
    row.slice,
    text(row.stream),
    text(row.sql),
    text(row.log),
    row.difference === null ? 'missing' : row.difference === 0 ? '' : text(row.difference),
  ])
  const widths = HEADINGS.map((heading, column) => Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

function text(value: number | null): string {
  return value === null ? 'null' : String(value)
}
