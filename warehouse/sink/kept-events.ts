/** Which events are kept, for the duplicates of an import (schemas/ports/kept-ids.ts). */
import type { KeptEvent, KeptIds } from '../../schemas/ports/kept-ids.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { workspaceQuery } from '../queries/workspace-query.ts'
import { isAfterPlace, rowsOfChunk, walkEvents } from './history.ts'

const CHUNK_ROWS = 200_000

const chunk = workspaceQuery`
SELECT tuple(event_id, late, _partition, _offset, toUnixTimestamp64Milli(occurred_at)) AS cells
FROM ${rowsOfChunk}
WHERE (late = 1 OR received_at < fromUnixTimestamp64Milli({receivedBeforeMs:Int64}, 'UTC')) AND ${isAfterPlace}
ORDER BY occurred_at, event_id
LIMIT {chunkSize:UInt64}`

type KeptCells = readonly [eventId: string, late: number, partition: number, offset: number, occurredAtMs: number]

async function* keptEvents(reader: WarehouseReader, workspace: string, receivedBeforeMs: number): AsyncGenerator<KeptEvent> {
  const chunks = walkEvents(
    reader,
    workspace,
    CHUNK_ROWS,
    (bounds) => reader.select<{ cells: KeptCells }>({ workspace, sql: chunk, params: { ...bounds, receivedBeforeMs } }),
    ({ cells }) => ({ sinceMs: cells[4], afterId: cells[0] }),
  )
  for await (const rows of chunks) {
    for (const { cells } of rows) {
      yield { event_id: cells[0], late: cells[1] === 1, partition: cells[2], offset: cells[3], occurred_at: cells[4] }
    }
  }
}

/** Builds the reader of kept events over a warehouse. Rejects with `WarehouseUnavailableError` while iterating. */
export function createKeptIds(reader: WarehouseReader): KeptIds {
  return { loadKept: async (workspace, receivedBeforeMs) => keptEvents(reader, workspace, receivedBeforeMs) }
}
