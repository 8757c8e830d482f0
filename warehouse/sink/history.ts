/** Kept events of a workspace, streamed back in the order of event time (Sink.history). */
import type { OffsetRange } from '../../schemas/ports/commit-sink.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'
import { joinSql, rowsOf, sql, storedRowsOf, workspaceQuery, type SqlFragment } from '../queries/workspace-query.ts'
import { decodeEventRow, EVENT_ROW_COLUMNS, type EventRowCells } from '../tables/event-row-codec.ts'

const columns = joinSql(
  EVENT_ROW_COLUMNS.map(({ name, isInstant }) => (isInstant ? `toUnixTimestamp64Milli(${name})` : name) as SqlFragment),
  ', ',
)

const since = sql`occurred_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')`

/** The instant of the row that fills a chunk, read in the order of the sorting key. No row when fewer are left. */
const chunkEnd = workspaceQuery`
SELECT toUnixTimestamp64Milli(occurred_at) AS end_ms
FROM ${storedRowsOf('events', since)}
ORDER BY occurred_at
LIMIT 1 OFFSET {rest:UInt64}`

/** Rows from `sinceMs` to `endMs`; of the instant `sinceMs` only those after `afterId`. */
export const rowsOfChunk = rowsOf('events', sql`${since} AND occurred_at <= fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`)
export const isAfterPlace = sql`(occurred_at > fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC') OR event_id > {afterId:String})`

const chunk = workspaceQuery`
SELECT tuple(${columns}) AS cells
FROM ${rowsOfChunk}
WHERE late = 0 AND type != 'tracked' AND ${isAfterPlace}
  AND _offset >= {fromOffsets:Array(UInt64)}[_partition + 1] AND _offset < {belowOffsets:Array(UInt64)}[_partition + 1]
ORDER BY occurred_at, event_id
LIMIT {chunkSize:UInt64}`

/** Past any instant that an event can have. */
const END_OF_TIME_MS = Date.UTC(2299, 11, 31)

interface Place {
  readonly sinceMs: number
  readonly afterId: string
}

/**
 * Walks over `events` in the order of (occurred_at, event_id), by keyset and never by OFFSET from the start, so that memory
 * stays flat and each chunk costs the same. `read` gets the bounds of a chunk of at most `chunkSize` rows; `placeOf` says
 * where a row stands.
 */
export async function* walkEvents<Row>(
  reader: WarehouseReader,
  workspace: string,
  chunkSize: number,
  read: (bounds: Place & { readonly endMs: number; readonly chunkSize: number }) => Promise<readonly Row[]>,
  placeOf: (row: Row) => Place,
): AsyncGenerator<readonly Row[]> {
  let place: Place = { sinceMs: 0, afterId: '' }
  for (;;) {
    const [end] = await reader.select<{ end_ms: number }>({
      workspace,
      sql: chunkEnd,
      params: { sinceMs: place.sinceMs, rest: chunkSize - 1 },
    })
    const rows = await read({ ...place, endMs: end?.end_ms ?? END_OF_TIME_MS, chunkSize })
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last !== undefined && rows.length >= chunkSize) place = placeOf(last)
    else if (end === undefined) return
    else place = { sinceMs: end.end_ms + 1, afterId: '' }
  }
}

/** Events that count (not late, not deleted, not `tracked`), in the range of offsets, in the order of event time. */
export async function* readHistory(
  reader: WarehouseReader,
  workspace: string,
  { below, from }: OffsetRange,
  chunkSize: number,
): AsyncGenerator<readonly AdmittedEvent[]> {
  const offsets = { belowOffsets: below, fromOffsets: from ?? below.map(() => 0) }
  yield* walkEvents(
    reader,
    workspace,
    chunkSize,
    async (bounds) => {
      const rows = await reader.select<{ cells: EventRowCells }>({ workspace, sql: chunk, params: { ...bounds, ...offsets } })
      return rows.map((row) => decodeEventRow(row.cells))
    },
    (event) => ({ sinceMs: event.record.occurred_at, afterId: event.record.event_id }),
  )
}
