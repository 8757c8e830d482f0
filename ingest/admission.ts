/**
 * The events of one request, or of one part of an import, on their way to the log: each goes the fast way of its bytes
 * when it is plain, and otherwise that of a parsed value. Holds the records, and what the answer will say.
 */
import type { IngestResponse, QuarantinedResult } from '../schemas/ingest-api.ts'
import { partitionOfKey } from '../schemas/partitioner.ts'
import type { StorableEvent } from '../schemas/tracked-events.ts'
import { EARLIEST_OCCURRED_AT_MS, LATEST_LEAD_MS } from '../schemas/windows.ts'
import { type AdmissionContext, admitItem } from './admit-event.ts'
import type { EventKey } from './dedupe/dedupe-step.ts'
import { RecordBatch } from './record-batch.ts'
import { EventScanner } from './steps/event-scanner.ts'
import { MONEY } from './steps/plain-fields.ts'
import { requestShiftMs } from './steps/event-time.ts'
import { type RecordFrame, RecordWriter } from './steps/record-writer.ts'
import type { IncomingItem } from './steps/split-body.ts'
import type { Validated } from './steps/validate-event.ts'

/** One for all: nothing waits between a scan and what is made of it. */
const scanner = new EventScanner()
/** That of the request before, which under load came in the same millisecond. */
let lastWriter = new RecordWriter({ workspace: '', receivedAtMs: 0, importId: undefined, ipHash: undefined })
/** Key of a partition: workspace, NUL, subject. */
let partitionKey = Buffer.alloc(1024)

interface Quarantined extends QuarantinedResult {
  /** Its record in the batch. */
  readonly record: number
}

export interface AdmissionOptions {
  /** Of the records. */
  readonly expectedBytes?: number
  /** Whether the first item says how far the clock of the sender is off, by when it was sent. */
  readonly firstTellsShift?: boolean
}

export class Admission {
  readonly batch: RecordBatch
  #context: AdmissionContext
  #isShiftOpen: boolean
  #isShiftInDoubt = false
  readonly #quarantined: Quarantined[] = []
  #items = 0
  #knownDuplicates = 0
  #writer: RecordWriter | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(context: AdmissionContext, { expectedBytes = 0, firstTellsShift = false }: AdmissionOptions = {}) {
    this.#context = context
    this.#isShiftOpen = firstTellsShift
    this.batch = new RecordBatch(expectedBytes)
  }

  /** Items so far. */
  get items(): number {
    return this.#items
  }

  /** Reads a plain event at `start` of `bytes`, which are UTF-8; gives the position behind it, or -1 when there is none. */
  scan(bytes: Buffer, start: number): number {
    this.#bytes = bytes
    this.#start = start
    return scanner.scan(bytes, start, bytes.length) ? scanner.end : -1
  }

  /** Whether an item behind the first said when it was sent: then the items before it were taken with the wrong shift. */
  get isShiftInDoubt(): boolean {
    return this.#isShiftInDoubt
  }

  /** Takes the event that `scan` just read. False: it has to go the slow way. */
  takeScanned(): boolean {
    if (this.#isShiftOpen && !Number.isNaN(scanner.sentAtMs)) this.#heed(scanner.sentAtMs)
    const { keyKind, receivedAtMs, shiftMs, kept, dedupe, workspace, newId } = this.#context
    if (keyKind === 'write' && (scanner.isRefund || MONEY.some((field) => scanner.has(field)))) return false
    const occurredAtMs = Number.isNaN(scanner.occurredAtMs) ? receivedAtMs : scanner.occurredAtMs + shiftMs
    if (occurredAtMs < EARLIEST_OCCURRED_AT_MS || occurredAtMs > receivedAtMs + LATEST_LEAD_MS || kept?.hasLate) return false
    if (scanner.eventIdEnd === 0) {
      const id = Buffer.from(newId())
      this.#add(id, 0, id.length, occurredAtMs, undefined)
      return true
    }
    const key = dedupe.keyOfBytes(workspace, this.#bytes, scanner.eventIdStart, scanner.eventIdEnd)
    if (kept?.isCounted(key)) {
      this.#items += 1
      this.#knownDuplicates += 1
    } else this.#add(this.#bytes, scanner.eventIdStart, scanner.eventIdEnd, occurredAtMs, key)
    return true
  }

  /** Takes a parsed value; `validated` is what validation said of it. */
  takeItem(item: IncomingItem, validated: Validated<StorableEvent>): void {
    if (this.#isShiftOpen && 'event' in validated && validated.event.sent_at !== undefined) this.#heed(validated.event.sent_at)
    const index = this.#items
    this.#items += 1
    const admitted = admitItem(item, validated, this.#context)
    if (admitted.kind === 'duplicate') {
      this.#knownDuplicates += 1
      return
    }
    const { text, partition, key, alsoKey } = admitted.prepared
    if (admitted.kind === 'quarantined') {
      this.#quarantined.push({ record: this.batch.size, index, event_id: admitted.eventId ?? null, ...admitted.fault })
    }
    this.batch.addText(text, partition, key, alsoKey)
  }

  /** What to tell the sender: `repeated` is 1 for each record that was a duplicate. Indices count from `firstIndex`. */
  response(repeated: Uint8Array, firstIndex = 0): IngestResponse {
    let duplicates = this.#knownDuplicates
    for (const mark of repeated) duplicates += mark
    const quarantined = this.#quarantined.map(({ record, index, ...result }) => {
      // Kept once, but told each time.
      duplicates -= repeated[record] ?? 0
      return { index: firstIndex + index, ...result }
    })
    return { accepted: this.#items - duplicates - quarantined.length, duplicates, quarantined }
  }

  #add(ids: Buffer, idStart: number, idEnd: number, occurredAtMs: number, key: EventKey | undefined): void {
    const { batch } = this
    const writer = this.#writerOfAll()
    const target = batch.roomFor(writer.bytesMax(scanner.end - this.#start, idEnd - idStart))
    const end = writer.write(scanner, ids, idStart, idEnd, occurredAtMs, target, batch.byteLength)
    const hasActor = scanner.actorEnd > 0
    const partition = hasActor
      ? this.#partitionOf(this.#bytes, scanner.actorStart, scanner.actorEnd)
      : this.#partitionOf(ids, idStart, idEnd)
    batch.add(end, partition, key)
    this.#items += 1
  }

  #heed(sentAt: string | number): void {
    if (this.#items > 0) {
      this.#isShiftInDoubt = true
      return
    }
    this.#isShiftOpen = false
    this.#context = { ...this.#context, shiftMs: requestShiftMs(sentAt, this.#context.receivedAtMs) }
  }

  #writerOfAll(): RecordWriter {
    if (!this.#writer) {
      const { workspace, receivedAtMs, importId, connectionIp, hasher } = this.#context
      const ipHash = connectionIp === undefined ? undefined : hasher.ip(connectionIp)
      const frame: RecordFrame = { workspace, receivedAtMs, importId, ipHash }
      if (!lastWriter.writes(frame)) lastWriter = new RecordWriter(frame)
      this.#writer = lastWriter
    }
    return this.#writer
  }

  #partitionOf(subjects: Buffer, start: number, end: number): number {
    const { partitions, workspace } = this.#context
    if (partitions === 1) return 0
    const length = workspace.length + 1 + end - start
    if (partitionKey.length < length) partitionKey = Buffer.alloc(2 * length)
    let at = 0
    for (; at < workspace.length; at++) partitionKey[at] = workspace.charCodeAt(at)
    partitionKey[at++] = 0
    for (let from = start; from < end; from++) partitionKey[at++] = subjects[from] as number
    return partitionOfKey(partitionKey, at, partitions)
  }
}
