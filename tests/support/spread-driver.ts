/**
 * Partitions that are processed apart, each by a topology of its own, with the repartition topic between them in memory.
 * Messages come twice now and then, and commits fall where the test says: nothing of that may show in the rows.
 */
import { deserialize, serialize } from 'node:v8'
import { HOPS_MAX } from '../../processors/hops.ts'
import { encodeTaskRecord } from '../../processors/task-message.ts'
import { Topology, type TopologySnapshot } from '../../processors/topology.ts'
import type { ReadHistory, RebuildRequest } from '../../processors/topology-output.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import { partitionsOfRecord } from './partition-of-record.ts'
import { PublishedRows } from './published-rows.ts'

interface Task {
  readonly partition: number
  topology: Topology
  commits: number
  events: number
  /** Messages taken. */
  messages: number
  readonly inbox: Uint8Array[]
}

export class SpreadDriver extends PublishedRows {
  readonly #tasks: readonly Task[]
  readonly #closedRowsMax: number | undefined

  constructor(partitions: number, closedRowsMax?: number) {
    super()
    this.#closedRowsMax = closedRowsMax
    this.#tasks = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      topology: new Topology(partitions, { local: [partition], closedRowsMax }),
      commits: 0,
      events: 0,
      messages: 0,
      inbox: [],
    }))
  }

  /** Puts records into the log of their partition, or, with `astray`, of the one after it, and has them processed. */
  put(records: Iterable<LogRecord>, astray = false): void {
    for (const record of records) {
      for (const partition of partitionsOfRecord(record, this.#tasks.length)) {
        const strays = astray && record.type !== 'tick' && record.type !== 'import_end'
        const task = this.#tasks[(partition + (strays ? 1 : 0)) % this.#tasks.length] as Task
        task.topology.process({ partition: task.partition, offset: task.events, value: Buffer.from(JSON.stringify(record)) })
        task.events += 1
      }
    }
  }

  /** One task commits: it takes the messages that it has, and sends its own, some of them twice. */
  async commitOne(partition: number): Promise<void> {
    const task = this.#tasks[partition] as Task
    while (task.messages < task.inbox.length) {
      const requests = task.topology.receive(task.inbox[task.messages] as Uint8Array)
      task.messages += 1
      if (requests.length === 0) continue
      this.#take(task)
      for (const request of requests) await this.#rebuild(task, request)
    }
    this.#take(task)
  }

  /** Everybody commits until all is told, and time is settled; twice, as ticks only then reach everywhere. */
  async commit(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      for (let hop = 0; hop <= HOPS_MAX + 1; hop += 1) for (const { partition } of this.#tasks) await this.commitOne(partition)
      await this.settle()
    }
    while (this.#tasks.some(({ topology }) => topology.hasPending)) for (const { partition } of this.#tasks) await this.commitOne(partition)
  }

  /** All that followed from the commits up to now is in, for whoever has to know. Call it when nothing is under way. */
  async settle(): Promise<void> {
    for (const task of this.#tasks) {
      const settled = this.#tasks.map(({ commits }, partition) =>
        partition === task.partition ? commits : (task.topology.taken[partition] as number),
      )
      if (task.topology.hasUnsettled) task.inbox.push(encodeTaskRecord({ settled }))
    }
    for (const { partition } of this.#tasks) await this.commitOne(partition)
  }

  /** Everybody commits until all is told, then settles; resolves with how many settlings it takes until nothing waits for one. */
  async settlingsUntilQuiet(): Promise<number> {
    for (let settlings = 0; ; settlings += 1) {
      for (let hop = 0; hop <= HOPS_MAX + 1; hop += 1) for (const { partition } of this.#tasks) await this.commitOne(partition)
      if (settlings === 20 || !this.#tasks.some(({ topology }) => topology.hasUnsettled)) return settlings
      await this.settle()
    }
  }

  /** One task's state through its stored form and back. */
  restart(partition: number): void {
    const task = this.#tasks[partition] as Task
    const from = deserialize(serialize(task.topology.snapshot())) as TopologySnapshot
    task.topology = new Topology(this.#tasks.length, { local: [partition], from, closedRowsMax: this.#closedRowsMax })
  }

  async #rebuild(task: Task, request: RebuildRequest): Promise<void> {
    const { workspace } = request
    const history: ReadHistory = (below, from) => this.history(workspace, below, from)
    const { rebuilt, again } = await task.topology.rebuild(request, [task.events, task.messages], history, async (output) =>
      this.keep(output),
    )
    if (rebuilt.isHome) this.rebuilt(workspace, rebuilt.version)
    if (again !== undefined) await this.#rebuild(task, again)
  }

  #take(task: Task): void {
    task.commits += 1
    const output = task.topology.take(this.#version(task), task.commits, [task.events])
    this.keep(output)
    for (const { partition, value } of output.messages) {
      const { inbox } = this.#tasks[partition] as Task
      inbox.push(value)
      if (task.commits % 3 === 0) inbox.push(value)
    }
  }

  #version(task: Task): number {
    return task.topology.version([task.events, task.messages])
  }
}
