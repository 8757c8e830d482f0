/** A scenario's records as they would stand in the log. */
import type { LogRecord } from '../../schemas/log-records.ts'

/** Each event id once, as ingest lets it into the log, and an end for each import, as the import writes it. */
export function asIngested(records: readonly LogRecord[]): LogRecord[] {
  const seen = new Set<string>()
  const kept = records.filter((record) => {
    if (!('event_id' in record) || record.type === 'quarantined' || record.supersedes) return true
    const key = `${record.workspace} ${record.event_id}`
    return !seen.has(key) && seen.add(key)
  })
  const last = kept.pop() as LogRecord
  const imports = new Map(kept.flatMap((record) => ('import_id' in record && record.import_id ? [[record.import_id, record]] : [])))
  const ends = [...imports].map(
    ([import_id, { workspace, received_at }]): LogRecord => ({ v: 1, type: 'import_end', workspace, received_at, import_id }),
  )
  return [...kept, ...ends, last]
}
