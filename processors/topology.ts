/**
 * The stream processors on one page:
 *
 *   events (by actor) -> admission: time, lateness, dense numbers -> raw events
 *     -> attribution: causes (by invite, code, share) -> counted signups (by actor) -> credits (by inviter)
 *       -> growth: people, sent invites -> window totals (by workspace) -> published windows, live numbers
 *
 * No operator reads a clock, draws a random number or does I/O: given the same log, the same state and the same rows.
 */
import type { QuarantinedRecord } from '../schemas/log-records.ts'
import type { StoredMessage } from '../schemas/ports/log.ts'
import type { AdmittedEvent, GrowthRow, PersonRow, QuarantinedRow, RestatementRow } from '../schemas/records.ts'
import { decodeAnyRecord, type DecodeRecord } from './runtime/decode-record.ts'
import { WorkspaceTopology, type WorkspaceTopologySnapshot } from './workspace-topology.ts'

/** What processing produced since it was last taken. */
export interface TopologyOutput {
  readonly events: readonly AdmittedEvent[]
  readonly quarantined: readonly QuarantinedRow[]
  readonly people: readonly PersonRow[]
  readonly growth: readonly GrowthRow[]
  readonly restatements: readonly RestatementRow[]
}

export interface TopologySnapshot {
  readonly workspaces: Map<string, WorkspaceTopologySnapshot>
  readonly rebuilds: number
}

/** Raised by `process` at the end of an import that reached behind the state: `rebuild` the workspace before going on. */
export interface RebuildRequest {
  readonly workspace: string
}

export class Topology {
  readonly #partitions: number
  readonly #decode: DecodeRecord
  #workspaces = new Map<string, WorkspaceTopology>()
  #touched = new Set<WorkspaceTopology>()
  #events: AdmittedEvent[] = []
  #quarantined: QuarantinedRow[] = []
  #rebuilds = 0

  constructor(partitions: number, options: { decode?: DecodeRecord | undefined; from?: TopologySnapshot | undefined } = {}) {
    this.#partitions = partitions
    this.#decode = options.decode ?? decodeAnyRecord
    this.#rebuilds = options.from?.rebuilds ?? 0
    for (const [workspace, snapshot] of options.from?.workspaces ?? [])
      this.#workspaces.set(workspace, new WorkspaceTopology(workspace, partitions, snapshot))
  }

  /** Takes one record of the log, in the order of its partition. */
  process(message: StoredMessage): RebuildRequest | undefined {
    const { partition, offset } = message
    const record = this.#decode(message)
    if (record.type === 'quarantined') {
      this.#quarantine(record, partition, offset)
      return undefined
    }
    if (record.type === 'tracked') {
      // Kept for whoever asks: it moves no time, has no number and counts nowhere.
      this.#events.push({ record, partition, offset, actor: 0, late: false })
      return undefined
    }
    const topology = this.#topologyOf(record.workspace)
    this.#touched.add(topology)
    if (record.type === 'tick') topology.tick(partition, record.received_at)
    else if (record.type === 'import_end') {
      return topology.importEnded(partition, record.import_id, record.received_at) ? { workspace: record.workspace } : undefined
    } else this.#events.push(topology.event(partition, offset, record))
    return undefined
  }

  /** Raw rows waiting to be taken. */
  get pendingRows(): number {
    return this.#events.length + this.#quarantined.length
  }

  get hasPending(): boolean {
    return this.#touched.size > 0 || this.pendingRows > 0
  }

  /**
   * Version of rows that reflect the log up to these positions: it grows with every record and every rebuild, and is the
   * same whenever the same place is reached again.
   */
  version(positions: readonly number[]): number {
    return positions.reduce((sum, position) => sum + position, this.#rebuilds)
  }

  /** Closes what the watermarks have passed and hands over everything since the last time. */
  take(version: number): TopologyOutput {
    const people: PersonRow[] = []
    const growth: GrowthRow[] = []
    const restatements: RestatementRow[] = []
    for (const topology of this.#touched) {
      for (const row of topology.takePeople(version)) people.push(row)
      const publication = topology.publish(version)
      for (const row of publication.closed) growth.push(row)
      for (const row of publication.live) growth.push(row)
      for (const row of publication.restatements) restatements.push(row)
    }
    this.#touched.clear()
    const output = { events: this.#events, quarantined: this.#quarantined, people, growth, restatements }
    this.#events = []
    this.#quarantined = []
    return output
  }

  /** Running windows of the workspaces that changed since the last `take`, for live watchers. */
  running(version: number): { workspace: string; watermarkMs: number; rows: GrowthRow[] }[] {
    return [...this.#touched].map((topology) => ({
      workspace: topology.workspace,
      watermarkMs: topology.time.watermarkMs,
      rows: [...topology.running(version)],
    }))
  }

  /**
   * Builds the workspace anew from its history beside the one that stands, hands over the rows piece by piece, and
   * puts it in the other's place. Call with everything before it taken. Returns the version of the rows: all rows of the
   * workspace's windows that are older are empty now.
   */
  async rebuild(
    workspace: string,
    positions: readonly number[],
    history: AsyncIterable<readonly AdmittedEvent[]>,
    write: (output: TopologyOutput, version: number) => Promise<void>,
  ): Promise<number> {
    this.#rebuilds += 1
    const version = this.version(positions)
    const standing = this.#topologyOf(workspace)
    const fresh = standing.emptied()
    for await (const events of history) {
      fresh.replay(events)
      const people = fresh.takePeople(version)
      const { closed, restatements } = fresh.publish(version)
      await write({ events: [], quarantined: [], people, growth: closed, restatements }, version)
    }
    const continued = fresh.continueFrom(standing)
    this.#workspaces.set(workspace, continued)
    this.#touched.add(continued)
    return version
  }

  workspace(name: string): WorkspaceTopology | undefined {
    return this.#workspaces.get(name)
  }

  workspaces(): IterableIterator<WorkspaceTopology> {
    return this.#workspaces.values()
  }

  snapshot(): TopologySnapshot {
    return { workspaces: new Map([...this.#workspaces].map(([name, topology]) => [name, topology.snapshot()])), rebuilds: this.#rebuilds }
  }

  #topologyOf(workspace: string): WorkspaceTopology {
    let topology = this.#workspaces.get(workspace)
    if (topology === undefined) {
      topology = new WorkspaceTopology(workspace, this.#partitions)
      this.#workspaces.set(workspace, topology)
    }
    return topology
  }

  #quarantine(record: QuarantinedRecord, partition: number, offset: number): void {
    this.#quarantined.push({ record, partition, offset })
  }
}
