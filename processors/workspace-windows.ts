/**
 * The windows of one workspace: the sums of all its partitions, the time that they allow, and what of it is published.
 * It stands in one place, whatever partitions are processed where.
 *
 * What a partition reports takes effect when all that followed from it in other partitions has arrived too: at once
 * where they share a process, else when the partitions' settling says so (`settler.ts`).
 */
import { parseReplayName } from '../schemas/replay-name.ts'
import { ALLOWED_LATENESS_MS, PARTITION_IDLE_MS } from '../schemas/windows.ts'
import { type Publication, Publisher, type PublisherSnapshot } from './growth/publisher.ts'
import { WindowTotals, type WindowTotalsSnapshot } from './growth/window-totals.ts'
import type { PartitionTimeReport } from './runtime/partition-time.ts'
import { WorkspaceTime, type WorkspaceTimeSnapshot } from './runtime/workspace-time.ts'

/** What one partition has seen by the end of a commit. */
export interface PartitionReport {
  readonly time: PartitionTimeReport
  /** Offset of its next event. */
  readonly position: number
  /** Imports of which it saw the end in this commit. */
  readonly endedImports: readonly string[]
  /** An import reached behind what the state holds. */
  readonly needsRebuild: boolean
}

/** An import of which rows came and whose end has not: newest row, and the partitions that have its end. */
interface OpenImport {
  newestReceivedMs: number
  readonly endedIn: Set<number>
}

interface Unsettled {
  readonly partition: number
  readonly sequence: number
  readonly report: PartitionReport
}

export interface WorkspaceWindowsSnapshot {
  readonly time: WorkspaceTimeSnapshot
  readonly totals: WindowTotalsSnapshot
  readonly publisher: PublisherSnapshot
  readonly imports: Map<string, OpenImport>
  readonly unsettled: readonly Unsettled[]
  readonly positions: readonly number[]
  readonly needsRebuild: boolean
  readonly cause: string
}

const LATE_EVENT = 'late_event'
const NOTHING: Publication = { live: [], closed: [], restatements: [], hasMore: false }

export interface WindowsPlace {
  readonly partitions: number
  /** No further end is closed in a publication that has so many rows. */
  readonly closedRowsMax: number
}

export class WorkspaceWindows {
  readonly workspace: string
  readonly totals: WindowTotals
  readonly #partitions: number
  readonly #closedRowsMax: number
  readonly #time: WorkspaceTime
  readonly #publisher: Publisher
  #imports = new Map<string, OpenImport>()
  #unsettled: Unsettled[] = []
  /** Position of each partition's events as of what is settled of it. */
  #positions: number[]
  #needsRebuild = false
  #cause = LATE_EVENT

  constructor(workspace: string, { partitions, closedRowsMax }: WindowsPlace, from?: WorkspaceWindowsSnapshot) {
    this.#closedRowsMax = closedRowsMax
    this.workspace = workspace
    this.#partitions = partitions
    this.#time = new WorkspaceTime(partitions, from?.time)
    this.totals = new WindowTotals(from?.totals)
    this.#publisher = new Publisher(this.totals, closedRowsMax, from?.publisher)
    this.#positions = from ? [...from.positions] : new Array<number>(partitions).fill(0)
    if (from === undefined) return
    this.#imports = from.imports
    this.#unsettled = [...from.unsettled]
    this.#needsRebuild = from.needsRebuild
    this.#cause = from.cause
  }

  get time(): WorkspaceTime {
    return this.#time
  }

  /** Offsets of events below which everything is in the sums and in the warehouse. */
  get settledPositions(): readonly number[] {
    return this.#positions
  }

  /** Whether reports wait for a settling. */
  get hasUnsettled(): boolean {
    return this.#unsettled.length > 0
  }

  /** A row of an import came. */
  importSeen(importId: string, receivedMs: number): void {
    const open = this.#imports.get(importId)
    if (open === undefined) this.#imports.set(importId, { newestReceivedMs: receivedMs, endedIn: new Set() })
    else open.newestReceivedMs = Math.max(open.newestReceivedMs, receivedMs)
  }

  /** Something belongs behind what the state holds: the end of the import, or the next settling, rebuilds. */
  fallBehind(): void {
    this.#needsRebuild = true
  }

  /** All that followed from what the partition saw is in. Takes effect with `advance`. */
  settle(partition: number, { time, position, endedImports, needsRebuild }: PartitionReport): void {
    this.#time.settle(partition, time)
    this.#positions[partition] = position
    if (needsRebuild) this.#needsRebuild = true
    for (const importId of endedImports) {
      this.importSeen(importId, time.receivedMs)
      this.#imports.get(importId)?.endedIn.add(partition)
    }
  }

  /** As `settle`, but what followed from it is still under way: until `settleThrough`. */
  hold(partition: number, sequence: number, report: PartitionReport): void {
    this.#time.see(report.time)
    this.#unsettled.push({ partition, sequence, report })
  }

  /** All that followed from the partitions' commits up to these sequences is in. */
  settleThrough(sequences: readonly number[]): void {
    const left: Unsettled[] = []
    for (const held of this.#unsettled) {
      if (held.sequence > (sequences[held.partition] as number)) left.push(held)
      else this.settle(held.partition, held.report)
    }
    this.#unsettled = left
  }

  /** Moves time on. Returns whether the watermark moved. */
  advance(tickMs: readonly number[]): boolean {
    return this.#time.advance(tickMs)
  }

  /** Lets go of imports that have ended in every partition. */
  closeImports(): void {
    for (const [importId, { endedIn }] of this.#imports) {
      if (endedIn.size < this.#partitions) continue
      this.#imports.delete(importId)
      const isReplay = parseReplayName(importId) !== undefined
      if (isReplay) this.#needsRebuild = true
      // A rebuild that a replay asked for is told under its name, whatever else ends meanwhile.
      if (parseReplayName(this.#cause) === undefined) this.#cause = isReplay ? importId : `import:${importId}`
    }
  }

  /**
   * Whether the workspace is to be rebuilt now. An import that was broken off has no end that would say so, and is taken for
   * over a minute after its newest row: by the clock of every partition, since rows of it may stand in one that was not read
   * as far as the others. So this is to be asked again as time goes on.
   */
  isRebuildDue(tickMs: readonly number[]): boolean {
    if (!this.#needsRebuild) return false
    // Asked at every event: the clocks of the partitions only once it may be so.
    return this.#areImportsOver(this.#time.newestReceivedMs) && this.#areImportsOver(this.#time.clockMs(tickMs))
  }

  /** What changes numbers that are final now. */
  get cause(): string {
    const [brokenOff] = this.#imports.keys()
    return this.#cause === LATE_EVENT && brokenOff !== undefined ? `import:${brokenOff}` : this.#cause
  }

  /** Imports of which rows came and whose end has not. */
  openImports(): string[] {
    return [...this.#imports.keys()]
  }

  /** Those of which the newest row was received by `atMs`, with that row's time. */
  importsQuietSince(atMs: number): { readonly importId: string; readonly newestReceivedMs: number }[] {
    return [...this.#imports].flatMap(([importId, { newestReceivedMs }]) =>
      newestReceivedMs <= atMs ? [{ importId, newestReceivedMs }] : [],
    )
  }

  /** Closes what the watermark, and `upToMs`, has passed and takes what is to be written. */
  publish(version: number, upToMs: number): Publication {
    if (!Number.isFinite(Math.min(this.#time.watermarkMs, upToMs))) return NOTHING
    const publication = this.#publisher.publish(this.#publishAt(version, upToMs))
    if (this.#mayClose) this.#cause = LATE_EVENT
    return publication
  }

  /** The running windows as they stand, for whoever watches. */
  running(version: number): Publication['live'] {
    return Number.isFinite(this.#time.watermarkMs) ? this.#publisher.running(this.#publishAt(version)) : []
  }

  /** These sums in the place in time of the windows that stood before them. */
  continueFrom(standing: WorkspaceWindows): WorkspaceWindows {
    const built = this.snapshot()
    const { time, positions, unsettled, imports, cause } = standing.snapshot()
    // The running windows were not written while it was being built.
    const publisher = { ...built.publisher, liveEnds: built.publisher.liveEnds.map(() => Number.NEGATIVE_INFINITY) }
    const place = { partitions: this.#partitions, closedRowsMax: this.#closedRowsMax }
    return new WorkspaceWindows(this.workspace, place, { ...built, publisher, time, positions, unsettled, imports, cause })
  }

  snapshot(): WorkspaceWindowsSnapshot {
    return {
      time: this.#time.snapshot(),
      totals: this.totals.snapshot(),
      publisher: this.#publisher.snapshot(),
      imports: this.#imports,
      unsettled: this.#unsettled,
      positions: this.#positions,
      needsRebuild: this.#needsRebuild,
      cause: this.#cause,
    }
  }

  #publishAt(version: number, upToMs = Number.POSITIVE_INFINITY) {
    const { headMs, newestReceivedMs } = this.#time
    const watermarkMs = Math.min(this.#time.watermarkMs, upToMs)
    return {
      workspace: this.workspace,
      watermarkMs,
      headMs,
      closeUpToMs: this.#mayClose ? watermarkMs : watermarkMs - ALLOWED_LATENESS_MS,
      version,
      cause: this.#cause,
      restatedMs: newestReceivedMs,
    }
  }

  /**
   * No import is under way, and no rebuild is to come that would publish the same ends again. An import that was broken off
   * holds nothing up once a minute has passed without it.
   */
  get #mayClose(): boolean {
    return !this.#needsRebuild && this.#areImportsOver(this.#time.newestReceivedMs)
  }

  #areImportsOver(nowMs: number): boolean {
    for (const { newestReceivedMs } of this.#imports.values()) if (nowMs - newestReceivedMs < PARTITION_IDLE_MS) return false
    return true
  }
}
