/** Plain facts about a workspace: how much is kept, and how fresh it is. */
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { rowsOf, sql, storedRowsOf, workspaceQuery } from './workspace-query.ts'

const watermark = workspaceQuery`
SELECT if(count() = 0, NULL, max(toUnixTimestamp64Milli(watermark_at))) AS watermark_ms
FROM ${storedRowsOf('growth_windows', sql`dimension = ''`)}`

/** The workspace's watermark as the published windows carry it, epoch ms; null before the first event. */
export async function readWatermarkMs(reader: WarehouseReader, workspace: string): Promise<number | null> {
  const [row] = await reader.select<{ watermark_ms: number | null }>({ workspace, sql: watermark })
  return row?.watermark_ms ?? null
}

const facts = workspaceQuery`
SELECT
  (SELECT count() FROM ${rowsOf('events')}) AS events,
  (SELECT countIf(late = 1) FROM ${rowsOf('events')}) AS late_events,
  (SELECT count() FROM ${rowsOf('quarantine')}) AS quarantined,
  (SELECT count() FROM ${rowsOf('people')}) AS people,
  (SELECT if(count() = 0, NULL, max(toUnixTimestamp64Milli(received_at))) FROM ${rowsOf('events')}) AS newest_received_ms,
  (SELECT if(count() = 0, NULL, min(toUnixTimestamp64Milli(occurred_at))) FROM ${rowsOf('events', sql`late = 0`)}) AS first_occurred_ms`

export interface WorkspaceFacts {
  readonly events: number
  readonly late_events: number
  readonly quarantined: number
  readonly people: number
  readonly newest_received_ms: number | null
  readonly first_occurred_ms: number | null
}

/** Counts of what is kept of a workspace; late events are among `events`. Rejects with `WarehouseUnavailableError`. */
export async function readWorkspaceFacts(reader: WarehouseReader, workspace: string): Promise<WorkspaceFacts> {
  const [row] = await reader.select<WorkspaceFacts>({ workspace, sql: facts })
  return row ?? { events: 0, late_events: 0, quarantined: 0, people: 0, newest_received_ms: null, first_occurred_ms: null }
}

const active = workspaceQuery`
SELECT DISTINCT intDiv(toUnixTimestamp64Milli(occurred_at) - 1, {bucketMs:Int64}) AS bucket
FROM ${storedRowsOf('events', sql`occurred_at > fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND occurred_at <= fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`)}
WHERE is_deleted = 0 AND late = 0 AND type NOT IN ('rum', 'tracked')`

/**
 * Buckets in which anything may have happened, of those that `(fromMs, toMs]` touches: bucket b is `(b x bucketMs, (b + 1) x bucketMs]`.
 * A window that touches none of them is empty.
 */
export async function readActiveBuckets(
  reader: WarehouseReader,
  workspace: string,
  range: { readonly fromMs: number; readonly toMs: number; readonly bucketMs: number },
): Promise<Set<number>> {
  const rows = await reader.select<{ bucket: number }>({ workspace, sql: active, params: range })
  return new Set(rows.map((row) => row.bucket))
}
