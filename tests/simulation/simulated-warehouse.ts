/**
 * The warehouse behind the sink, as ClickHouse keeps it: a commit is several inserts, each whole or not there; raw rows
 * are dropped when their token came before, and of rows with one key the newest version counts. An insert may be refused,
 * or take effect though the answer is lost.
 */
import { compareUtf8 } from '../../processors/attribution/event-order.ts'
import type { OffsetRange, Sink } from '../../schemas/ports/commit-sink.ts'
import type { KeptEvent, KeptIds } from '../../schemas/ports/kept-ids.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { AdmittedEvent, CommitBatch, GrowthRow, PersonRow, QuarantinedRow } from '../../schemas/records.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

export class SimulatedWarehouse {
  /** Until when it is away. */
  awayUntilMs = 0
  readonly #world: VirtualWorld
  /** Places of the raw rows of each token. */
  readonly #blocks = new Map<string, string>()
  readonly #events = new Map<string, AdmittedEvent>()
  readonly #superseded = new Set<string>()
  readonly #quarantined = new Map<string, QuarantinedRow>()
  readonly #people = new Map<string, PersonRow>()
  readonly #growth = new Map<string, GrowthRow>()

  constructor(world: VirtualWorld) {
    this.#world = world
  }

  /** The sink of one process. */
  sinkOf(process: SimulatedProcess): Sink {
    const warehouse = this
    return {
      write: (batch) => this.#write(process, batch),
      async *history(workspace, range, chunkSize) {
        const events = await warehouse.#ask(process, 'reads history', () => warehouse.#historyOf(workspace, range))
        for (let start = 0; start < events.length; start += chunkSize) yield events.slice(start, start + chunkSize)
      },
    }
  }

  /** What an import asks. */
  keptIdsOf(process: SimulatedProcess): KeptIds {
    return {
      loadKept: (workspace) =>
        this.#ask(process, 'reads kept ids', () =>
          this.events(workspace).map(
            ({ record, late, partition, offset }): KeptEvent => ({
              event_id: record.event_id,
              late,
              partition,
              offset,
              occurred_at: record.occurred_at,
            }),
          ),
        ),
    }
  }

  /** Raw rows that stand: each place in the log once, without those that an import has superseded. */
  events(workspace: string): AdmittedEvent[] {
    return [...this.#events]
      .filter(([place, { record }]) => record.workspace === workspace && !this.#superseded.has(place))
      .map(([, event]) => event)
  }

  quarantined(): QuarantinedRow[] {
    return [...this.#quarantined.values()]
  }

  people(workspace: string): PersonRow[] {
    return [...this.#people.values()].filter((row) => row.workspace === workspace)
  }

  growth(workspace: string): GrowthRow[] {
    return [...this.#growth.values()].filter((row) => row.workspace === workspace)
  }

  /** Inserts in the order of the product's sink; blocks of raw rows have the commit's token. */
  async #write(process: SimulatedProcess, batch: CommitBatch): Promise<void> {
    const { token, events, quarantined, people, growth, rebuilt } = batch
    if (events.length > 0) await this.#ask(process, `inserts ${events.length} events ${token}`, () => this.#takeEvents(token, events))
    if (quarantined.length > 0)
      await this.#ask(process, 'inserts into the quarantine', () => {
        for (const row of quarantined) this.#quarantined.set(`${row.partition}/${row.offset}`, row)
      })
    if (people.length > 0)
      await this.#ask(process, 'inserts people', () => {
        for (const row of people) keepNewest(this.#people, `${row.workspace} ${row.actor}`, row)
      })
    if (growth.length > 0) await this.#ask(process, 'inserts windows', () => this.#takeGrowth(growth))
    // People alone are rebuilt where the windows are not at home.
    if (rebuilt !== undefined && !('isHome' in rebuilt && rebuilt.isHome === false))
      await this.#ask(process, 'empties older windows', () => {
        for (const [key, row] of this.#growth)
          if (row.workspace === rebuilt.workspace && row.version < rebuilt.version) this.#growth.delete(key)
      })
  }

  #takeEvents(token: string, events: readonly AdmittedEvent[]): void {
    const block = events
      .map(({ partition, offset }) => `${partition}/${offset}`)
      .sort()
      .join(' ')
    const known = this.#blocks.get(token)
    if (known !== undefined && known !== block) this.#world.violate(`other rows came under the token ${token}:\n${known}\n${block}`)
    this.#blocks.set(token, block)
    for (const event of events) {
      const place = `${event.partition}/${event.offset}`
      const stood = this.#events.get(place)
      if (stood !== undefined && JSON.stringify(stood) !== JSON.stringify(event))
        this.#world.violate(`${place} was ${JSON.stringify(stood)} and is ${JSON.stringify(event)}`)
      this.#events.set(place, event)
      const { supersedes } = event.record
      if (supersedes !== undefined) this.#superseded.add(`${supersedes.partition}/${supersedes.offset}`)
    }
  }

  #takeGrowth(rows: readonly GrowthRow[]): void {
    for (const row of rows) {
      const key = [row.workspace, row.window, row.dimension, row.value, row.end_ms].join('|')
      keepNewest(this.#growth, key, row)
    }
  }

  #historyOf(workspace: string, { below, from }: OffsetRange): AdmittedEvent[] {
    return this.events(workspace)
      .filter(
        ({ record, late, partition, offset }) =>
          !late && record.type !== 'tracked' && offset < (below[partition] ?? 0) && offset >= (from?.[partition] ?? 0),
      )
      .sort((a, b) => a.record.occurred_at - b.record.occurred_at || compareUtf8(a.record.event_id, b.record.event_id))
  }

  #ask<Result>(process: SimulatedProcess, what: string, effect: () => Result): Promise<Result> {
    const world = this.#world
    return world.call(
      process,
      what,
      () => {
        if (world.isStormy && world.nowMs < this.awayUntilMs) throw new WarehouseUnavailableError('away')
        if (world.strikes('warehouse refuses', 0.01)) throw new WarehouseUnavailableError('refused')
        const result = effect()
        if (world.strikes('warehouse loses the answer', 0.02)) throw new WarehouseUnavailableError('the answer was lost')
        return result
      },
      3,
    )
  }
}

function keepNewest<Row extends { readonly version: number }>(rows: Map<string, Row>, key: string, row: Row): void {
  const kept = rows.get(key)
  if (kept === undefined || kept.version <= row.version) rows.set(key, row)
}
