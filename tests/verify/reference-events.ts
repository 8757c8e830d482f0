/** Real public data as records of the log, where ../shared/data is there. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { LogEntry } from '../../verify/log-entries.ts'

const SCRIPT = resolve(import.meta.dirname, '../../../shared/data/to-events.mjs')
/** Any instant after the data: an import is never late. */
const RECEIVED_AT_MS = Date.UTC(2026, 0, 1)

export const hasReferenceData = existsSync(SCRIPT)

/** Entries as an import of the set into `workspace` writes them. Rejects when the script fails. */
export async function* referenceEntries(set: 'higgs' | 'collegemsg' | 'olist', workspace: string): AsyncGenerator<LogEntry> {
  const child = spawn(process.execPath, [SCRIPT, set], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((done) => child.on('close', done))
  let offset = 0
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
    const event = JSON.parse(line)
    const occurredAtMs = Date.parse(event.occurred_at)
    const record: LogRecord = { v: 1, workspace, received_at: RECEIVED_AT_MS, import_id: 'reference', ...event, occurred_at: occurredAtMs }
    yield { partition: 0, offset, record }
    offset += 1
  }
  const status = await ended
  if (status !== 0) throw new Error(`${SCRIPT} ended with ${status}`)
}
