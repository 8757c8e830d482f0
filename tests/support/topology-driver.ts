/**
 * The whole topology without log, warehouse or clock, after Kafka Streams' TopologyTestDriver: records go in, rows
 * come out, the test says when a commit is.
 */
import type { GrowthRow, PersonRow, RestatementRow, AdmittedEvent } from '../../schemas/records.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import { partitionOf } from '../../schemas/partitioner.ts'
import { Topology, type TopologySnapshot } from '../../processors/topology.ts'
import { deserialize, serialize } from 'node:v8'

export class TopologyDriver {
  readonly #partitions: number
  #topology: Topology
  #offsets: number[]
  readonly events: AdmittedEvent[] = []
  readonly restatements: RestatementRow[] = []
  readonly #growth = new Map<string, GrowthRow>()
  readonly #people = new Map<string, PersonRow>()

  constructor(partitions = 1) {
    this.#partitions = partitions
    this.#topology = new Topology(partitions)
    this.#offsets = new Array<number>(partitions).fill(0)
  }

  get topology(): Topology {
    return this.#topology
  }

  /** Puts records in, each in its partition (ticks and ends of imports in every one). */
  async put(records: Iterable<LogRecord>): Promise<void> {
    for (const record of records) {
      const everywhere = record.type === 'tick' || record.type === 'import_end'
      const subject = 'actor_id' in record && record.actor_id ? record.actor_id : 'event_id' in record ? (record.event_id ?? '') : ''
      const partitions = everywhere ? [...this.#offsets.keys()] : [partitionOf(record.workspace, subject, this.#partitions)]
      for (const partition of partitions) await this.#process(partition, record)
    }
  }

  /** A commit: rows are taken, the later version of a key counts. */
  commit(): void {
    const output = this.#topology.take(this.#version())
    this.#keep(output)
  }

  /** State through its stored form and back, as after a restart. */
  restart(): void {
    const state = deserialize(serialize(this.#topology.snapshot())) as TopologySnapshot
    this.#topology = new Topology(this.#partitions, { from: state })
  }

  /** All published rows, later versions in place of earlier ones, by key. */
  rows(workspace?: string): GrowthRow[] {
    return [...this.#growth.values()].filter((row) => workspace === undefined || row.workspace === workspace)
  }

  row(workspace: string, window: string, endMs: number, dimension = '', value = ''): GrowthRow | undefined {
    return this.#growth.get([workspace, window, endMs, dimension, value].join('|'))
  }

  people(): PersonRow[] {
    return [...this.#people.values()]
  }

  async #process(partition: number, record: LogRecord): Promise<void> {
    const offset = this.#offsets[partition] as number
    this.#offsets[partition] = offset + 1
    const request = this.#topology.process({ partition, offset, value: Buffer.from(JSON.stringify(record)) })
    if (request === undefined) return
    this.commit()
    const version = await this.#topology.rebuild(request.workspace, this.#offsets, this.#history(request.workspace), async (output) =>
      this.#keep(output),
    )
    for (const [key, row] of this.#growth) if (row.workspace === request.workspace && row.version < version) this.#growth.delete(key)
  }

  async *#history(workspace: string): AsyncGenerator<AdmittedEvent[]> {
    const events = this.events.filter((event) => event.record.workspace === workspace && !event.late && event.record.type !== 'tracked')
    events.sort(
      (a, b) =>
        a.record.occurred_at - b.record.occurred_at || Buffer.compare(Buffer.from(a.record.event_id), Buffer.from(b.record.event_id)),
    )
    for (let start = 0; start < events.length; start += 1000) yield events.slice(start, start + 1000)
  }

  #keep(output: ReturnType<Topology['take']>): void {
    this.events.push(...output.events)
    this.restatements.push(...output.restatements)
    for (const row of output.growth) this.#growth.set([row.workspace, row.window, row.end_ms, row.dimension, row.value].join('|'), row)
    for (const row of output.people) this.#people.set(`${row.workspace}|${row.actor_id}`, row)
  }

  #version(): number {
    return this.#topology.version(this.#offsets)
  }
}
