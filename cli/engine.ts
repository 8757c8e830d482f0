/** What commands and servers use of a running Kappa: the parts that `wiring.ts` composed. */
import type { Registry } from 'prom-client'
import type { Config, KeyKind } from '../schemas/config.ts'
import type { Replay } from '../schemas/replay-name.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { LiveBus } from '../schemas/ports/live.ts'
import type { RateVerdict } from '../schemas/ports/rate-limits.ts'
import type { LogReader } from '../schemas/ports/log.ts'
import type { WarehouseReader } from '../schemas/ports/warehouse.ts'
import type { Workspaces } from '../schemas/ports/workspaces.ts'
import type { GroupCommitter } from '../ingest/group-committer.ts'
import type { Intake } from '../ingest/intake.ts'
import type { SettleOutcome, SettleRequest } from '../ingest/quarantine-retry.ts'
import type { Pipeline } from '../ingest/pipeline.ts'
import type { EventMap } from '../ingest/segment/event-map.ts'
import type { ImportProgress } from '../ingest/import-session.ts'
import type { SettleAction } from '../warehouse/api/quarantine-routes.ts'
import type { ReadinessProbe, SinkLag } from '../warehouse/api/health-routes.ts'

/** What a row of an import is: an event of ours, or a message of Segment's (or a batch of them). */
export const ROW_FORMATS = ['events', 'segment'] as const
export type RowFormat = (typeof ROW_FORMATS)[number]

export interface WiringOptions {
  /** Told of trouble that heals itself or stops the processing; in a sentence. */
  readonly onError?: (message: string, error: unknown) => void
  /** Told how many records of the log are processed again while the state is brought back, where that takes long. */
  readonly onBringingBack?: (processed: number, total: number) => void
}

export interface EngineStatus {
  readonly ready: boolean
  /** What is not ready, in words; empty when ready. */
  readonly notReady: readonly string[]
  /** Records in the log that queries do not answer with yet. */
  readonly lagRecords: number
  readonly logEndOffsets: readonly number[]
  readonly processedOffsets: readonly number[]
  readonly committedOffsets: readonly number[]
  /** Version of the newest rows that are readable; null where tasks have versions of their own. */
  readonly committedVersion: number | null
  /** A workspace that is being rebuilt here, and how many of its events were taken so far. */
  readonly rebuilding?: { readonly workspace: string; readonly events: number } | null
  readonly workspaces: readonly { readonly name: string; readonly watermarkMs: number | null; readonly lateEvents: number }[]
}

export interface WholePlace {
  /** The rows reflect exactly the records before these offsets, by partition. */
  readonly belowOffsets: readonly number[]
  /** Newest version of such rows: a newer one reflects more. */
  readonly version: number
}

export interface Engine {
  readonly config: Config
  readonly clock: Clock
  readonly workspaces: Workspaces
  readonly log: LogReader
  readonly reader: WarehouseReader
  readonly live: LiveBus
  /** Counts a read of a key; undefined when there is no limit. */
  readonly limitReads: ((keyId: string) => Promise<RateVerdict>) | undefined
  readonly metrics: Registry
  readonly pipeline: Pipeline
  readonly intake: Intake
  readonly eventMap: EventMap
  readonly committer: Pick<GroupCommitter, 'reserve'>
  readonly probes: readonly ReadinessProbe[]
  /** Secrets of keys made at this, the first start: to be shown once. */
  readonly newKeys: readonly { readonly kind: KeyKind; readonly secret: string }[]
  /** Read-only SQL of the operator, as text in a ClickHouse format. */
  operatorSql(sql: string, format: string): Promise<string>
  /**
   * Imports rows of NDJSON (as chunks of bytes) into a workspace, made when new: events, unless the format says otherwise. Yields progress; the last one has all
   * totals, and comes when every processor has taken the rows and queries answer with them.
   */
  importRows(request: {
    workspace: string
    importId: string
    format?: RowFormat
    chunks: AsyncIterable<Uint8Array>
  }): AsyncIterable<ImportProgress>
  /** Tries quarantined events again, or gives them up; resolves when that is durable, `waitUntilReadable` waits for the numbers. */
  settleEvents(action: SettleAction, request: SettleRequest): Promise<SettleOutcome[]>
  /** Asks for the workspace's derived numbers to be rebuilt from its raw events. Resolves when that is durable; `waitUntilReadable` waits for the numbers. */
  requestReplay(request: { workspace: string; replay: Replay }): Promise<void>
  /** Resolves when everything appended so far is readable in the warehouse. */
  waitUntilReadable(): Promise<void>
  status(): Promise<EngineStatus>
  /** A place in the log as of which the workspace's rows are whole; undefined while something is under way between tasks: look again. */
  wholePlace(workspace: string): Promise<WholePlace | undefined>
  /** How far what is readable is behind what is in the log. */
  sinkLag(): Promise<SinkLag>
  close(): Promise<void>
}
