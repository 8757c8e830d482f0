/** Rows as the warehouse would answer with them: of each key the newest version. */
import type { AdmittedEvent, GrowthRow, PersonRow, RestatementRow } from '../../schemas/records.ts'
import type { TopologyOutput } from '../../processors/topology-output.ts'

export class PublishedRows {
  readonly events: AdmittedEvent[] = []
  readonly restatements: RestatementRow[] = []
  readonly #growth = new Map<string, GrowthRow>()
  readonly #people = new Map<string, PersonRow>()

  keep(output: TopologyOutput): void {
    this.events.push(...output.events)
    this.restatements.push(...output.restatements)
    for (const row of output.growth) keepNewest(this.#growth, growthKey(row), row)
    for (const row of output.people) keepNewest(this.#people, `${row.workspace}|${row.actor_id}`, row)
  }

  /** Windows of the workspace that are older than the version are empty. */
  rebuilt(workspace: string, version: number): void {
    for (const [key, row] of this.#growth) if (row.workspace === workspace && row.version < version) this.#growth.delete(key)
  }

  rows(workspace?: string): GrowthRow[] {
    return [...this.#growth.values()].filter((row) => workspace === undefined || row.workspace === workspace)
  }

  row(workspace: string, window: string, endMs: number, dimension = '', value = ''): GrowthRow | undefined {
    return this.#growth.get([workspace, window, endMs, dimension, value].join('|'))
  }

  people(): PersonRow[] {
    return [...this.#people.values()]
  }

  /** What `Sink.history` gives: events that count, at or behind `from` and below `below` by partition, in the order of occurrence. */
  async *history(workspace: string, below: readonly number[], from: readonly number[] = []): AsyncGenerator<AdmittedEvent[]> {
    const events = this.events.filter(
      ({ record, late, partition, offset }) =>
        record.workspace === workspace &&
        !late &&
        record.type !== 'tracked' &&
        offset < (below[partition] as number) &&
        offset >= (from[partition] ?? 0),
    )
    events.sort(
      (a, b) =>
        a.record.occurred_at - b.record.occurred_at || Buffer.compare(Buffer.from(a.record.event_id), Buffer.from(b.record.event_id)),
    )
    for (let start = 0; start < events.length; start += 1000) yield events.slice(start, start + 1000)
  }
}

function growthKey({ workspace, window, end_ms, dimension, value }: GrowthRow): string {
  return [workspace, window, end_ms, dimension, value].join('|')
}

function keepNewest<Row extends { readonly version: number }>(rows: Map<string, Row>, key: string, row: Row): void {
  if (row.version >= (rows.get(key)?.version ?? 0)) rows.set(key, row)
}
