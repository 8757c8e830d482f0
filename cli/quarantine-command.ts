/** `kappa quarantine`: list what was not accepted, try it again, or give it up. */
import process from 'node:process'
import CliTable from 'cli-table3'
import { DEFAULT_WORKSPACE } from '../schemas/config.ts'
import { EVENT_ERRORS } from '../schemas/errors.ts'
import type { SettleResponse } from '../schemas/quarantine-api.ts'
import { CommandError } from './command-error.ts'
import { instantMs } from './command-instant.ts'
import { checkedWorkspace, commandSettings } from './command-settings.ts'
import type { QuarantineLine, QuarantineList, QuarantineListRequest, QuarantineSettleRequest } from './control-messages.ts'
import type { SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

export interface QuarantineListFlags extends SettingFlags {
  readonly workspace?: string
  readonly code?: string
  readonly state?: string
  readonly from?: string
  readonly to?: string
  readonly limit?: string
  readonly json?: boolean
}

export interface QuarantineSettleFlags extends SettingFlags {
  readonly workspace?: string
  readonly code?: string
  readonly all?: boolean
  readonly json?: boolean
}

const STATES = ['open', 'retried', 'discarded', 'all'] as const

/** Prints quarantined events, newest first, and how many there are by code. */
export async function listQuarantine(flags: QuarantineListFlags): Promise<void> {
  const request: QuarantineListRequest = {
    workspace: checkedWorkspace(flags.workspace ?? DEFAULT_WORKSPACE),
    code: checkedCode(flags.code),
    state: checkedState(flags.state),
    fromMs: flags.from === undefined ? undefined : instantMs(flags.from),
    toMs: flags.to === undefined ? undefined : instantMs(flags.to),
    limit: checkedLimit(flags.limit),
  }
  const list = await withEngine(commandSettings(flags), (control) => control.json<QuarantineList>('POST', '/quarantine', request))
  process.stdout.write(flags.json ? `${JSON.stringify(list)}\n` : textOf(list))
}

/** Settles the events of these ids, or all open ones, of a code when one is given. The exit status is 1 when any stays. */
export async function settleQuarantine(action: 'retry' | 'discard', ids: readonly string[], flags: QuarantineSettleFlags): Promise<void> {
  if (ids.length === 0 && !flags.all && flags.code === undefined)
    throw new CommandError('ids_missing', `name events by the ids of kappa quarantine list, or give --code or --all`)
  if (ids.length > 0 && (flags.all || flags.code !== undefined))
    throw new CommandError('parameter_invalid', 'give ids, or --code and --all, not both')
  const request: QuarantineSettleRequest = {
    workspace: checkedWorkspace(flags.workspace ?? DEFAULT_WORKSPACE),
    action,
    ids: ids.length === 0 ? undefined : ids,
    code: checkedCode(flags.code),
  }
  const settled: SettleResponse[] = []
  await withEngine(commandSettings(flags), async (control) => {
    for await (const line of control.lines<QuarantineLine>('/quarantine/settle', request))
      if (line.kind === 'settled') settled.push(...line.events)
  })
  process.stdout.write(flags.json ? `${JSON.stringify({ events: settled })}\n` : outcomeText(settled))
  const left = settled.filter(({ outcome }) => outcome === 'rejected' || outcome === 'incomplete').length
  if (left > 0) throw new CommandError('quarantine_stays', `${left} of ${settled.length} events stay in the quarantine`)
}

function textOf({ counts, rows }: QuarantineList): string {
  if (counts.length === 0) return 'nothing is in the quarantine\n'
  const table = new CliTable({ head: ['id', 'received', 'code', 'path', 'state', 'message'], style: { head: [], border: [] } })
  for (const { id, received_at, code, path, state, message } of rows) table.push([id, received_at, code, path, state, message.slice(0, 80)])
  const total = counts.reduce((sum, { events }) => sum + events, 0)
  const more = total > rows.length ? `the newest ${rows.length} of ${total.toLocaleString('en-US')}: --limit shows more\n` : ''
  return `${counts.map(({ code, events }) => `${code}  ${events.toLocaleString('en-US')}\n`).join('')}${table.toString()}\n${more}`
}

function outcomeText(settled: readonly SettleResponse[]): string {
  if (settled.length === 0) return 'nothing open is in the quarantine\n'
  const counts = new Map<string, number>()
  for (const { outcome } of settled) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const faults = settled.filter(({ outcome }) => outcome === 'rejected').slice(0, 20)
  return [
    ...[...counts].map(([outcome, events]) => `${outcome}  ${events.toLocaleString('en-US')}\n`),
    ...faults.map(({ id, code, path, message }) => `${id}: ${code} ${path}: ${message}\n`),
  ].join('')
}

function checkedCode(code: string | undefined): string | undefined {
  if (code === undefined || Object.hasOwn(EVENT_ERRORS, code)) return code
  throw new CommandError(
    'code_unknown',
    `the code ${JSON.stringify(code)} is not known: take one of ${Object.keys(EVENT_ERRORS).join(', ')}`,
  )
}

function checkedState(state: string | undefined): QuarantineListRequest['state'] {
  const known = STATES.find((one) => one === (state ?? 'open'))
  if (known === undefined)
    throw new CommandError('state_unknown', `the state ${JSON.stringify(state)} is not known: take ${STATES.join(', ')}`)
  return known
}

function checkedLimit(text: string | undefined): number {
  const limit = Number(text ?? 50)
  if (Number.isSafeInteger(limit) && limit > 0 && limit <= 10_000) return limit
  throw new CommandError('parameter_invalid', `--limit must be a whole number from 1 to 10,000, not ${JSON.stringify(text)}`)
}
