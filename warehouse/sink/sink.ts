/** The sink of the processors: a commit becomes rows. Written again it changes nothing (schemas/ports/commit-sink.ts). */
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { WarehouseReader, WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import type { CommitBatch } from '../../schemas/records.ts'
import { readOlderWindows } from './older-windows.ts'
import { GROWTH_COLUMNS, PEOPLE_COLUMNS, QUARANTINE_COLUMNS, RESTATEMENTS_COLUMNS } from '../tables/derived-tables.ts'
import { encodeEventsBlock, eventsRows } from '../tables/events-table.ts'
import { readHistory } from './history.ts'

/** Rows of one insert. Fixed, so that a commit tried again makes the same blocks under the same tokens. */
const BLOCK_ROWS_MAX = 200_000

/** Calls back with each block of the rows and its number. */
async function inBlocks<Row>(rows: readonly Row[], insert: (block: readonly Row[], number: number) => Promise<void>): Promise<void> {
  for (let start = 0, number = 0; start < rows.length; start += BLOCK_ROWS_MAX, number += 1) {
    await insert(rows.length <= BLOCK_ROWS_MAX ? rows : rows.slice(start, start + BLOCK_ROWS_MAX), number)
  }
}

/**
 * Builds the sink over a warehouse. Raw rows and quarantined rows are idempotent by `token`, and by their position in the
 * log should a token have left the deduplication window; derived rows by their version. Raw rows come first: who sees
 * a number finds the events behind it.
 */
export function createSink(writer: WarehouseWriter, reader: WarehouseReader): Sink {
  return {
    async write(batch: CommitBatch): Promise<void> {
      const { token } = batch
      await inBlocks(eventsRows(batch.events), (rows, number) =>
        writer.insertBlock({ table: 'events', block: encodeEventsBlock(rows), token: `${token}/events/${number}` }),
      )
      await inBlocks(batch.quarantined, (rows, number) =>
        writer.insert({ table: 'quarantine', columns: QUARANTINE_COLUMNS, rows, token: `${token}/quarantine/${number}` }),
      )
      await inBlocks(batch.people, (rows) => writer.insert({ table: 'people', columns: PEOPLE_COLUMNS, rows }))
      await inBlocks(batch.growth, (rows) => writer.insert({ table: 'growth_windows', columns: GROWTH_COLUMNS, rows }))
      if (batch.rebuilt?.isHome) {
        const empty = await readOlderWindows(reader, batch.rebuilt.workspace, batch.rebuilt.version)
        await inBlocks(empty, (rows) => writer.insert({ table: 'growth_windows', columns: GROWTH_COLUMNS, rows }))
      }
      await inBlocks(batch.restatements, (rows) => writer.insert({ table: 'restatements', columns: RESTATEMENTS_COLUMNS, rows }))
    },
    history: (workspace, range, chunkSize) => readHistory(reader, workspace, range, chunkSize),
  }
}
