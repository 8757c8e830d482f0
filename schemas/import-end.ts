/** The record that ends an import: every partition gets one, upon which what the import touched is rebuilt. */
import { type ImportEndRecord, LOG_RECORD_VERSION } from './log-records.ts'

/** Text of the record, received at `receivedAtMs`. */
export function importEndText(workspace: string, importId: string, receivedAtMs: number): string {
  const record: ImportEndRecord = {
    v: LOG_RECORD_VERSION,
    type: 'import_end',
    workspace,
    received_at: receivedAtMs,
    import_id: importId,
  }
  return JSON.stringify(record)
}
