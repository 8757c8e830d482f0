/** The table of a run: for people on the terminal, for later comparison in a file. */
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem, type } from 'node:os'
import process from 'node:process'
import type { Verdict } from './site-oracle.ts'

export interface FaultResult {
  readonly fault: string
  readonly form: 'embedded' | 'scaled'
  readonly rounds: number
  /** Rounds after which the product came back by itself. */
  readonly survived: number
  /** Of each round that was survived: ms until every part was ready and at most 5 s behind. */
  readonly recoveryMs: readonly number[]
  /** CPU that a process which was started for it used until then, ms: what the recovery takes on a machine that is its own. */
  readonly recoveryCpuMs: readonly number[]
  /** Undefined when it did not come to that. */
  readonly verdict: Verdict | undefined
  readonly isWhole: boolean
  /** What the newest round measured besides. */
  readonly measured?: string
  /** What went wrong, or why it can't be done here. */
  readonly note?: string
}

/** The value that a share of the values do not exceed (nearest rank). NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

function seconds(ms: number): string {
  return Number.isNaN(ms) ? '-' : (ms / 1_000).toFixed(2)
}

/** One line of the table. */
export function resultLine({ fault, form, rounds, survived, recoveryMs, verdict, isWhole, measured, note }: FaultResult): string {
  const numbers = [`${survived}/${rounds}`, ...[0.5, 0.95, 1].map((share) => seconds(percentile(recoveryMs, share)))]
  const counts = verdict === undefined ? 'not judged' : `lost ${verdict.lost} doubled ${verdict.doubled} differ ${verdict.differences}`
  return `${isWhole ? 'ok    ' : 'FAILED'} ${form.padEnd(8)} ${fault.padEnd(58)} ${numbers.map((text) => text.padStart(7)).join(' ')}  ${counts}${measured === undefined ? '' : `  (${measured})`}${note === undefined ? '' : `  (${note.split('\n')[0]})`}`
}

/** Writes the results with date, commit and machine. */
export async function writeResults(path: string, commit: string, command: string, results: readonly FaultResult[]): Promise<void> {
  const gib = Math.round(totalmem() / 1024 ** 3)
  const rounded = (ms: number) => (Number.isNaN(ms) ? null : Math.round(ms))
  const rows = results.map(({ fault, form, rounds, survived, recoveryMs, recoveryCpuMs, verdict, isWhole, measured, note }) => ({
    fault,
    form,
    rounds,
    survived,
    recovery_ms: {
      p50: rounded(percentile(recoveryMs, 0.5)),
      p95: rounded(percentile(recoveryMs, 0.95)),
      max: rounded(percentile(recoveryMs, 1)),
    },
    ...(recoveryCpuMs.length === 0
      ? {}
      : {
          recovery_cpu_ms: { p50: percentile(recoveryCpuMs, 0.5), p95: percentile(recoveryCpuMs, 0.95), max: percentile(recoveryCpuMs, 1) },
        }),
    ...(verdict ?? {}),
    whole: isWhole,
    ...(measured === undefined ? {} : { measured }),
    ...(note === undefined ? {} : { note }),
  }))
  const document = {
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: `${cpus().length} cores, ${gib} GiB, ${type()} ${process.arch}, shared: load ${(loadavg()[0] as number).toFixed(0)} at the end`,
    node: process.version,
    command,
    results: rows,
  }
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`)
}
