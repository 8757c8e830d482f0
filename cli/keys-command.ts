/** `kappa keys`: list, create, revoke. */
import process from 'node:process'
import CliTable from 'cli-table3'
import { DEFAULT_WORKSPACE, KEY_KINDS, type KeyKind } from '../schemas/config.ts'
import type { KeyInfo } from '../schemas/ports/workspaces.ts'
import { CommandError } from './command-error.ts'
import { checkedWorkspace, commandSettings } from './command-settings.ts'
import type { SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

export interface KeysFlags extends SettingFlags {
  readonly workspace?: string
  readonly kind?: string
  readonly json?: boolean
}

/** Prints the keys of one or all workspaces. */
export async function listKeys(flags: KeysFlags): Promise<void> {
  const query = new URLSearchParams()
  if (flags.workspace !== undefined) query.set('workspace', checkedWorkspace(flags.workspace))
  if (flags.kind !== undefined) query.set('kind', checkedKind(flags.kind))
  const keys = await withEngine(commandSettings(flags), (control) => control.json<KeyInfo[]>('GET', `/keys?${query}`))
  process.stdout.write(flags.json ? `${JSON.stringify(keys.map(jsonOf))}\n` : tableOf(keys))
}

/** Makes a key; its secret is the last line of the output, and the only one on standard output. */
export async function createKey(flags: KeysFlags): Promise<void> {
  const workspace = checkedWorkspace(flags.workspace ?? DEFAULT_WORKSPACE)
  const kind = checkedKind(flags.kind ?? '')
  const { info, secret } = await withEngine(commandSettings(flags), (control) => {
    return control.json<{ info: KeyInfo; secret: string }>('POST', '/keys', { workspace, kind })
  })
  if (flags.json) process.stdout.write(`${JSON.stringify({ ...jsonOf(info), secret })}\n`)
  else {
    process.stderr.write(`The ${kind} key ${info.id} of ${workspace}, shown this once:\n`)
    process.stdout.write(`${secret}\n`)
  }
}

/** Revokes a key by its id: it stops within 5 seconds. */
export async function revokeKey(id: string, flags: KeysFlags): Promise<void> {
  const key = await withEngine(commandSettings(flags), (control) => control.json<KeyInfo>('DELETE', `/keys/${encodeURIComponent(id)}`))
  process.stdout.write(
    flags.json ? `${JSON.stringify({ id: key.id, revoked: true })}\n` : `the ${key.kind} key ${key.id} of ${key.workspace} is revoked\n`,
  )
}

function checkedKind(kind: string): KeyKind {
  const known = KEY_KINDS.find((one) => one === kind)
  if (known === undefined)
    throw new CommandError('kind_unknown', `the kind ${JSON.stringify(kind)} is not known: take ${KEY_KINDS.join(', ')}`)
  return known
}

const instant = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

function jsonOf({ id, workspace, kind, prefix, createdAtMs, revokedAtMs }: KeyInfo) {
  return { id, workspace, kind, prefix, created_at: instant(createdAtMs), revoked_at: instant(revokedAtMs) }
}

function tableOf(keys: readonly KeyInfo[]): string {
  if (keys.length === 0) return 'no keys: kappa keys create --kind server makes one\n'
  const table = new CliTable({ head: ['id', 'workspace', 'kind', 'begins with', 'made', 'revoked'], style: { head: [], border: [] } })
  for (const { id, workspace, kind, prefix, createdAtMs, revokedAtMs } of keys) {
    table.push([id, workspace, kind, prefix, instant(createdAtMs), instant(revokedAtMs) ?? ''])
  }
  return `${table.toString()}\n`
}
