/** `kappa doctor`: checks of the folder and the settings here, of the engine where it is. */
import { statfs, stat } from 'node:fs/promises'
import process from 'node:process'
import type { Config } from '../schemas/config.ts'
import { CommandError, describeError } from './command-error.ts'
import { commandSettings } from './command-settings.ts'
import type { DoctorCheck, DoctorLine } from './control-messages.ts'
import { productVersion } from './product-version.ts'
import { refuseOpenHost, type SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

const NODE_MAJOR_MIN = 20
const DISK_FREE_WARN_BYTES = 5 * 1024 ** 3
const DISK_FREE_FAIL_BYTES = 512 * 1024 ** 2
const GIB = 1024 ** 3

export interface DoctorFlags extends SettingFlags {
  readonly json?: boolean
}

/** Prints a line a check. Rejects with CommandError `unhealthy` when one fails. */
export async function examine(flags: DoctorFlags): Promise<void> {
  const config = commandSettings(flags)
  const checks: DoctorCheck[] = []
  const add = (check: DoctorCheck) => {
    checks.push(check)
    if (!flags.json) process.stdout.write(`${check.state.padEnd(4)}  ${check.name.padEnd(16)}  ${check.message}\n`)
  }
  add(versions())
  add(hostIsSafe(config))
  add(await folderIsPrivate(config))
  add(await diskHasRoom(config))
  try {
    await withEngine(config, async (control) => {
      for await (const line of control.lines<DoctorLine>('/doctor', {})) if (line.kind === 'check') add(line.check)
    })
  } catch (error) {
    add({ name: 'engine', state: 'fail', message: describeError(error).message })
  }
  const failed = checks.filter(({ state }) => state === 'fail').length
  if (flags.json) process.stdout.write(`${JSON.stringify({ healthy: failed === 0, checks })}\n`)
  if (failed > 0) throw new CommandError('unhealthy', `${failed} of ${checks.length} checks failed: see what each says to do`)
}

function versions(): DoctorCheck {
  const major = Number(process.versions.node.split('.')[0])
  const message = `Kappa ${productVersion()}, Node ${process.versions.node}, ${process.platform} ${process.arch}`
  if (major >= NODE_MAJOR_MIN) return { name: 'versions', state: 'ok', message }
  return { name: 'versions', state: 'fail', message: `${message}: install Node ${NODE_MAJOR_MIN} or newer` }
}

function hostIsSafe(config: Config): DoctorCheck {
  try {
    refuseOpenHost(config)
    const who = config.adminPassword === undefined ? 'this machine only' : 'whoever has the password'
    return { name: 'host', state: 'ok', message: `${config.host}, for ${who}` }
  } catch (error) {
    return { name: 'host', state: 'fail', message: describeError(error).message }
  }
}

async function folderIsPrivate({ data }: Config): Promise<DoctorCheck> {
  const name = 'data folder'
  const found = await stat(data).catch(() => undefined)
  if (found === undefined) return { name, state: 'ok', message: `${data} is not there yet; it is made at the first start` }
  if (!found.isDirectory()) return { name, state: 'fail', message: `${data} is a file: remove it, or take another folder with --data` }
  if ((found.mode & 0o077) === 0) return { name, state: 'ok', message: `${data}, for its owner only` }
  return { name, state: 'warn', message: `others can look into ${data}: run chmod 700 ${data}` }
}

async function diskHasRoom({ data }: Config): Promise<DoctorCheck> {
  const name = 'disk'
  const found = await statfs(data).catch(() => statfs(process.cwd()))
  const freeBytes = found.bavail * found.bsize
  const message = `${(freeBytes / GIB).toFixed(1)} GiB free`
  if (freeBytes < DISK_FREE_FAIL_BYTES) return { name, state: 'fail', message: `${message}: make room, events are refused when it is full` }
  if (freeBytes < DISK_FREE_WARN_BYTES) return { name, state: 'warn', message: `${message}: make room soon` }
  return { name, state: 'ok', message }
}
