/**
 * The stream processors on one page:
 *
 *   events (by actor) -> admission: time, lateness, dense numbers -> raw events
 *     -> attribution: causes (by invite, code, share) -> counted signups (by actor) -> credits (by inviter)
 *       -> growth: people, sent invites -> window totals (by workspace) -> published windows, live numbers
 *
 * No operator reads a clock, draws a random number or does I/O: given the same log, the same state and the same rows.
 * All partitions may be processed in one place, or each in its own: then what crosses partitions goes out as messages.
 */
import type { EventRecord } from '../schemas/log-records.ts'
import { EVERY_WORKSPACE } from '../schemas/log-records.ts'
import type { EventIds } from '../schemas/ports/event-ids.ts'
import type { StoredMessage } from '../schemas/ports/log.ts'
import type { GrowthRow, PersonRow, RebuiltWorkspace, RestatementRow } from '../schemas/records.ts'
import { CLOSED_ROWS_MAX } from './growth/publisher.ts'
import { failedRecord, type GuardMoved, messageOf } from './poison-records.ts'
import { decodeAnyRecord, type DecodeRecord } from './runtime/decode-record.ts'
import { replayName } from '../schemas/replay-name.ts'
import { PartitionTime } from './runtime/partition-time.ts'
import { decodeTaskRecord, encodeTaskRecord, type WorkspaceEntry } from './task-message.ts'
import { RawRows } from './raw-rows.ts'
import { NO_OUTPUT, type OutgoingMessage, type ReadHistory, type RebuildRequest, type TopologyOutput } from './topology-output.ts'
import { type TopologyPlace, WorkspaceTopology, type WorkspaceTopologySnapshot } from './workspace-topology.ts'

export interface TopologySnapshot {
  readonly workspaces: Map<string, WorkspaceTopologySnapshot>
  readonly tickMs: readonly number[]
  readonly seenTickMs: number
  readonly heldTicks: readonly HeldTick[]
  readonly taken: readonly number[]
  readonly eventIds: unknown
  /** Workspaces of which something is pending. */
  readonly touched: readonly string[]
  readonly rebuilds: number
  readonly settlings: number
}

interface HeldTick {
  readonly partition: number
  readonly sequence: number
  readonly tickMs: number
}

export interface TopologyOptions {
  readonly decode?: DecodeRecord | undefined
  /** Partitions that are processed here; without it all. */
  readonly local?: readonly number[] | undefined
  /** Where anybody may write to the log: which ids were here in the last 7 days. Without it ids are single already. */
  readonly eventIds?: EventIds | undefined
  readonly from?: TopologySnapshot | undefined
  /** Rows of closed windows that one commit may have, about. */
  readonly closedRowsMax?: number | undefined
  /** Around each event that another task sent; without it none is left out. */
  readonly guard?: GuardMoved | undefined
}

export class Topology {
  readonly #decode: DecodeRecord
  readonly #place: TopologyPlace
  readonly #eventIds: EventIds | undefined
  readonly #workspaces = new Map<string, WorkspaceTopology>()
  readonly #touched = new Set<WorkspaceTopology>()
  /** Newest tick of each partition, as far as it is settled. */
  readonly #tickMs: number[]
  /** Newest tick that was processed here. */
  #seenTickMs: number
  #heldTicks: HeldTick[]
  /** Newest sequence taken of each sender. */
  readonly #taken: number[]
  #hasTicked = false
  readonly #rawRows = new RawRows()
  #rebuilds: number
  #rebuilding: { readonly workspace: string; events: number } | undefined
  #settlings: number

  constructor(partitions: number, { decode, local, eventIds, from, guard, closedRowsMax = CLOSED_ROWS_MAX }: TopologyOptions = {}) {
    this.#decode = decode ?? decodeAnyRecord
    this.#eventIds = eventIds
    this.#place = {
      partitions,
      closedRowsMax,
      local: local ?? Array.from({ length: partitions }, (_, partition) => partition),
      store: this.#rawRows.event,
      claimId: eventIds && ((record) => claim(eventIds, record)),
      takeMoved: guard && ((event, take) => guard(event, take, (it, reason) => this.leaveOut(messageOf(it), reason))),
    }
    this.#tickMs = from ? [...from.tickMs] : new Array<number>(partitions).fill(Number.NEGATIVE_INFINITY)
    this.#seenTickMs = from?.seenTickMs ?? Number.NEGATIVE_INFINITY
    this.#taken = from ? [...from.taken] : new Array<number>(partitions).fill(0)
    this.#heldTicks = [...(from?.heldTicks ?? [])]
    this.#rebuilds = from?.rebuilds ?? 0
    this.#settlings = from?.settlings ?? 0
    if (from?.eventIds !== undefined) eventIds?.restore(from.eventIds)
    for (const [workspace, snapshot] of from?.workspaces ?? [])
      this.#workspaces.set(workspace, new WorkspaceTopology(workspace, this.#place, snapshot))
    for (const workspace of from?.touched ?? []) this.#touch(workspace)
  }

  /** Takes one record of the log, in the order of its partition. */
  process(message: StoredMessage): RebuildRequest | undefined {
    const { partition, offset } = message
    const record = this.#decode(message)
    if (record.type === 'quarantined') {
      this.#rawRows.quarantined({ record, partition, offset })
      return undefined
    }
    if (record.type === 'quarantine_settled') {
      this.#rawRows.settled({ record, partition, offset })
      return undefined
    }
    if (record.type === 'tracked') {
      // Kept for whoever asks: it moves no time, has no number and counts nowhere.
      if (this.#eventIds === undefined || claim(this.#eventIds, record))
        this.#rawRows.event({ record, partition, offset, actor: 0, late: false })
      return undefined
    }
    if (record.type === 'tick' && record.workspace === EVERY_WORKSPACE) return this.#tick(partition, record.received_at)
    const topology = this.#touch(record.workspace)
    if (record.type === 'tick') topology.tick(partition, record.received_at)
    else if (record.type === 'import_end' || record.type === 'replay') {
      const name = record.type === 'replay' ? replayName({ id: record.replay_id, fromMs: record.from }) : record.import_id
      topology.importEnded(partition, name, record.received_at)
    } else topology.event(partition, offset, record)
    return topology.rebuildDue(this.#tickMs)
  }

  /** Takes a record that can not be processed: it stands in the quarantine, and counts nowhere. */
  leaveOut(message: StoredMessage, reason: string): void {
    const { partition, offset } = message
    this.#rawRows.quarantined({ record: failedRecord(message, reason), partition, offset })
  }

  /** Takes one record of the repartition topic. One that came before changes nothing. Returns what is to be rebuilt. */
  receive(value: Uint8Array): RebuildRequest[] {
    const record = decodeTaskRecord(value)
    if ('settled' in record) return this.#settleThrough(record.settled)
    const { from, sequence, tickMs, entries } = record
    if (sequence <= (this.#taken[from] as number)) return []
    this.#taken[from] = sequence
    if (Number.isFinite(tickMs)) this.#heldTicks.push({ partition: from, sequence, tickMs })
    const requests: RebuildRequest[] = []
    for (const entry of entries) {
      const { workspace } = entry
      const order = this.#touch(workspace).receive(from, sequence, entry)
      if (order !== undefined) requests.push({ workspace, cause: order.cause, order })
    }
    return requests
  }

  /** Raw rows waiting to be taken. */
  get pendingRows(): number {
    return this.#rawRows.count
  }

  /** Lets go of raw rows of a commit that was carried out: the first after a snapshot that can't be read holds the whole log. */
  forgetRows(): void {
    this.#rawRows.take()
  }

  get hasPending(): boolean {
    return this.#touched.size > 0 || this.pendingRows > 0 || this.#hasTicked
  }

  /** Whether something waits for a settling to take effect. */
  get hasUnsettled(): boolean {
    if (this.#heldTicks.length > 0) return true
    for (const { windows } of this.#workspaces.values()) if (windows?.hasUnsettled) return true
    return false
  }

  /** Rebuilds that took place. */
  get rebuilds(): number {
    return this.#rebuilds
  }

  /** The workspace that is being rebuilt, and how many of its events were taken so far. */
  get rebuilding(): { readonly workspace: string; readonly events: number } | null {
    return this.#rebuilding ?? null
  }

  /** Settlings that took effect. */
  get settlings(): number {
    return this.#settlings
  }

  /** Newest sequence that was taken of each partition's task. */
  get taken(): readonly number[] {
    return this.#taken
  }

  /** Newest tick of the partitions processed here; minus infinity before the first. */
  get seenTickMs(): number {
    return this.#seenTickMs
  }

  /**
   * Version of rows that reflect the log up to these positions: it grows with every record and every rebuild, and is the
   * same whenever the same place is reached again.
   */
  version(positions: readonly number[]): number {
    return positions.reduce((sum, position) => sum + position, this.#rebuilds)
  }

  /**
   * Closes what the watermarks have passed and hands over everything since the last time; what of the closing is left over is
   * pending. `sequence` is the number of the commit, `positions` the offsets of the next events of the partitions here, in order.
   */
  take(version: number, sequence: number, positions: readonly number[]): TopologyOutput {
    const people: PersonRow[] = []
    const growth: GrowthRow[] = []
    const restatements: RestatementRow[] = []
    const outgoing = new Map<number, WorkspaceEntry[]>()
    const unfinished: WorkspaceTopology[] = []
    const positionOf = new Map(this.#place.local.map((partition, index) => [partition, positions[index] as number]))
    for (const topology of this.#touched) {
      topology.report(sequence, positionOf, this.#tickMs)
      for (const row of topology.takePeople(version)) people.push(row)
      const publication = topology.publish(version)
      for (const row of publication.closed) growth.push(row)
      for (const row of publication.live) growth.push(row)
      for (const row of publication.restatements) restatements.push(row)
      if (publication.hasMore) unfinished.push(topology)
      for (const [partition, entry] of topology.takeEntries()) {
        const entries = outgoing.get(partition)
        if (entries === undefined) outgoing.set(partition, [entry])
        else entries.push(entry)
      }
    }
    const messages = this.#messages(sequence, outgoing)
    this.#touched.clear()
    for (const topology of unfinished) this.#touched.add(topology)
    this.#hasTicked = false
    return { ...this.#rawRows.take(), people, growth, restatements, messages }
  }

  /** Running windows of the workspaces that changed since the last `take`, for live watchers. */
  running(version: number): { workspace: string; watermarkMs: number; rows: GrowthRow[] }[] {
    return [...this.#touched].flatMap((topology) => {
      const { workspace, windows } = topology
      return windows === undefined ? [] : [{ workspace, watermarkMs: windows.time.watermarkMs, rows: [...topology.running(version)] }]
    })
  }

  /**
   * Builds the workspace anew from its history beside the one that stands, hands over the rows piece by piece, and
   * puts it in the other's place. Call with everything before it committed. Returns what was rebuilt: all that stands now,
   * the running windows too, was handed over.
   */
  async rebuild(
    { workspace, cause, order }: RebuildRequest,
    positions: readonly number[],
    history: ReadHistory,
    write: (output: TopologyOutput, version: number) => Promise<void>,
  ): Promise<{ readonly rebuilt: RebuiltWorkspace; readonly again: RebuildRequest | undefined }> {
    this.#rebuilds += 1
    const version = this.version(positions)
    const standing = this.#topologyOf(workspace)
    const isHome = standing.windows !== undefined
    const fresh = standing.emptied()
    const time = new PartitionTime()
    const below = order?.below ?? positions
    const progress = { workspace, events: 0 }
    this.#rebuilding = progress
    for await (const events of history(below)) {
      progress.events += events.length
      fresh.replay(events, time)
      let people = fresh.takePeople(version, standing)
      for (let hasMore = true; hasMore; people = []) {
        // What changed is found by comparing with what stands: in the order of occurrence nothing restates. And in that order all
        // partitions seem to be as far as the first: what is final is for the time of what stands to say.
        const { closed, ...publication } = fresh.publish(version, standing.windows?.time.watermarkMs)
        await write({ ...NO_OUTPUT, people, growth: isHome ? closed : [] }, version)
        hasMore = publication.hasMore
      }
    }
    const continued = fresh.inPlaceOf(standing, order?.epoch ?? 0)
    this.#workspaces.set(workspace, continued)
    this.#touched.delete(standing) // what it had left to close is of the past
    this.#touched.add(continued)
    // Events of others that came since have moved here, and stand under their own partition.
    const since =
      order && below.map((_, partition) => (this.#place.local.includes(partition) ? (positions[0] as number) : Number.MAX_SAFE_INTEGER))
    if (since !== undefined) for await (const events of history(since, below)) continued.catchUp(events)
    const again = order && continued.takeEarly()
    for (let hasMore = isHome; hasMore; ) {
      const { closed, live, ...publication } = continued.publish(version)
      await write({ ...NO_OUTPUT, growth: [...closed, ...live] }, version)
      hasMore = publication.hasMore
    }
    this.#rebuilding = undefined
    const rebuilt = { workspace, version, isHome, cause, atMs: continued.windows?.time.newestReceivedMs ?? 0 }
    return { rebuilt, again: again && { workspace, cause: again.cause, order: again } }
  }

  workspace(name: string): WorkspaceTopology | undefined {
    return this.#workspaces.get(name)
  }

  workspaces(): IterableIterator<WorkspaceTopology> {
    return this.#workspaces.values()
  }

  snapshot(): TopologySnapshot {
    return {
      workspaces: new Map([...this.#workspaces].map(([name, topology]) => [name, topology.snapshot()])),
      tickMs: this.#tickMs,
      seenTickMs: this.#seenTickMs,
      heldTicks: this.#heldTicks,
      taken: this.#taken,
      eventIds: this.#eventIds?.snapshot(),
      touched: [...this.#touched].map(({ workspace }) => workspace),
      rebuilds: this.#rebuilds,
      settlings: this.#settlings,
    }
  }

  get #isSpread(): boolean {
    return this.#place.local.length < this.#place.partitions
  }

  /** A tick of the partition: it moves the time of every workspace that is live. What else is to be rebuilt the next one says. */
  #tick(partition: number, receivedMs: number): RebuildRequest | undefined {
    this.#hasTicked = true
    this.#seenTickMs = Math.max(this.#seenTickMs, receivedMs)
    if (!this.#isSpread) this.#tickMs[partition] = Math.max(this.#tickMs[partition] as number, receivedMs)
    let request: RebuildRequest | undefined
    for (const topology of this.#workspaces.values()) {
      if (topology.partitionTick(partition, receivedMs, this.#tickMs)) this.#touched.add(topology)
      request ??= topology.rebuildDue(this.#tickMs)
    }
    return request
  }

  #settleThrough(sequences: readonly number[]): RebuildRequest[] {
    this.#settlings += 1
    const left: HeldTick[] = []
    for (const held of this.#heldTicks) {
      if (held.sequence > (sequences[held.partition] as number)) left.push(held)
      else this.#tickMs[held.partition] = held.tickMs
    }
    this.#heldTicks = left
    const requests: RebuildRequest[] = []
    for (const topology of this.#workspaces.values()) {
      const order = topology.settleThrough(sequences, this.#tickMs)
      if (order !== undefined) {
        requests.push({ workspace: topology.workspace, cause: order.cause, order })
        this.#touched.add(topology)
      }
      if (topology.windows?.advance(this.#tickMs)) this.#touched.add(topology)
    }
    return requests
  }

  /** One message a target; every partition hears of a tick, as any may be a workspace's home. */
  #messages(sequence: number, outgoing: ReadonlyMap<number, readonly WorkspaceEntry[]>): OutgoingMessage[] {
    if (!this.#isSpread) return []
    const [from] = this.#place.local as readonly [number]
    const tickMs = this.#hasTicked ? this.#seenTickMs : Number.NEGATIVE_INFINITY // told once: what is told waits for a settling
    if (this.#hasTicked) this.#heldTicks.push({ partition: from, sequence, tickMs })
    const messages: OutgoingMessage[] = []
    for (let partition = 0; partition < this.#place.partitions; partition += 1) {
      const entries = outgoing.get(partition)
      if (partition === from || (entries === undefined && !this.#hasTicked)) continue
      messages.push({ partition, value: encodeTaskRecord({ from, sequence, tickMs, entries: entries ?? [] }) })
    }
    return messages
  }

  #touch(workspace: string): WorkspaceTopology {
    const topology = this.#topologyOf(workspace)
    this.#touched.add(topology)
    return topology
  }

  #topologyOf(workspace: string): WorkspaceTopology {
    let topology = this.#workspaces.get(workspace)
    if (topology === undefined) {
      topology = new WorkspaceTopology(workspace, this.#place)
      this.#workspaces.set(workspace, topology)
    }
    return topology
  }
}

/** An import of an event that was kept as late takes the late one's place. */
function claim(eventIds: EventIds, record: EventRecord): boolean {
  return eventIds.claim(record.workspace, record.event_id, record.received_at) || record.supersedes !== undefined
}
