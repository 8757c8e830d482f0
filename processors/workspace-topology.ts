/**
 * Everything that one workspace computes in one place: the operators of the partitions that are processed here, and,
 * where the workspace is at home, its windows. What concerns a partition elsewhere leaves as an entry of a task
 * message. Workspaces share nothing, so that none can see or move another.
 */
import { partitionOf } from '../schemas/partitioner.ts'
import { parseReplayName } from '../schemas/replay-name.ts'
import type { EventRecord } from '../schemas/log-records.ts'
import type { AdmittedEvent, PersonRow } from '../schemas/records.ts'
import { ALLOWED_LATENESS_MS, DAY_MS } from '../schemas/windows.ts'
import type { Publication } from './growth/publisher.ts'
import { addDelta, TotalsRecorder } from './growth/totals-delta.ts'
import { type Hop, hopKey, type MovedEvent, subjectOf } from './hops.ts'
import type { ActorIdsSnapshot } from './runtime/actor-ids.ts'
import type { PartitionTime } from './runtime/partition-time.ts'
import { OutgoingEntries, type RebuildOrder, type WorkspaceEntry } from './task-message.ts'
import { WorkspacePartition, type WorkspacePartitionSnapshot } from './workspace-partition.ts'
import { type PartitionReport, type WindowsPlace, WorkspaceWindows, type WorkspaceWindowsSnapshot } from './workspace-windows.ts'

/** Where a topology stands among the partitions, and where its output goes. */
export interface TopologyPlace extends WindowsPlace {
  /** Partitions that are processed here. */
  readonly local: readonly number[]
  /** Takes the raw row of an event. */
  readonly store: (event: AdmittedEvent) => void
  /** Whether this is the first time in 7 days that the event's id comes; without it ids are single already. */
  readonly claimId?: ((record: EventRecord) => boolean) | undefined
  /** Takes an event of another partition's log by `take`, or leaves it out. */
  readonly takeMoved?: ((event: MovedEvent, take: () => void) => void) | undefined
}

export interface WorkspaceTopologySnapshot {
  readonly parts: readonly (readonly [partition: number, part: WorkspacePartitionSnapshot])[]
  readonly windows: WorkspaceWindowsSnapshot | undefined
  readonly epoch: number
  readonly early: readonly EarlyEntry[]
  readonly hasNews: boolean
}

/** What another task sent from a state that this one is still to build. */
interface EarlyEntry {
  readonly from: number
  readonly sequence: number
  readonly entry: WorkspaceEntry
}

/** State is kept this far behind the watermark: the longest window and the allowed lateness, and a day to spare. */
const STATE_HORIZON_MS = 30 * DAY_MS + ALLOWED_LATENESS_MS + DAY_MS

/** Partition in which a workspace's windows are. */
export function homeOf(workspace: string, partitions: number): number {
  return partitionOf(workspace, '', partitions)
}

export class WorkspaceTopology {
  readonly workspace: string
  /** Undefined where the workspace is not at home. */
  readonly windows: WorkspaceWindows | undefined
  readonly #place: TopologyPlace
  readonly #home: number
  readonly #parts = new Map<number, WorkspacePartition>()
  readonly #recorder: TotalsRecorder | undefined
  readonly #hops: Hop[] = []
  readonly #outgoing: OutgoingEntries
  #endedImports: string[] = []
  #needsRebuild = false
  /**
   * Records were taken since the last report, or a rebuild. What a settling leads to is none: reported, it would have to be
   * settled in turn, and between ticks there might be no moment in which nothing is under way.
   */
  #hasNews: boolean
  readonly #epoch: number
  #early: EarlyEntry[]
  #droppedDay = Number.NaN

  constructor(workspace: string, place: TopologyPlace, from?: WorkspaceTopologySnapshot, actors?: ReadonlyMap<number, ActorIdsSnapshot>) {
    this.workspace = workspace
    this.#place = place
    this.#home = homeOf(workspace, place.partitions)
    if (place.local.includes(this.#home)) this.windows = new WorkspaceWindows(workspace, place, from?.windows)
    else this.#recorder = new TotalsRecorder()
    this.#epoch = from?.epoch ?? 0
    this.#early = [...(from?.early ?? [])]
    this.#hasNews = from !== undefined && (from.hasNews ?? true)
    this.#outgoing = new OutgoingEntries(workspace)
    const snapshots = new Map(from?.parts)
    for (const partition of place.local) {
      const part = new WorkspacePartition({
        workspace,
        partition,
        partitions: place.partitions,
        totals: this.windows?.totals ?? (this.#recorder as TotalsRecorder),
        send: (hop) => this.#hops.push(hop),
        store: place.store,
        claimId: place.claimId,
        from: snapshots.get(partition),
        actors: actors?.get(partition),
      })
      this.#parts.set(partition, part)
    }
  }

  get lateEvents(): number {
    let count = 0
    for (const part of this.#parts.values()) count += part.lateEvents
    return count
  }

  /** An event from the log, in its place. Beyond the allowed lateness it is kept, and counts nowhere. */
  event(partition: number, offset: number, record: EventRecord): void {
    this.#hasNews = true
    const { time } = this.#part(partition)
    time.observe(record.occurred_at, record.received_at)
    const tooLate = time.isTooLate(record.occurred_at)
    const late = tooLate && record.import_id === undefined
    if (record.import_id !== undefined) {
      this.windows?.importSeen(record.import_id, record.received_at)
      if (this.windows === undefined) this.#outgoing.importSeen(this.#home, record.import_id, record.received_at)
      // Behind what the state still holds: the import's end rebuilds.
      if (tooLate) this.#needsRebuild = true
    }
    const event = { record, partition, offset, late, counts: !tooLate }
    if (this.#partitionOf(subjectOf(record)) === partition) this.#part(partition).take(event)
    else this.#hops.push({ to: 'moved', event })
    this.#deliver()
  }

  /** A tick of the workspace. */
  tick(partition: number, receivedMs: number): void {
    this.#hasNews = true
    this.#part(partition).time.tick(receivedMs)
  }

  /** A tick of the partition, for all workspaces. Returns whether it means anything to this one. */
  partitionTick(partition: number, receivedMs: number, tickMs: readonly number[]): boolean {
    const moved = this.#part(partition).time.partitionTick(receivedMs)
    if (moved) this.#hasNews = true
    return moved || (this.windows?.advance(tickMs) ?? false)
  }

  /** The import's last record of this partition; a replay is an import without rows. */
  importEnded(partition: number, importId: string, receivedMs: number): void {
    this.#hasNews = true
    this.#part(partition).time.importEnd(receivedMs)
    // A replay is heard of here first: it is open until every partition has it.
    if (parseReplayName(importId) !== undefined) {
      if (this.windows === undefined) this.#outgoing.importSeen(this.#home, importId, receivedMs)
      else this.windows.importSeen(importId, receivedMs)
    }
    if (this.#isSpread || this.windows === undefined) {
      this.#endedImports.push(importId)
      return
    }
    this.windows.settle(partition, { ...this.#report(partition, 0), endedImports: [importId] })
    this.windows.closeImports()
  }

  /** What is to be rebuilt now that a record was taken; where partitions are processed apart a settling says so. */
  rebuildDue(tickMs: readonly number[]): { readonly workspace: string; readonly cause: string } | undefined {
    const { workspace, windows } = this
    return !this.#isSpread && windows?.isRebuildDue(tickMs) ? { workspace, cause: windows.cause } : undefined
  }

  /** What another task has for this workspace. Returns the order to rebuild it. */
  receive(from: number, sequence: number, entry: WorkspaceEntry): RebuildOrder | undefined {
    if (entry.epoch > this.#epoch) {
      this.#early.push({ from, sequence, entry })
      return undefined
    }
    this.#take(from, sequence, entry)
    return entry.rebuild
  }

  #take(from: number, sequence: number, { epoch, hops, delta, horizonMs, imports, report }: WorkspaceEntry): void {
    // What comes of a state from before a rebuild is part of the rebuilt one; an event that moved is not.
    const isOfThisState = epoch === this.#epoch
    const deliver = (hop: Hop) => {
      this.#part(this.#partitionOf(hopKey(hop))).deliver(hop)
      this.#deliver()
    }
    const { takeMoved = (_, take) => take() } = this.#place
    for (const hop of hops) {
      if (hop.to === 'moved') takeMoved(hop.event, () => deliver(hop))
      else if (isOfThisState) deliver(hop)
    }
    if (horizonMs !== undefined) for (const part of this.#parts.values()) part.dropBefore(horizonMs)
    const { windows } = this
    if (windows === undefined) return
    for (const { id, receivedMs } of imports) windows.importSeen(id, receivedMs)
    if (isOfThisState && delta !== undefined && addDelta(windows.totals, delta)) windows.fallBehind()
    if (report !== undefined) windows.hold(from, sequence, report)
  }

  /** All that followed from the tasks' commits up to these sequences is in. Returns the order to rebuild the workspace. */
  settleThrough(sequences: readonly number[], tickMs: readonly number[]): RebuildOrder | undefined {
    const { windows } = this
    if (windows === undefined) return undefined
    windows.settleThrough(sequences)
    windows.closeImports()
    if (!windows.isRebuildDue(tickMs)) return undefined
    const order = { epoch: this.#epoch + 1, below: [...windows.settledPositions], cause: windows.cause }
    for (let partition = 0; partition < this.#place.partitions; partition += 1)
      if (!this.#parts.has(partition)) this.#outgoing.rebuild(partition, order)
    return order
  }

  /** History in the order of occurrence, into a workspace made anew: nothing of it is late. */
  replay(events: readonly AdmittedEvent[], time: PartitionTime): void {
    for (const { record } of events) {
      time.observe(record.occurred_at, record.received_at)
      this.#part(this.#partitionOf(subjectOf(record))).apply(record)
      this.#deliver()
    }
    const report: PartitionReport = { time: time.report(), position: 0, endedImports: [], needsRebuild: false }
    // In the order of occurrence every partition is as far as any.
    for (const partition of this.#parts.keys()) this.windows?.settle(partition, report)
    this.windows?.advance(NO_TICKS)
  }

  /** All partitions of the workspace without any state but the numbers of the actors processed here, to be built anew. */
  emptied(): WorkspaceTopology {
    const local = Array.from({ length: this.#place.partitions }, (_, partition) => partition)
    const actors = new Map([...this.#parts].map(([partition, part]) => [partition, part.actorIds()]))
    return new WorkspaceTopology(this.workspace, { ...this.#place, local }, undefined, actors)
  }

  /** What was built anew, in the place of what stood: its partitions, its time, and the number of the state. */
  inPlaceOf(standing: WorkspaceTopology, epoch: number): WorkspaceTopology {
    const parts = [...standing.#parts].map(([partition, stood]) => {
      const built = this.#part(partition).snapshot()
      return [partition, { ...built, time: stood.time.report(), lateEvents: stood.lateEvents }] as const
    })
    const windows = standing.windows && (this.windows as WorkspaceWindows).continueFrom(standing.windows).snapshot()
    return new WorkspaceTopology(this.workspace, standing.#place, { parts, windows, epoch, early: standing.#early, hasNews: true })
  }

  /** Counts events again that came after those from which the state was built, and takes what came early. */
  catchUp(events: readonly AdmittedEvent[]): void {
    for (const { record } of events) {
      const part = this.#parts.get(this.#partitionOf(subjectOf(record)))
      if (part === undefined) continue // it moved to another partition, which counts it
      part.apply(record)
      this.#deliver()
    }
  }

  /** Takes what came early, now that the state is the one that it belongs to. Returns the order to rebuild it once more. */
  takeEarly(): RebuildOrder | undefined {
    const early = this.#early
    this.#early = []
    let order: RebuildOrder | undefined
    for (const { from, sequence, entry } of early) order = this.receive(from, sequence, entry) ?? order
    return order
  }

  /** Tells the windows, here or elsewhere, what the partitions processed here have seen by the end of this commit. */
  report(sequence: number, positions: ReadonlyMap<number, number>, tickMs: readonly number[]): void {
    const { windows } = this
    const partitions = this.#isSpread && !this.#hasNews ? [] : this.#parts.keys()
    for (const partition of partitions) {
      const report = this.#report(partition, positions.get(partition) ?? 0)
      if (windows === undefined) this.#outgoing.report(this.#home, report)
      else if (this.#isSpread) windows.hold(partition, sequence, report)
      else windows.settle(partition, report)
    }
    this.#endedImports = []
    this.#needsRebuild = false
    this.#hasNews = false
    windows?.advance(tickMs)
  }

  /** Closes what the watermark, and `upToMs`, has passed and takes what is to be written. */
  publish(version: number, upToMs = Number.POSITIVE_INFINITY): Publication {
    this.#settle()
    const { windows } = this
    if (windows === undefined) return NOTHING
    const publication = windows.publish(version, upToMs)
    const watermarkMs = Math.min(windows.time.watermarkMs, upToMs)
    const day = Math.floor(watermarkMs / DAY_MS)
    if (Number.isFinite(watermarkMs) && day !== this.#droppedDay) {
      this.#droppedDay = day
      const horizonMs = watermarkMs - STATE_HORIZON_MS
      for (const part of this.#parts.values()) part.dropBefore(horizonMs)
      for (let partition = 0; partition < this.#place.partitions; partition += 1)
        if (!this.#parts.has(partition)) this.#outgoing.horizon(partition, horizonMs)
    }
    return publication
  }

  /** The running windows as they stand, for whoever watches. */
  running(version: number): Publication['live'] {
    this.#settle()
    return this.windows?.running(version) ?? []
  }

  /** Rows of the people whose arrival or signup changed, of the partitions of `of`. */
  takePeople(version: number, of: WorkspaceTopology = this): PersonRow[] {
    return [...of.#parts.keys()].flatMap((partition) => this.#part(partition).takePeople(version))
  }

  /** What is for partitions elsewhere, by partition. */
  takeEntries(): ReadonlyMap<number, WorkspaceEntry> {
    const delta = this.#recorder?.take()
    if (delta !== undefined) this.#outgoing.delta(this.#home, delta)
    return this.#outgoing.take(this.#epoch)
  }

  snapshot(): WorkspaceTopologySnapshot {
    return {
      parts: [...this.#parts].map(([partition, part]) => [partition, part.snapshot()]),
      windows: this.windows?.snapshot(),
      epoch: this.#epoch,
      early: this.#early,
      hasNews: this.#hasNews,
    }
  }

  /** The totals have all that the partitions added. */
  #settle(): void {
    for (const part of this.#parts.values()) part.settle()
  }

  get #isSpread(): boolean {
    return this.#parts.size < this.#place.partitions
  }

  #report(partition: number, position: number): PartitionReport {
    const { time } = this.#part(partition)
    return { time: time.report(), position, endedImports: this.#endedImports, needsRebuild: this.#needsRebuild }
  }

  #part(partition: number): WorkspacePartition {
    const part = this.#parts.get(partition)
    if (part === undefined) throw new Error(`partition ${partition} of ${this.workspace} is not processed here`)
    return part
  }

  /** Hops may send hops; they end, since each leads one step further along actor, cause, actor, inviter. */
  #deliver(): void {
    for (let index = 0; index < this.#hops.length; index += 1) {
      const hop = this.#hops[index] as Hop
      // With one partition no key needs to be put together.
      const partition = this.#place.partitions === 1 ? 0 : this.#partitionOf(hopKey(hop))
      const part = this.#parts.get(partition)
      if (part === undefined) this.#outgoing.hop(partition, hop)
      else part.deliver(hop)
    }
    this.#hops.length = 0
  }

  #partitionOf(key: string): number {
    return partitionOf(this.workspace, key, this.#place.partitions)
  }
}

const NO_TICKS: readonly number[] = []
const NOTHING: Publication = { live: [], closed: [], restatements: [], hasMore: false }
