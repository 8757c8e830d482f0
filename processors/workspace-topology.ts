/**
 * Everything one workspace computes: admission by its own time, the operators of each partition, the totals, and what
 * is published. Workspaces share nothing, so that none can see or move another.
 */
import { partitionOf } from '../schemas/partitioner.ts'
import type { EventRecord } from '../schemas/log-records.ts'
import type { AdmittedEvent, PersonRow } from '../schemas/records.ts'
import { ALLOWED_LATENESS_MS, DAY_MS, PARTITION_IDLE_MS } from '../schemas/windows.ts'
import { type Publication, Publisher, type PublisherSnapshot } from './growth/publisher.ts'
import { WindowTotals, type WindowTotalsSnapshot } from './growth/window-totals.ts'
import { type Hop, hopKey } from './hops.ts'
import { WorkspaceTime, type WorkspaceTimeSnapshot } from './runtime/workspace-time.ts'
import { WorkspacePartition, type WorkspacePartitionSnapshot } from './workspace-partition.ts'

/** An import of which rows came and whose end has not: newest row, and the partitions that have its end. */
interface OpenImport {
  newestReceivedMs: number
  readonly endedIn: Set<number>
}

export interface WorkspaceTopologySnapshot {
  readonly time: WorkspaceTimeSnapshot
  readonly totals: WindowTotalsSnapshot
  readonly publisher: PublisherSnapshot
  readonly parts: readonly WorkspacePartitionSnapshot[]
  readonly imports: Map<string, OpenImport>
  readonly needsRebuild: boolean
  readonly lateEvents: number
  readonly cause: string
}

/** State is kept this far behind the watermark: the longest window and the allowed lateness, and a day to spare. */
const STATE_HORIZON_MS = 30 * DAY_MS + ALLOWED_LATENESS_MS + DAY_MS

export class WorkspaceTopology {
  readonly workspace: string
  readonly #partitions: number
  readonly #time: WorkspaceTime
  readonly #totals: WindowTotals
  readonly #publisher: Publisher
  readonly #parts: WorkspacePartition[]
  readonly #hops: Hop[] = []
  #imports = new Map<string, OpenImport>()
  #needsRebuild = false
  #lateEvents = 0
  #cause = LATE_EVENT
  #droppedDay = Number.NaN

  /** `actors`: names by number of each partition, for a rebuild, in which everybody keeps the number that raw rows hold. */
  constructor(workspace: string, partitions: number, from?: WorkspaceTopologySnapshot, actors?: readonly (readonly string[])[]) {
    this.workspace = workspace
    this.#partitions = partitions
    this.#time = new WorkspaceTime(partitions, from?.time)
    this.#totals = new WindowTotals(from?.totals)
    this.#publisher = new Publisher(this.#totals, from?.publisher)
    this.#parts = Array.from({ length: partitions }, (_, partition) => {
      const restored = from?.parts[partition]
      return new WorkspacePartition({
        workspace,
        partition,
        partitions,
        totals: this.#totals,
        send: (hop) => this.#hops.push(hop),
        ...(restored ? { from: restored } : {}),
        ...(actors?.[partition] ? { actors: actors[partition] } : {}),
      })
    })
    if (from === undefined) return
    this.#imports = from.imports
    this.#needsRebuild = from.needsRebuild
    this.#lateEvents = from.lateEvents
    this.#cause = from.cause
  }

  get time(): WorkspaceTime {
    return this.#time
  }

  get lateEvents(): number {
    return this.#lateEvents
  }

  /** An event from the log, in its place. Beyond the allowed lateness it is kept, and counts nowhere. */
  event(partition: number, offset: number, record: EventRecord): AdmittedEvent {
    this.#time.observe(partition, record.occurred_at, record.received_at)
    const tooLate = this.#time.isTooLate(record.occurred_at)
    const late = tooLate && record.import_id === undefined
    const part = this.#parts[partition] as WorkspacePartition
    if (record.import_id !== undefined) this.#importOf(record.import_id, record.received_at)
    if (late) this.#lateEvents += 1
    else if (tooLate)
      this.#needsRebuild = true // behind what the state still holds: the import's end rebuilds
    else this.#apply(part, record)
    return { record, partition, offset, actor: part.numberOf(record.actor_id), late }
  }

  tick(partition: number, receivedMs: number): void {
    this.#time.observe(partition, receivedMs, receivedMs)
  }

  /** The import's last record of this partition. Returns whether the workspace is to be rebuilt now. */
  importEnded(partition: number, importId: string, receivedMs: number): boolean {
    const open = this.#importOf(importId, receivedMs)
    open.endedIn.add(partition)
    if (open.endedIn.size < this.#partitions) return false
    this.#imports.delete(importId)
    this.#cause = `import:${importId}`
    return this.#needsRebuild && this.#isSettled
  }

  /** Imports of which rows came and whose end has not. */
  openImports(): string[] {
    return [...this.#imports.keys()]
  }

  /** History in the order of occurrence, into a workspace made anew: nothing of it is late. */
  replay(events: readonly AdmittedEvent[]): void {
    for (const { record } of events) {
      const actorId = record.actor_id ?? record.event_id
      const partition = this.#partitionOf(actorId)
      this.#time.observe(partition, record.occurred_at, record.received_at)
      this.#apply(this.#parts[partition] as WorkspacePartition, record)
    }
  }

  /** A workspace without any state but the numbers of its actors, to be built anew. */
  emptied(): WorkspaceTopology {
    return new WorkspaceTopology(
      this.workspace,
      this.#partitions,
      undefined,
      this.#parts.map((part) => part.actorNames()),
    )
  }

  /** Takes over another's place in time after a rebuild. */
  continueFrom(other: WorkspaceTopology): WorkspaceTopology {
    const built = this.snapshot()
    // The running windows were not written while it was being built.
    const publisher = { ...built.publisher, liveEnds: built.publisher.liveEnds.map(() => Number.NEGATIVE_INFINITY) }
    const snapshot = { ...built, publisher, time: other.#time.snapshot(), lateEvents: other.#lateEvents, cause: other.#cause }
    return new WorkspaceTopology(this.workspace, this.#partitions, snapshot)
  }

  /** Closes what the watermark has passed and takes all that is to be written. */
  publish(version: number): Publication {
    if (!Number.isFinite(this.#time.watermarkMs)) return { live: [], closed: [], restatements: [] }
    const publication = this.#publisher.publish(this.#publishAt(version))
    if (this.#isSettled) this.#cause = LATE_EVENT
    const day = Math.floor(this.#time.watermarkMs / DAY_MS)
    if (day !== this.#droppedDay) {
      this.#droppedDay = day
      for (const part of this.#parts) part.dropBefore(this.#time.watermarkMs - STATE_HORIZON_MS)
    }
    return publication
  }

  /** The running windows as they stand, for whoever watches. */
  running(version: number): Publication['live'] {
    return Number.isFinite(this.#time.watermarkMs) ? this.#publisher.running(this.#publishAt(version)) : []
  }

  takePeople(version: number): PersonRow[] {
    return this.#parts.flatMap((part) => part.takePeople(version))
  }

  snapshot(): WorkspaceTopologySnapshot {
    return {
      time: this.#time.snapshot(),
      totals: this.#totals.snapshot(),
      publisher: this.#publisher.snapshot(),
      parts: this.#parts.map((part) => part.snapshot()),
      imports: this.#imports,
      needsRebuild: this.#needsRebuild,
      lateEvents: this.#lateEvents,
      cause: this.#cause,
    }
  }

  #publishAt(version: number) {
    const { watermarkMs, headMs } = this.#time
    return {
      workspace: this.workspace,
      watermarkMs,
      headMs,
      closeUpToMs: this.#isSettled ? watermarkMs : watermarkMs - ALLOWED_LATENESS_MS,
      version,
      cause: this.#cause,
    }
  }

  /** No import is under way. One that was broken off holds nothing up once a minute has passed without it. */
  get #isSettled(): boolean {
    const nowMs = this.#time.newestReceivedMs
    for (const { newestReceivedMs } of this.#imports.values()) if (nowMs - newestReceivedMs < PARTITION_IDLE_MS) return false
    return true
  }

  #importOf(importId: string, receivedMs: number): OpenImport {
    let open = this.#imports.get(importId)
    if (open === undefined) {
      open = { newestReceivedMs: receivedMs, endedIn: new Set() }
      this.#imports.set(importId, open)
    }
    open.newestReceivedMs = Math.max(open.newestReceivedMs, receivedMs)
    return open
  }

  #apply(part: WorkspacePartition, record: EventRecord): void {
    part.apply(record)
    // Hops may send hops; they end, since each leads one step further along cause, actor, inviter.
    for (let index = 0; index < this.#hops.length; index += 1) {
      const hop = this.#hops[index] as Hop
      ;(this.#parts[this.#partitionOf(hopKey(hop))] as WorkspacePartition).deliver(hop)
    }
    this.#hops.length = 0
  }

  #partitionOf(key: string): number {
    return this.#partitions === 1 ? 0 : partitionOf(this.workspace, key, this.#partitions)
  }
}

const LATE_EVENT = 'late_event'
