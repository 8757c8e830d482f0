/**
 * Quarantined events, settled: taken after all, or given up. A retry goes through the same validation as when the event
 * came, as a small import, so that an event that waited for weeks is not late. What is accepted and the record that
 * settles it are one append: an event stands in the quarantine or among the events, never in both.
 */
import type { EventErrorCode } from '../schemas/errors.ts'
import { eventRecord, LOG_RECORD_VERSION, type QuarantineSettledRecord, type Settlement } from '../schemas/log-records.ts'
import { partitionOf } from '../schemas/partitioner.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Workspaces } from '../schemas/ports/workspaces.ts'
import { importEndText } from '../schemas/import-end.ts'
import { type AdmissionContext, admitItem, type PreparedRecord, validateItem } from './admit-event.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import type { EventFault } from './event-fault.ts'
import type { GroupCommitter } from './group-committer.ts'
import { PersonalDataHasher } from './personal-data.ts'
import { RecordBatch } from './record-batch.ts'
import { validateTrackedEvent } from './steps/validate-event.ts'

/** An event of the quarantine, as it stands there. */
export interface QuarantinedEvent {
  readonly id: string
  readonly code: string
  readonly body: string
  readonly eventId: string
  /** Epoch ms. */
  readonly receivedAtMs: number
}

/** What became of one event. */
export type SettleOutcome =
  | { readonly id: string; readonly outcome: 'accepted' | 'duplicate' | 'discarded' }
  /** It stays where it is: its fault, or that it can't be known any more what it was. */
  | ({ readonly id: string; readonly outcome: 'rejected' } & EventFault)
  | { readonly id: string; readonly outcome: 'incomplete' }

export interface SettleDeps {
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'hashingSecret'>
  readonly dedupe: DedupeStep
  readonly committer: Pick<GroupCommitter, 'submit'>
  readonly partitions: number
  readonly newId: () => string
}

export interface SettleRequest {
  readonly workspace: string
  readonly events: readonly QuarantinedEvent[]
  /** Ids among those of `events` that are stored already, however long ago. */
  readonly storedIds: ReadonlySet<string>
}

/** What `redact` and `cut` leave of personal data and of what was too large: such an event is not the one that came. */
const REMOVED = ['[redacted]', '[cut]']

/** Gives events up. Resolves when that is durable. Rejects with RequestError `overloaded` or `log_unavailable`, as `retryEvents`. */
export async function discardEvents(deps: SettleDeps, { workspace, events }: SettleRequest): Promise<SettleOutcome[]> {
  const batch = new RecordBatch()
  for (const { id } of events) addSettled(batch, deps, workspace, id, 'discarded')
  await deps.committer.submit(batch)
  return events.map(({ id }) => ({ id, outcome: 'discarded' }))
}

/** Tries events again; what is accepted is durable when this resolves, the others stay in the quarantine. */
export async function retryEvents(deps: SettleDeps, request: SettleRequest): Promise<SettleOutcome[]> {
  const { workspace } = request
  const importId = `retry:${deps.newId()}`
  const context = contextOf(deps, workspace, importId)
  const batch = new RecordBatch()
  const outcomes: SettleOutcome[] = []
  /** Where the record of an event stands in the batch, by its place among the outcomes. */
  const recordOf = new Map<number, number>()
  for (const event of request.events) {
    const { id } = event
    const found =
      request.storedIds.has(event.eventId) && event.code !== 'processing_failed' ? ('duplicate' as const) : tried(event, context)
    if (found !== 'duplicate' && 'outcome' in found) {
      outcomes.push(found)
      continue
    }
    if (found !== 'duplicate') {
      recordOf.set(outcomes.length, batch.size)
      batch.addText(found.text, found.partition, found.key, found.alsoKey)
    }
    addSettled(batch, deps, workspace, id, 'retried')
    outcomes.push({ id, outcome: found === 'duplicate' ? 'duplicate' : 'accepted' })
  }
  if (batch.size === 0) return outcomes
  if (recordOf.size > 0) addImportEnd(batch, deps, workspace, importId)
  const duplicates = await deps.committer.submit(batch)
  return outcomes.map((one, index) => (duplicates[recordOf.get(index) ?? -1] === 1 ? { id: one.id, outcome: 'duplicate' } : one))
}

/** The record of the event, or why there is none. */
function tried(event: QuarantinedEvent, context: AdmissionContext): PreparedRecord | SettleOutcome {
  const { id, code, body } = event
  const value = parsedBody(body)
  if (value === undefined || REMOVED.some((mark) => body.includes(mark))) return { id, outcome: 'incomplete' }
  if (code === 'processing_failed') return triedRecord(id, value, context)
  const whole = completed(value, event)
  const validated = isTracked(whole) ? validateTrackedEvent(whole) : validateItem({ value: whole })
  // What a write key may not send it may not send by waiting either.
  const admitted = admitItem({ value: whole }, validated, { ...context, keyKind: code === 'event_not_allowed' ? 'write' : 'admin' })
  if (admitted.kind === 'event') return admitted.prepared
  if (admitted.kind === 'quarantined') return { id, outcome: 'rejected', ...admitted.fault }
  throw new Error('a duplicate before the commit')
}

/** A record that was in the log before: personal data in it is hashed, and its id was taken, so it is known by where it stood. */
function triedRecord(id: string, value: unknown, { workspace, receivedAtMs, importId, partitions, dedupe }: AdmissionContext) {
  const parsed = eventRecord.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const code: EventErrorCode = 'field_invalid'
    return { id, outcome: 'rejected', code, path: issue?.path.join('.') ?? '', message: issue?.message ?? 'not a record' } as const
  }
  const record = { ...parsed.data, workspace, received_at: receivedAtMs, import_id: importId }
  const subject = record.actor_id ?? record.event_id
  return {
    text: JSON.stringify(record),
    partition: partitionOf(workspace, subject, partitions),
    key: dedupe.keyOfOther(workspace, `retried:${id}`),
    alsoKey: undefined,
  }
}

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined // a line that was no JSON is kept with its letters masked
  }
}

function isTracked(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'tracked'
}

/** With the id by which trying again finds it, and the time at which it came, where it named none. */
function completed(value: unknown, { id, receivedAtMs }: QuarantinedEvent): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return {
    ...value,
    ...('event_id' in value ? {} : { event_id: `quarantined-${id}` }),
    ...('occurred_at' in value ? {} : { occurred_at: receivedAtMs }),
  }
}

function contextOf({ clock, workspaces, dedupe, partitions, newId }: SettleDeps, workspace: string, importId: string): AdmissionContext {
  return {
    workspace,
    keyKind: 'admin',
    receivedAtMs: clock.nowMs(),
    shiftMs: 0,
    importId,
    connectionIp: undefined,
    hasher: new PersonalDataHasher(workspaces.hashingSecret(workspace)),
    partitions,
    dedupe,
    newId,
  }
}

function addSettled(batch: RecordBatch, { clock, partitions }: SettleDeps, workspace: string, id: string, outcome: Settlement): void {
  const record: QuarantineSettledRecord = {
    v: LOG_RECORD_VERSION,
    type: 'quarantine_settled',
    workspace,
    received_at: clock.nowMs(),
    quarantine_id: id,
    outcome,
  }
  batch.addText(JSON.stringify(record), partitionOf(workspace, id, partitions))
}

function addImportEnd(batch: RecordBatch, { clock, partitions }: SettleDeps, workspace: string, importId: string): void {
  const text = importEndText(workspace, importId, clock.nowMs())
  for (let partition = 0; partition < partitions; partition += 1) batch.addText(text, partition)
}
