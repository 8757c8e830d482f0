/**
 * The whole topology without log, warehouse or clock, after Kafka Streams' TopologyTestDriver: records go in, rows
 * come out, the test says when a commit is.
 */
import { deserialize, serialize } from 'node:v8'
import { Ticker } from '../../processors/ticker.ts'
import { Topology, type TopologySnapshot } from '../../processors/topology.ts'
import type { ReadHistory } from '../../processors/topology-output.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { LogMessage } from '../../schemas/ports/log.ts'
import { partitionsOfRecord } from './partition-of-record.ts'
import { PublishedRows } from './published-rows.ts'

export class TopologyDriver extends PublishedRows {
  readonly #partitions: number
  #topology: Topology
  #offsets: number[]
  #commits = 0

  constructor(partitions = 1) {
    super()
    this.#partitions = partitions
    this.#topology = new Topology(partitions)
    this.#offsets = new Array<number>(partitions).fill(0)
  }

  get topology(): Topology {
    return this.#topology
  }

  /** Puts records in, each in its partition (ticks and ends of imports in every one). */
  async put(records: Iterable<LogRecord>): Promise<void> {
    for (const record of records)
      for (const partition of partitionsOfRecord(record, this.#partitions))
        await this.#process(partition, Buffer.from(JSON.stringify(record)))
  }

  /** A commit: rows are taken, the later version of a key counts. */
  commit(): void {
    do {
      this.#commits += 1
      this.keep(this.#topology.take(this.#version(), this.#commits, this.#offsets))
    } while (this.#topology.hasPending)
  }

  /** What is due is ticked, as of an instant. */
  async tick(nowMs: number): Promise<void> {
    const due: LogMessage[] = []
    const log = {
      partitions: this.#partitions,
      append: async (messages: readonly LogMessage[]) => messages.map((message) => due.push(message)),
    }
    await new Ticker(log, { nowMs: () => nowMs }, [...this.#offsets.keys()]).tick(this.#topology)
    for (const { partition, value } of due) await this.#process(partition, value)
  }

  /** State through its stored form and back, as after a restart. */
  restart(): void {
    const state = deserialize(serialize(this.#topology.snapshot())) as TopologySnapshot
    this.#topology = new Topology(this.#partitions, { from: state })
  }

  async #process(partition: number, value: Uint8Array): Promise<void> {
    const offset = this.#offsets[partition] as number
    this.#offsets[partition] = offset + 1
    const request = this.#topology.process({ partition, offset, value })
    if (request === undefined) return
    this.commit()
    const { workspace } = request
    const history: ReadHistory = (below, from) => this.history(workspace, below, from)
    const { rebuilt } = await this.#topology.rebuild(request, this.#offsets, history, async (output) => this.keep(output))
    this.rebuilt(workspace, rebuilt.version)
  }

  #version(): number {
    return this.#topology.version(this.#offsets)
  }
}
