/** `kappa replay`: has every derived number rebuilt, and prints which were others. */
import process from 'node:process'
import CliTable from 'cli-table3'
import { instantMs } from './command-instant.ts'
import { checkedWorkspace, commandSettings } from './command-settings.ts'
import type { ReplayedWorkspace, ReplayLine, ReplayRequest } from './control-messages.ts'
import { createProgressDisplay } from './progress-display.ts'
import type { SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

export interface ReplayFlags extends SettingFlags {
  readonly workspace?: string
  readonly from?: string
  readonly json?: boolean
}

/** Differences that are printed for people; the JSON form has more. */
const LINES_MAX = 40

/** Replays and prints what was found; that numbers were others is no failure, as they are right now. */
export async function replayNumbers(flags: ReplayFlags): Promise<void> {
  const request: ReplayRequest = {
    workspace: flags.workspace === undefined ? undefined : checkedWorkspace(flags.workspace),
    fromMs: flags.from === undefined ? undefined : instantMs(flags.from),
  }
  const display = createProgressDisplay()
  const replayed: ReplayedWorkspace[] = []
  try {
    await withEngine(commandSettings(flags), async (control) => {
      for await (const line of control.lines<ReplayLine>('/replay', request)) {
        if (line.kind === 'progress') display.update(line.done, line.total, line.doing)
        else if (line.kind === 'workspace') replayed.push(line.workspace)
      }
    })
  } finally {
    display.stop()
  }
  process.stdout.write(flags.json ? `${JSON.stringify({ workspaces: replayed.map(jsonOf) })}\n` : replayed.map(textOf).join(''))
}

function jsonOf({ workspace, replayId, seconds, differences, first }: ReplayedWorkspace) {
  return { workspace, replay_id: replayId, seconds, differences, first }
}

function textOf({ workspace, seconds, differences, first }: ReplayedWorkspace): string {
  const outcome =
    differences === 0 ? 'no number was another one' : `${differences.toLocaleString('en-US')} numbers were others, and are right now`
  const summary = `${workspace}: rebuilt in ${seconds.toFixed(1)} s, ${outcome}\n`
  if (differences === 0) return summary
  const table = new CliTable({ head: ['number', 'of', 'window', 'at', 'stood', 'rebuilt'], style: { head: [], border: [] } })
  for (const { metric, window, at, dimension, value, live, rebuilt } of first.slice(0, LINES_MAX)) {
    table.push([metric, dimension === '' ? value : `${dimension} ${value === '' ? '(none)' : value}`, window, at ?? '', live, rebuilt])
  }
  const more =
    differences > LINES_MAX ? `and ${(differences - LINES_MAX).toLocaleString('en-US')} more: --json has the first 500 of each table\n` : ''
  return `${summary}${table.toString()}\n${more}`
}
