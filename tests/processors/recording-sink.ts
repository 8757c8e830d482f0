/** A warehouse in memory that keeps what the newest version says, and that may be away. */
import { compareUtf8 } from '../../processors/attribution/event-order.ts'
import type { OffsetRange, Sink } from '../../schemas/ports/commit-sink.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { AdmittedEvent, CommitBatch, GrowthRow, PersonRow, QuarantinedRow } from '../../schemas/records.ts'

/** What happens to one write: it is refused, it is taken and the answer is lost, or all is well. */
export type WriteFate = 'refused' | 'answer lost' | 'taken'

export class RecordingSink implements Sink {
  /** Fate of the write of this number, counted from 0 over all tries. */
  fateOf: (write: number) => WriteFate = () => 'taken'
  /** Tokens in the order of the tries. */
  readonly tries: string[] = []
  /** Raw rows under the token that first brought them. */
  readonly #blocks = new Map<string, readonly AdmittedEvent[]>()
  readonly #growth = new Map<string, GrowthRow>()
  readonly #people = new Map<string, PersonRow>()
  readonly #quarantined = new Map<string, QuarantinedRow>()

  async write(batch: CommitBatch): Promise<void> {
    const fate = this.fateOf(this.tries.length)
    this.tries.push(batch.token)
    await new Promise((done) => setImmediate(done))
    if (fate === 'refused') throw new WarehouseUnavailableError('away')
    this.#take(batch)
    if (fate === 'answer lost') throw new WarehouseUnavailableError('the answer was lost')
  }

  async *history(workspace: string, { below, from }: OffsetRange, chunkSize: number): AsyncGenerator<readonly AdmittedEvent[]> {
    const events = this.events().filter(
      ({ record, late, partition, offset }) =>
        record.workspace === workspace && !late && offset < (below[partition] ?? 0) && offset >= (from?.[partition] ?? 0),
    )
    events.sort((a, b) => a.record.occurred_at - b.record.occurred_at || compareUtf8(a.record.event_id, b.record.event_id))
    for (let start = 0; start < events.length; start += chunkSize) yield events.slice(start, start + chunkSize)
  }

  /** Every raw row as often as tokens brought it. */
  events(): AdmittedEvent[] {
    return [...this.#blocks.values()].flat()
  }

  /** Quarantined rows, each place of the log once, in the order of the log. */
  quarantined(): QuarantinedRow[] {
    return [...this.#quarantined.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  }

  /**
   * The final rows, and the running ones, without version and watermark, which say how the log was cut into commits. A
   * row in which nobody is left means the same as none.
   */
  growth(): object[] {
    const rows = [...this.#growth.values()].filter(({ counts }) => counts.active_users > 0)
    const running = new Map<string, number>()
    for (const { workspace, window, end_ms } of rows) {
      const key = `${workspace} ${window}`
      running.set(key, Math.max(end_ms, running.get(key) ?? 0))
    }
    return rows
      .filter((row) => row.final || row.end_ms === running.get(`${row.workspace} ${row.window}`))
      .sort((a, b) => compareUtf8(growthKey(a), growthKey(b)))
      .map(({ version: _, watermark_ms: __, ...row }) => row)
  }

  people(): object[] {
    return [...this.#people.values()]
      .sort((a, b) => compareUtf8(a.workspace, b.workspace) || a.actor - b.actor)
      .map(({ version: _, ...person }) => person)
  }

  #take({ token, events, quarantined, growth, people, rebuilt }: CommitBatch): void {
    for (const row of quarantined) this.#quarantined.set(`${row.partition}/${row.offset}`, row)
    // A commit that only publishes what a rebuild found ends where the one before did: it has the token, and no raw rows.
    const known = this.#blocks.get(token)
    if (known === undefined && events.length > 0) this.#blocks.set(token, events)
    else if (known !== undefined && events.length > 0 && JSON.stringify(known) !== JSON.stringify(events))
      throw new Error(`other rows under the token ${token}`)
    for (const row of growth) keepNewest(this.#growth, growthKey(row), row)
    for (const row of people) keepNewest(this.#people, `${row.workspace}|${row.actor}`, row)
    if (rebuilt === undefined || !rebuilt.isHome) return
    for (const [key, row] of this.#growth) {
      if (row.workspace === rebuilt.workspace && row.version < rebuilt.version) this.#growth.delete(key)
    }
  }
}

function growthKey({ workspace, window, dimension, value, end_ms }: GrowthRow): string {
  return [workspace, window, dimension, value, end_ms].join('|')
}

function keepNewest<Row extends { readonly version: number }>(rows: Map<string, Row>, key: string, row: Row): void {
  const kept = rows.get(key)
  if (kept === undefined || kept.version <= row.version) rows.set(key, row)
}
