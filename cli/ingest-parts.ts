/** The ingest stage over any log: what HTTP routes and imports take. */
import { randomBytes } from 'node:crypto'
import type { Registry } from 'prom-client'
import { v7 as uuidV7 } from 'uuid'
import { DedupeStep } from '../ingest/dedupe/dedupe-step.ts'
import { GroupCommitter } from '../ingest/group-committer.ts'
import { BrokenOffImports } from '../ingest/broken-off-imports.ts'
import { type ImportProgress, importEvents } from '../ingest/import-session.ts'
import { createIngestMetrics } from '../ingest/ingest-metrics.ts'
import { createIntake } from '../ingest/intake.ts'
import type { CompanionLog } from '../ingest/log/companions.ts'
import { discardEvents, retryEvents } from '../ingest/quarantine-retry.ts'
import { replayRecords } from '../ingest/replay-records.ts'
import { createPipeline } from '../ingest/pipeline.ts'
import { createEventMap } from '../ingest/segment/event-map.ts'
import { importSegmentMessages } from '../ingest/segment/segment-import.ts'
import type { Config } from '../schemas/config.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { KeptIds } from '../schemas/ports/kept-ids.ts'
import type { Workspaces } from '../schemas/ports/workspaces.ts'
import type { Engine } from './engine.ts'
import { readEventMap } from './event-map-file.ts'

/** Bodies and records that may wait for their commit before senders are told to come back. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024

export interface IngestDeps {
  readonly config: Config
  readonly clock: Clock
  readonly log: CompanionLog
  readonly workspaces: Workspaces
  readonly kept: KeptIds
  readonly metrics: Registry
  /** Resolves when everything appended so far is readable in the warehouse. */
  readonly waitUntilReadable: () => Promise<void>
}

export type IngestParts = Pick<Engine, 'pipeline' | 'intake' | 'eventMap' | 'committer' | 'importRows' | 'requestReplay' | 'settleEvents'>

/** Puts the stage together. Rejects when the event map of the settings can't be read. */
export async function openIngest({ config, clock, log, workspaces, kept, metrics, waitUntilReadable }: IngestDeps): Promise<IngestParts> {
  const eventMap = createEventMap(await readEventMap(config.eventMap))
  const dedupe = await DedupeStep.open(log, clock, randomBytes)
  const ingestMetrics = createIngestMetrics(metrics)
  const committer = new GroupCommitter({ log, dedupe, waitingBytesMax: WAITING_BYTES_MAX, observer: ingestMetrics })
  const ingest = { clock, workspaces, dedupe, committer, partitions: log.partitions, newId: uuidV7, metrics: ingestMetrics }
  const intake = createIntake(ingest)
  const brokenOff = new BrokenOffImports()
  return {
    eventMap,
    intake,
    committer,
    pipeline: createPipeline({ committer, intake }),
    async *importRows({ workspace, importId, format, chunks }) {
      await workspaces.create(workspace)
      await waitUntilReadable() // late events of which the flag is to be cleared are looked up there
      let last: ImportProgress | undefined
      const rows = { ...ingest, workspace, importId, kept, brokenOff, lines: chunks }
      for await (const progress of format === 'segment' ? importSegmentMessages({ ...rows, eventMap }) : importEvents(rows)) {
        last = progress
        yield progress
      }
      await waitUntilReadable()
      if (last) yield last
    },
    settleEvents: (action, request) => (action === 'retry' ? retryEvents(ingest, request) : discardEvents(ingest, request)),
    async requestReplay({ workspace, replay }) {
      await committer.submit(replayRecords({ workspace, replay, nowMs: clock.nowMs(), partitions: log.partitions }))
    },
  }
}
