/**
 * An import: the same validation, log and dedupe as over HTTP, in batches, each of which is validated while the one
 * before is being written. No clock is corrected, the check for duplicates is over all events kept, and at the end every
 * partition gets an `import_end`, upon which what the import touched is rebuilt. One that was broken off ends with the next
 * that does not.
 */
import type { EventErrorCode } from '../schemas/errors.ts'
import { RequestError } from '../schemas/errors.ts'
import type { QuarantinedResult } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { KeptIds } from '../schemas/ports/kept-ids.ts'
import type { Workspaces } from '../schemas/ports/workspaces.ts'
import { Admission } from './admission.ts'
import { type ValidatedItem, validateItem } from './admit-event.ts'
import { admitLines } from './admit-lines.ts'
import type { BrokenOffImports } from './broken-off-imports.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import { importEndText } from '../schemas/import-end.ts'
import type { GroupCommitter } from './group-committer.ts'
import type { IngestMetrics } from './ingest-metrics.ts'
import { loadKeptIndex } from './kept-index.ts'
import { type LinePiece, overlongItem, wholeLines } from './line-reader.ts'
import { PersonalDataHasher } from './personal-data.ts'
import { RecordBatch } from './record-batch.ts'
import { EVENT_BYTES_MAX, type IncomingItem } from './steps/split-body.ts'

/** Small enough that a batch dies young: 2,500 rows take 6.5 us of CPU an event where 10,000 take 7.7. */
export const IMPORT_BATCH_SIZE = 2_500
/** A usual line, and record: how much is read before lines are counted, and room made for records. */
const LINE_BYTES = 160
const RECORD_BYTES = 256
/** The first faults are told with their line, for people; the rest only counted. */
const SAMPLES_MAX = 20
const OVERLOADED_TRIES = 100
const OVERLOADED_PAUSE_MS = 50

export interface ImportProgress {
  readonly read: number
  readonly accepted: number
  readonly duplicates: number
  readonly quarantined: number
  /** Quarantined rows by code. */
  readonly reasons: Readonly<Partial<Record<EventErrorCode, number>>>
  /** The first faults; `index` counts rows from 0, blank lines left out. */
  readonly samples: readonly QuarantinedResult[]
}

export interface ImportOptions {
  readonly workspace: string
  readonly importId: string
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'hashingSecret'>
  readonly dedupe: DedupeStep
  readonly committer: GroupCommitter
  readonly kept: KeptIds
  readonly partitions: number
  readonly newId: () => string
  /** Of all imports of the process; without it one that is broken off gets no end. */
  readonly brokenOff?: BrokenOffImports | undefined
  readonly metrics?: IngestMetrics | undefined
  readonly batchSize?: number
}

interface Tally {
  read: number
  accepted: number
  duplicates: number
  quarantined: number
  readonly reasons: Partial<Record<EventErrorCode, number>>
  readonly samples: QuarantinedResult[]
}

/** Admits a part of an import. */
type Part = (admission: Admission) => void

/** Imports NDJSON, whole or cut anywhere; gives the progress after each batch, and at the end once `import_end` is durable. */
export function importEvents(
  options: ImportOptions & { readonly lines: AsyncIterable<Uint8Array | string> },
): AsyncGenerator<ImportProgress> {
  return importParts(options, partsOfLines(options.lines, options.batchSize ?? IMPORT_BATCH_SIZE))
}

async function* partsOfLines(lines: AsyncIterable<Uint8Array | string>, items: number): AsyncGenerator<Part> {
  let pieces: LinePiece[] = []
  let bytes = 0
  for await (const piece of wholeLines(lines, EVENT_BYTES_MAX)) {
    pieces.push(piece)
    bytes += Buffer.isBuffer(piece) ? piece.length : piece.overlong.length
    if (bytes < items * LINE_BYTES) continue
    yield* partsOfPieces(pieces, items)
    pieces = []
    bytes = 0
  }
  yield* partsOfPieces(pieces, items)
}

/** Parts of at most `items` items each; asked for the next one, what the last one left. */
function* partsOfPieces(pieces: readonly LinePiece[], items: number): Generator<Part> {
  let next = 0
  let at = 0
  while (next < pieces.length) {
    yield (admission) => {
      for (; next < pieces.length && admission.items < items; next++, at = 0) {
        const piece = pieces[next] as LinePiece
        if ('overlong' in piece) {
          const item = overlongItem(piece.overlong, EVENT_BYTES_MAX)
          admission.takeItem(item, validateItem(item))
          continue
        }
        at = admitLines(piece, at, admission, { items })
        if (at < piece.length) return
      }
    }
  }
}

/** Imports items that are events already (rows of a CSV). */
export function importItems(
  options: ImportOptions & { readonly items: AsyncIterable<readonly IncomingItem[]> },
): AsyncGenerator<ImportProgress> {
  return importValidated({ ...options, items: validatedItems(options.items) })
}

async function* validatedItems(batches: AsyncIterable<readonly IncomingItem[]>): AsyncGenerator<ValidatedItem[]> {
  for await (const items of batches) yield items.map((item) => ({ item, validated: validateItem(item) }))
}

/** Imports items of any format, each validated as what it is. Throws as `importParts` does. */
export function importValidated(
  options: ImportOptions & { readonly items: AsyncIterable<readonly ValidatedItem[]> },
): AsyncGenerator<ImportProgress> {
  return importParts(options, partsOfItems(options.items))
}

async function* partsOfItems(batches: AsyncIterable<readonly ValidatedItem[]>): AsyncGenerator<Part> {
  for await (const items of batches) {
    yield (admission) => {
      for (const { item, validated } of items) admission.takeItem(item, validated)
    }
  }
}

/**
 * Throws RequestError `log_unavailable` when the log can't be written: what came before stands, and the import may be
 * run again from its start.
 */
async function* importParts(options: ImportOptions, parts: AsyncIterable<Part>): AsyncGenerator<ImportProgress> {
  const { workspace, importId, brokenOff } = options
  const tally: Tally = { read: 0, accepted: 0, duplicates: 0, quarantined: 0, reasons: {}, samples: [] }
  let hasEnded = false
  try {
    yield* commitParts(options, parts, tally)
    const importIds = [...new Set(brokenOff?.of(workspace)).add(importId)]
    await options.committer.submit(importEndRecords(options, importIds))
    hasEnded = true
    brokenOff?.ended(workspace, importIds)
  } finally {
    if (!hasEnded) brokenOff?.add(workspace, importId)
  }
  yield progressOf(tally)
}

async function* commitParts(options: ImportOptions, parts: AsyncIterable<Part>, tally: Tally): AsyncGenerator<ImportProgress> {
  const { workspace, dedupe, clock } = options
  const kept = await loadKeptIndex(workspace, options.kept, dedupe, clock.nowMs())
  const hasher = new PersonalDataHasher(options.workspaces.hashingSecret(workspace))
  const expectedBytes = (options.batchSize ?? IMPORT_BATCH_SIZE) * RECORD_BYTES

  let writing: Promise<void> | undefined
  try {
    for await (const part of parts) {
      const context = {
        workspace,
        keyKind: 'admin' as const,
        receivedAtMs: clock.nowMs(),
        shiftMs: 0,
        importId: options.importId,
        connectionIp: undefined,
        hasher,
        partitions: options.partitions,
        dedupe,
        newId: options.newId,
        kept,
      }
      const admission = new Admission(context, { expectedBytes })
      part(admission)
      const firstIndex = tally.read
      tally.read += admission.items
      if (writing) {
        await writing
        yield progressOf(tally)
      }
      writing = commitBatch(admission, firstIndex, tally, options)
      // Its failure is met by the await above or below, also when the next batch can't be read.
      writing.catch(() => {})
    }
    await writing
  } finally {
    await writing?.catch(() => {})
  }
}

function progressOf(tally: Tally): ImportProgress {
  return { ...tally, reasons: { ...tally.reasons }, samples: [...tally.samples] }
}

async function commitBatch(admission: Admission, firstIndex: number, tally: Tally, options: ImportOptions): Promise<void> {
  const response = admission.response(await submitPatiently(options.committer, admission.batch), firstIndex)
  tally.accepted += response.accepted
  tally.duplicates += response.duplicates
  tally.quarantined += response.quarantined.length
  for (const result of response.quarantined) {
    tally.reasons[result.code] = (tally.reasons[result.code] ?? 0) + 1
    if (tally.samples.length < SAMPLES_MAX) tally.samples.push(result)
  }
  options.metrics?.answered(response)
}

/** An import may wait where a request is turned away. */
async function submitPatiently(committer: GroupCommitter, records: RecordBatch): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await committer.submit(records)
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== 'overloaded' || tries === OVERLOADED_TRIES) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, OVERLOADED_PAUSE_MS))
  }
}

function importEndRecords({ workspace, clock, partitions }: ImportOptions, importIds: readonly string[]): RecordBatch {
  const batch = new RecordBatch()
  for (const importId of importIds) {
    const text = importEndText(workspace, importId, clock.nowMs())
    for (let partition = 0; partition < partitions; partition++) batch.addText(text, partition)
  }
  return batch
}
