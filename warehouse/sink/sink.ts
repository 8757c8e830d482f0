/** The sink of the processors: a commit becomes rows. Written again it changes nothing (schemas/ports/commit-sink.ts). */
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { WarehouseReader, WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import type { CommitBatch } from '../../schemas/records.ts'
import { inBlocks } from './insert-blocks.ts'
import { RebuildStage } from './rebuild-stage.ts'
import { GROWTH_COLUMNS, PEOPLE_COLUMNS, QUARANTINE_COLUMNS, RESTATEMENTS_COLUMNS, SETTLEMENTS_COLUMNS } from '../tables/derived-tables.ts'
import { encodeEventsBlock, eventsRows } from '../tables/events-table.ts'
import { readHistory } from './history.ts'

/**
 * Builds the sink over a warehouse. Raw rows and quarantined rows are idempotent by `token`, and by their position in the
 * log should a token have left the deduplication window; derived rows by their version. Raw rows come first: who sees
 * a number finds the events behind it.
 */
export function createSink(writer: WarehouseWriter, reader: WarehouseReader): Sink {
  const stage = new RebuildStage(writer, reader)
  return {
    async write(batch: CommitBatch): Promise<void> {
      const { token, staged, settled = [] } = batch
      if (staged !== undefined) return stage.write(batch, staged)
      await inBlocks(eventsRows(batch.events), (rows, number) =>
        writer.insertBlock({ table: 'events', block: encodeEventsBlock(rows), token: `${token}/events/${number}` }),
      )
      await inBlocks(batch.quarantined, (rows, number) =>
        writer.insert({ table: 'quarantine', columns: QUARANTINE_COLUMNS, rows, token: `${token}/quarantine/${number}` }),
      )
      await inBlocks(settled, (rows) => writer.insert({ table: 'quarantine_settlements', columns: SETTLEMENTS_COLUMNS, rows }))
      await inBlocks(batch.people, (rows) => writer.insert({ table: 'people', columns: PEOPLE_COLUMNS, rows }))
      await inBlocks(batch.growth, (rows) => writer.insert({ table: 'growth_windows', columns: GROWTH_COLUMNS, rows }))
      await inBlocks(batch.restatements, (rows) => writer.insert({ table: 'restatements', columns: RESTATEMENTS_COLUMNS, rows }))
    },
    history: (workspace, range, chunkSize) => readHistory(reader, workspace, range, chunkSize),
  }
}
