/** The answer of `kappa verify` for people: what differs and a summary, or with `verbose` every number. */
import { hasDifference } from '../verify/compare.ts'
import { reportText, summarise, type VerifiedWindow } from '../verify/report.ts'

/** Text for standard output. */
export function verifyReport(windows: readonly VerifiedWindow[], verbose: boolean): string {
  if (verbose) return reportText(windows, true)
  if (windows.length === 0) return 'nothing to compare: there are no events yet\n'
  const differing = windows.filter(({ numbers }) => hasDifference(numbers))
  const parts = differing.map((window) => ({ ...window, numbers: window.numbers.filter((row) => row.difference !== 0) }))
  const tables = parts.length === 0 ? '' : `${withoutSummary(reportText(parts, true))}\n`
  return `${tables}${summaryTable(windows)}`
}

function withoutSummary(text: string): string {
  return text.split('\n').slice(0, -2).join('\n')
}

/** A line for each workspace and window, then one for all. */
function summaryTable(windows: readonly VerifiedWindow[]): string {
  const groups = new Map<string, VerifiedWindow[]>()
  for (const window of windows) {
    const key = `${window.workspace}  ${window.window}`
    groups.set(key, [...(groups.get(key) ?? []), window])
  }
  const width = Math.max(...[...groups.keys()].map((key) => key.length))
  const lines = [...groups].map(([key, group]) => {
    const first = Math.min(...group.map(({ endMs }) => endMs))
    const last = Math.max(...group.map(({ endMs }) => endMs))
    const ends =
      group.length === 1
        ? new Date(last).toISOString()
        : `${group.length} ends from ${new Date(first).toISOString()} to ${new Date(last).toISOString()}`
    return `${key.padEnd(width)}  ${outcomeOf(group)}  ${ends}\n`
  })
  const { numbers } = summarise(windows)
  return `${lines.join('')}${numbers.toLocaleString('en-US')} numbers of ${windows.length} ${windows.length === 1 ? 'window' : 'windows'} compared (stream, SQL, log): ${outcomeOf(windows)}\n`
}

function outcomeOf(windows: readonly VerifiedWindow[]): string {
  const { differences } = summarise(windows)
  return differences === 0 ? 'no difference' : `${differences} ${differences === 1 ? 'difference' : 'differences'}`
}
