/** `kappa verify`: asks the engine to recompute, prints what it found. */
import process from 'node:process'
import { parseDurationMs } from '../schemas/windows.ts'
import { hasDifference } from '../verify/compare.ts'
import { reportJson, summarise, type VerifiedWindow } from '../verify/report.ts'
import { CommandError } from './command-error.ts'
import { instantMs } from './command-instant.ts'
import { checkedWorkspace, commandSettings } from './command-settings.ts'
import type { VerifyLine, VerifyRequest } from './control-messages.ts'
import { createProgressDisplay } from './progress-display.ts'
import type { SettingFlags } from './settings.ts'
import { verifyReport } from './verify-report.ts'
import { withEngine } from './with-engine.ts'

export interface VerifyFlags extends SettingFlags {
  readonly window?: string
  readonly at?: string
  readonly workspace?: string
  readonly ends?: string
  readonly all?: boolean
  readonly verbose?: boolean
  readonly json?: boolean
}

/** Prints the comparison; the exit status is 1 when a number differs. */
export async function verifyNumbers(flags: VerifyFlags): Promise<void> {
  const config = commandSettings(flags)
  const request = requestOf(flags)
  const display = createProgressDisplay()
  const windows: VerifiedWindow[] = []
  const notes: string[] = []
  try {
    await withEngine(config, async (control) => {
      for await (const line of control.lines<VerifyLine>('/verify', request)) {
        if (line.kind === 'progress') display.update(line.done, line.total, line.doing)
        else if (line.kind === 'window') windows.push(line.window)
        else if (line.kind === 'note') notes.push(line.text)
      }
    })
  } finally {
    display.stop()
  }
  process.stdout.write(flags.json ? `${reportJson(windows, flags.verbose ?? false)}\n` : verifyReport(windows, flags.verbose ?? false))
  for (const note of notes) process.stderr.write(`kappa: ${note}\n`)
  if (windows.some(({ numbers }) => hasDifference(numbers))) {
    const { differences } = summarise(windows)
    throw new CommandError(
      'numbers_differ',
      `${differences} of the numbers above differ: keep the data folder and report it with that output`,
    )
  }
}

function requestOf({ window, at, workspace, ends, all }: VerifyFlags): VerifyRequest {
  if (window !== undefined && parseDurationMs(window) === undefined) {
    throw new CommandError('window_unknown', `${window} is no window: give minutes, hours or days, such as 90m, 24h or 7d`)
  }
  return {
    workspace: workspace === undefined ? undefined : checkedWorkspace(workspace),
    window,
    atMs: at === undefined ? undefined : instantMs(at),
    ends: ends === undefined ? undefined : countOf(ends),
    all,
  }
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count > 0) return count
  throw new CommandError('parameter_invalid', `--ends must be a whole number of 1 or more, not ${JSON.stringify(text)}`)
}
