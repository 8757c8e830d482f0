/**
 * Rows of a rebuild on their way: they are written into tables beside `growth_windows` and `people`, which nobody reads,
 * and at the end attached to these as whole parts (`ATTACH PARTITION FROM`), which the engine does under one lock. So
 * a reader sees all numbers of before or all of after, however many there are, and a rebuild that broke off leaves none.
 */
import { createHash } from 'node:crypto'
import { changedMetrics } from '../../metrics/changed-metrics.ts'
import { parseReplayName } from '../../schemas/replay-name.ts'
import type { WarehouseReader, WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import type { CommitBatch, GrowthRow, PersonRow, RebuiltWorkspace, RestatementRow } from '../../schemas/records.ts'
import { PEOPLE_KEYS } from '../migrations/0004-join-keys.ts'
import { schemaSql } from '../migrations/schema-sql.ts'
import { stagedTable, type StagedTable } from '../queries/workspace-query.ts'
import { DIFFERENCES_COLUMNS, type DifferenceRow, GROWTH_COLUMNS, PEOPLE_COLUMNS, RESTATEMENTS_COLUMNS } from '../tables/derived-tables.ts'
import { inBlocks } from './insert-blocks.ts'
import { readOlderWindows } from './older-windows.ts'
import { readPersonDifferences, readWindowDifferences, type WindowDifference } from './rebuild-differences.ts'

/** Sorting keys, which the tables that are attached must have too. */
const KEYS: Readonly<Record<StagedTable, string>> = {
  growth_windows: '(workspace, window, dimension, value, end_at)',
  people: '(workspace, actor)',
}
const TABLES = Object.keys(KEYS) as StagedTable[]

type Difference = Pick<DifferenceRow, 'source' | 'window' | 'dimension' | 'value' | 'end_ms' | 'metric' | 'live' | 'rebuilt'>

export class RebuildStage {
  readonly #writer: WarehouseWriter
  readonly #reader: WarehouseReader
  /** Stages whose rows are attached: a batch that comes again has only to clear up. */
  readonly #attached = new Set<string>()

  constructor(writer: WarehouseWriter, reader: WarehouseReader) {
    this.#writer = writer
    this.#reader = reader
  }

  /** Takes a batch of a rebuild; the one with `rebuilt` ends it. Rejects with `WarehouseUnavailableError`: it may come again. */
  async write(batch: CommitBatch, { id, part }: { readonly id: string; readonly part: number }): Promise<void> {
    const stage = createHash('sha256').update(id).digest('hex').slice(0, 16)
    if (part === 1 && !this.#attached.has(stage)) await this.#begin(stage)
    await this.#insertPeople(stage, batch.people)
    await this.#insertWindows(stage, batch.growth)
    if (batch.rebuilt !== undefined) await this.#end(stage, batch.rebuilt)
  }

  async #begin(stage: string): Promise<void> {
    for (const table of TABLES) {
      const staged = stagedTable(table, stage)
      await this.#writer.command(`DROP TABLE IF EXISTS ${staged} SYNC`)
      // Never replicated: it is the rows that are, once they are attached.
      await this.#writer.command(`CREATE TABLE ${staged} AS ${table} ENGINE = ReplacingMergeTree(version) ORDER BY ${KEYS[table]}`)
    }
  }

  async #end(stage: string, rebuilt: RebuiltWorkspace): Promise<void> {
    if (!this.#attached.has(stage)) {
      const replay = parseReplayName(rebuilt.cause)
      const fromMs = replay?.fromMs ?? 0
      if (replay?.fromMs !== undefined)
        await this.#writer.command(
          `ALTER TABLE ${stagedTable('growth_windows', stage)} DELETE WHERE end_at < fromUnixTimestamp64Milli(${fromMs}, 'UTC') SETTINGS mutations_sync = 2`,
        )
      const windows = rebuilt.isHome ? await this.#compareWindows(stage, rebuilt, fromMs, replay !== undefined) : []
      const people = replay === undefined ? [] : await this.#comparePeople(stage, rebuilt)
      const rows = [...windows, ...people].map((one) => ({ ...one, workspace: rebuilt.workspace, rebuild: rebuilt.cause }))
      await inBlocks(rows, (block) => this.#writer.insert({ table: 'rebuild_differences', columns: DIFFERENCES_COLUMNS, rows: block }))
      await this.#writer.command(schemaSql({ kind: 'columns', table: stagedTable('people', stage), columns: PEOPLE_KEYS }))
      for (const table of TABLES)
        await this.#writer.command(`ALTER TABLE ${table} ATTACH PARTITION tuple() FROM ${stagedTable(table, stage)}`)
      this.#attached.add(stage)
    }
    for (const table of TABLES) await this.#writer.command(`DROP TABLE IF EXISTS ${stagedTable(table, stage)} SYNC`)
  }

  /** Empties what the rebuild has no row of, and tells what changed among final numbers; returns what a replay tells. */
  async #compareWindows(stage: string, rebuilt: RebuiltWorkspace, fromMs: number, isReplay: boolean): Promise<Difference[]> {
    const { workspace, version } = rebuilt
    await this.#insertWindows(stage, await readOlderWindows(this.#reader, workspace, stage, { version, fromMs }))
    const found = await readWindowDifferences(this.#reader, workspace, stage, { fromMs, isWholeOnly: !isReplay })
    const restated = found.flatMap((one) => restatementsOf(one, rebuilt))
    await inBlocks(restated, (rows) => this.#writer.insert({ table: 'restatements', columns: RESTATEMENTS_COLUMNS, rows }))
    return isReplay ? found.flatMap(differencesOf) : []
  }

  async #comparePeople(stage: string, { workspace }: RebuiltWorkspace): Promise<Difference[]> {
    const found = await readPersonDifferences(this.#reader, workspace, stage)
    return found.map(({ actorId, field, live, rebuilt }) => ({
      source: 'people',
      window: '',
      dimension: '',
      value: actorId,
      end_ms: 0,
      metric: field,
      live,
      rebuilt,
    }))
  }

  #insertWindows(stage: string, rows: readonly GrowthRow[]): Promise<void> {
    const table = stagedTable('growth_windows', stage)
    return inBlocks(rows, (block) => this.#writer.insert({ table, columns: GROWTH_COLUMNS, rows: block }))
  }

  #insertPeople(stage: string, rows: readonly PersonRow[]): Promise<void> {
    const table = stagedTable('people', stage)
    return inBlocks(rows, (block) => this.#writer.insert({ table, columns: PEOPLE_COLUMNS, rows: block }))
  }
}

/** Restated is a number of the whole workspace that was final and is another one now; an end that had none was not told. */
function restatementsOf({ live, rebuilt }: WindowDifference, { workspace, version, cause, atMs }: RebuiltWorkspace): RestatementRow[] {
  if (live === undefined || live.dimension !== '' || !live.final || live.counts.active_users === 0) return []
  const { window, end_ms } = live
  const end = { workspace, window, end_ms, version, cause, restated_ms: atMs }
  return changedMetrics(live, rebuilt).map((change) => ({ ...end, ...change }))
}

function differencesOf({ live, rebuilt }: WindowDifference): Difference[] {
  const place = live ?? rebuilt
  if (place === undefined) return []
  const { window, dimension, value, end_ms } = place
  return changedMetrics(live, rebuilt).map(({ metric, before, after }) => ({
    source: 'growth_windows',
    window,
    dimension,
    value,
    end_ms,
    metric,
    live: before === null ? '' : String(before),
    rebuilt: after === null ? '' : String(after),
  }))
}
