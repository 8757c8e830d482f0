/**
 * Ingest, top to bottom: a body becomes events, each is validated and made a record, all records go to the log in one
 * atomic append, and only then is the sender told. Expected outcomes are values; a body that can't be read, too much
 * waiting and a log that can't be written are RequestErrors.
 */
import type { IngestResponse, QuarantinedResult } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { type Admitted, type AdmissionContext, admitItem, validateItem } from './admit-event.ts'
import { decodeBody } from './decode-body.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import type { GroupCommitter, PreparedRecord } from './group-committer.ts'
import type { IngestMetrics } from './ingest-metrics.ts'
import { PersonalDataHasher } from './personal-data.ts'
import { requestShiftMs } from './steps/event-time.ts'
import { splitBody } from './steps/split-body.ts'
import type { Validated } from './steps/validate-event.ts'

export interface IngestRequest {
  readonly principal: Principal
  readonly body: Buffer
  readonly contentEncoding: string | undefined
  /** Whether the sender says that the body is NDJSON. */
  readonly ndjson: boolean
  /** Address of the connection itself; what X-Forwarded-For says is anybody's. */
  readonly connectionIp: string | undefined
}

export interface PipelineDeps {
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'hashingSecret'>
  readonly dedupe: DedupeStep
  readonly committer: GroupCommitter
  readonly partitions: number
  readonly newId: () => string
  readonly metrics?: IngestMetrics | undefined
}

export type Pipeline = (request: IngestRequest) => Promise<IngestResponse>

/** Makes the hashers of workspaces, one each. */
export function createHasherPool(workspaces: Pick<Workspaces, 'hashingSecret'>): (workspace: string) => PersonalDataHasher {
  const hashers = new Map<string, PersonalDataHasher>()
  return (workspace) => {
    let hasher = hashers.get(workspace)
    if (!hasher) {
      hasher = new PersonalDataHasher(workspaces.hashingSecret(workspace))
      hashers.set(workspace, hasher)
    }
    return hasher
  }
}

/** The pipeline of `POST /v1/events`. */
export function createPipeline(deps: PipelineDeps): Pipeline {
  const hasherOf = createHasherPool(deps.workspaces)

  return async function ingest(request) {
    const release = deps.committer.reserve(request.body.byteLength)
    try {
      const receivedAtMs = deps.clock.nowMs()
      const decoded = await decodeBody(request.body, request.contentEncoding)
      const items = splitBody(decoded, request.ndjson)
      const validated = items.map(validateItem)
      const context = contextOf(request, receivedAtMs, requestShiftMs(firstSentAt(validated), receivedAtMs))
      const admitted = items.map((item, i) => admitItem(item, validated[i] ?? validateItem(item), context))
      const duplicates = await deps.committer.submit(admitted.map(preparedOf))
      const response = responseOf(admitted, duplicates)
      deps.metrics?.answered(response)
      return response
    } finally {
      release()
    }
  }

  function contextOf({ principal, connectionIp }: IngestRequest, receivedAtMs: number, shiftMs: number): AdmissionContext {
    return {
      workspace: principal.workspace,
      keyKind: principal.kind,
      receivedAtMs,
      shiftMs,
      importId: undefined,
      // A server's address is not that of the person.
      connectionIp: principal.kind === 'write' ? connectionIp : undefined,
      hasher: hasherOf(principal.workspace),
      partitions: deps.partitions,
      dedupe: deps.dedupe,
      newId: deps.newId,
    }
  }
}

/** `sent_at` of the first valid event that has one: it says when the request was sent. */
function firstSentAt(validated: readonly Validated[]): string | number | undefined {
  for (const one of validated) if ('event' in one && one.event.sent_at !== undefined) return one.event.sent_at
  return undefined
}

function preparedOf(admitted: Admitted): PreparedRecord {
  // Over HTTP nothing is known to be a duplicate before the commit.
  if (admitted.kind === 'duplicate') throw new Error('a duplicate before the commit')
  return admitted.prepared
}

function responseOf(admitted: readonly Admitted[], duplicates: Uint8Array): IngestResponse {
  const quarantined: QuarantinedResult[] = []
  let accepted = 0
  let repeated = 0
  admitted.forEach((one, index) => {
    if (one.kind === 'quarantined') quarantined.push({ index, event_id: one.eventId ?? null, ...one.fault })
    else if (duplicates[index]) repeated += 1
    else accepted += 1
  })
  return { accepted, duplicates: repeated, quarantined }
}
