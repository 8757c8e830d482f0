/** Settings of a command as it runs: its flags, the process's environment, its working folder. */
import process from 'node:process'
import type { Config } from '../schemas/config.ts'
import { workspaceName } from '../schemas/config.ts'
import { CommandError } from './command-error.ts'
import { readSettings, type SettingFlags } from './settings.ts'

/** Settings behind a command. Throws CommandError `settings_invalid`. */
export function commandSettings({ data, port, host, log, warehouse }: SettingFlags): Config {
  return readSettings({ flags: { data, port, host, log, warehouse }, env: process.env, cwd: process.cwd() })
}

/** The name as it stands. Throws CommandError `workspace_invalid` for what can't be one. */
export function checkedWorkspace(name: string): string {
  const checked = workspaceName.safeParse(name)
  if (checked.success) return checked.data
  throw new CommandError('workspace_invalid', `the workspace ${JSON.stringify(name)} ${checked.error.issues[0]?.message}`)
}
