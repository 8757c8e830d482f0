/** Settings of a command: flags before environment before `kappa.config.json` of the working folder (CONTRACT "Start"). */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { config as configSchema, type Config } from '../schemas/config.ts'
import { CommandError } from './command-error.ts'

export const CONFIG_FILE = 'kappa.config.json'

/** The environment variable of each setting. */
export const SETTING_VARIABLES = {
  data: 'KAPPA_DATA',
  port: 'KAPPA_PORT',
  host: 'KAPPA_HOST',
  log: 'KAPPA_LOG',
  secret: 'KAPPA_SECRET',
  warehouse: 'KAPPA_WAREHOUSE',
  clickhouseCluster: 'KAPPA_CLICKHOUSE_CLUSTER',
  redis: 'KAPPA_REDIS',
  readsPerMinute: 'KAPPA_READS_PER_MINUTE',
  adminPassword: 'KAPPA_ADMIN_PASSWORD',
  writeKey: 'KAPPA_WRITE_KEY',
  serverKey: 'KAPPA_SERVER_KEY',
  readKey: 'KAPPA_READ_KEY',
  adminKey: 'KAPPA_ADMIN_KEY',
  eventMap: 'KAPPA_EVENT_MAP',
  partitions: 'KAPPA_PARTITIONS',
} as const satisfies Record<keyof Config, string>

/** Settings that a flag may give; secrets may not, since other users of the machine see command lines. */
export type SettingFlags = { readonly [Name in 'data' | 'port' | 'host' | 'log' | 'warehouse']?: string | undefined }

export interface SettingSources {
  readonly flags: SettingFlags
  readonly env: Readonly<Record<string, string | undefined>>
  /** Working folder: where `kappa.config.json` is looked for, and what a relative data folder is relative to. */
  readonly cwd: string
}

/** The settings, `data` made absolute. Throws CommandError `settings_invalid`, naming the setting and where it came from. */
export function readSettings({ flags, env, cwd }: SettingSources): Config {
  const values: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  const file = join(cwd, CONFIG_FILE)
  for (const [name, value] of Object.entries(readConfigFile(file))) {
    values[name] = value
    origins.set(name, `"${name}" in ${CONFIG_FILE}`)
  }
  for (const [name, variable] of Object.entries(SETTING_VARIABLES)) {
    const value = env[variable]
    // Compose files and unit files write an unset variable as an empty one.
    if (value === undefined || value === '') continue
    values[name] = value
    origins.set(name, variable)
  }
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue
    values[name] = value
    origins.set(name, `--${name}`)
  }
  const parsed = configSchema.safeParse(values)
  if (!parsed.success) throw settingError(parsed.error.issues[0], origins)
  refuseLogWithoutSecret(parsed.data)
  const { data, eventMap } = parsed.data
  return { ...parsed.data, data: resolve(cwd, data), ...(eventMap === undefined ? {} : { eventMap: resolve(cwd, eventMap) }) }
}

/** Instances on different machines must come to the same digests: what is made up at the first start of one won't do. */
function refuseLogWithoutSecret({ log, secret }: Pick<Config, 'log' | 'secret'>): void {
  if (log === 'embedded:' || secret !== undefined) return
  throw new CommandError(
    'settings_invalid',
    'with a log on Kafka all instances need the same secret: make one with `openssl rand -hex 32`, keep it, and set KAPPA_SECRET to it everywhere',
  )
}

function readConfigFile(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {}
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError('settings_invalid', `${path} can't be read as JSON (${reason}): mend or remove it`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandError('settings_invalid', `${path} must hold one JSON object such as {"port": 5272}`)
  }
  return value as Record<string, unknown>
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string; readonly code?: string; readonly keys?: readonly string[] }

function settingError(issue: Issue | undefined, origins: ReadonlyMap<string, string>): CommandError {
  const unknown = issue?.keys?.[0]
  if (unknown !== undefined) {
    const known = Object.keys(SETTING_VARIABLES).join(', ')
    return new CommandError('settings_invalid', `there is no setting ${origins.get(unknown) ?? unknown}: the settings are ${known}`)
  }
  const name = String(issue?.path[0] ?? '')
  return new CommandError('settings_invalid', `${origins.get(name) ?? name} is not valid: ${issue?.message ?? 'see kappa up --help'}`)
}

/** Whether only this machine can reach an address. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'
}

/**
 * On loopback the local user is the admin; on any other address everybody would be.
 * Throws CommandError `host_unsafe` for such a host without an admin password.
 */
export function refuseOpenHost({ host, adminPassword }: Pick<Config, 'host' | 'adminPassword'>): void {
  if (isLoopbackHost(host) || adminPassword !== undefined) return
  throw new CommandError(
    'host_unsafe',
    `others can reach ${host}, and there is no admin password: set KAPPA_ADMIN_PASSWORD (12 characters or more), or listen on 127.0.0.1`,
  )
}
