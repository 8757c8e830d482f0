/**
 * Records that our own code can not process. One that throws is tried a few times, then set aside: it goes to the
 * quarantine as `processing_failed`, and the records behind it are processed. Operators may throw half-way through a
 * change, so that the state can not be trusted after any throw: the runner brings it back from the snapshot and leaves
 * the record out, which needs no proof about any operator.
 *
 * That a record was left out stands in the intent of the commit that passes it, before anything of that commit goes
 * out: whoever processes the commit again leaves out the same. A process that dies before comes to the same by itself.
 */
import type { StoredMessage } from '../schemas/ports/log.ts'
import type { QuarantinedRecord } from '../schemas/log-records.ts'
import { DEFAULT_WORKSPACE } from '../schemas/config.ts'
import type { MovedEvent } from './hops.ts'
import type { SkippedRecord } from './runtime/commit-store.ts'
import { NewerRecordError } from './runtime/decode-record.ts'

/** A record that throws is processed this often before it is set aside. */
const TRIES_MAX = 3
const BODY_CHARACTERS_MAX = 65_536
const REASON_CHARACTERS_MAX = 500

interface PlaceInLog {
  readonly partition: number
  readonly offset: number
}

/** More records failed than any log has: the code is bad, not they. */
class TooManyFailedError extends Error {
  override readonly name = 'TooManyFailedError'
}

/** Whether a processing that this stopped may go on when it is started again: not when it would stop at the same place, or set records aside without end. */
export function isWorthAnotherStart(error: unknown): boolean {
  return !(error instanceof NewerRecordError || error instanceof TooManyFailedError)
}

/** A record of the log could not be processed; the state may hold half of it. */
export class RecordFailedError extends Error {
  override readonly name = 'RecordFailedError'
  readonly partition: number
  readonly offset: number

  constructor({ partition, offset }: PlaceInLog, cause: unknown) {
    super(`record ${offset} of partition ${partition} could not be processed: ${reasonOf(cause)}`, { cause })
    this.partition = partition
    this.offset = offset
  }
}

export class PoisonRecords {
  readonly #tries = new Map<string, number>()
  readonly #setAside = new Map<string, SkippedRecord>()
  #passed: SkippedRecord[] = []
  readonly #setAsideMax: number

  /** `setAsideMax`: more than so many in the life of a process are no bad records but bad code, which must not empty the log into the quarantine. */
  constructor(setAsideMax: number) {
    this.#setAsideMax = setAsideMax
  }

  /**
   * Processes a record by `work`, or, when it is set aside, hands the reason to `leaveOut`. Throws RecordFailedError when
   * `work` throws; a record of a newer build is not to blame, and its error is passed on.
   */
  process<Message extends PlaceInLog, Result>(
    message: Message,
    work: (message: Message) => Result,
    leaveOut: (message: Message, reason: string) => void,
  ): Result | undefined {
    const skipped = this.#setAside.size === 0 ? undefined : this.#setAside.get(placeOf(message))
    if (skipped !== undefined) {
      this.#passed.push(skipped)
      leaveOut(message, skipped.reason)
      return undefined
    }
    try {
      return work(message)
    } catch (error) {
      if (error instanceof NewerRecordError) throw error
      throw new RecordFailedError(message, error)
    }
  }

  /** For events that other tasks sent. */
  readonly guard: GuardMoved = (event, work, leaveOut) => void this.process(event, work, leaveOut)

  /** A record failed: it is tried again, or from now on set aside. Throws when too many were. */
  failed(error: RecordFailedError): void {
    const place = placeOf(error)
    const tries = (this.#tries.get(place) ?? 0) + 1
    this.#tries.set(place, tries)
    if (tries < TRIES_MAX) return
    if (this.#setAside.size >= this.#setAsideMax) throw new TooManyFailedError(error.message, { cause: error })
    this.#tries.delete(place)
    this.#setAside.set(place, { partition: error.partition, offset: error.offset, reason: reasonOf(error.cause) })
  }

  /** What a commit that stands in the log of commits has left out. */
  know(skipped: readonly SkippedRecord[]): void {
    for (const one of skipped) this.#setAside.set(placeOf(one), one)
  }

  /** Records that were left out since `forgetPassed`: they belong into the next intent. */
  get passed(): readonly SkippedRecord[] {
    return this.#passed
  }

  forgetPassed(): void {
    this.#passed = []
  }
}

/** Processes an event that another task sent, by `work`, or hands the reason to `leaveOut`. */
export type GuardMoved = (event: MovedEvent, work: () => void, leaveOut: (event: MovedEvent, reason: string) => void) => void

/** An event that another task sent, as the record that it was in its log. */
export function messageOf({ record, partition, offset }: MovedEvent): StoredMessage {
  return { partition, offset, value: Buffer.from(JSON.stringify(record)) }
}

/** The quarantined record of one that was set aside: personal data in it is hashed already, so it is kept as it stands. */
export function failedRecord({ partition, offset, value }: StoredMessage, reason: string): QuarantinedRecord {
  const body = new TextDecoder().decode(value)
  const { workspace, event_id: eventId, received_at: receivedAt } = fieldsOf(body)
  return {
    v: 1,
    type: 'quarantined',
    workspace: typeof workspace === 'string' && workspace !== '' ? workspace : DEFAULT_WORKSPACE,
    received_at: typeof receivedAt === 'number' ? receivedAt : 0,
    quarantine_id: `log-${partition}-${offset}`,
    ...(typeof eventId === 'string' ? { event_id: eventId } : {}),
    code: 'processing_failed',
    path: `log/${partition}/${offset}`,
    message: reason,
    body: body.slice(0, BODY_CHARACTERS_MAX),
  }
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body)
    return typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

function placeOf({ partition, offset }: PlaceInLog): string {
  return `${partition}/${offset}`
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, REASON_CHARACTERS_MAX)
}
