/**
 * The second half of ingest, whatever the format it came in: validated items are admitted and go to the log in one atomic
 * append, and only then is the sender told.
 */
import type { IngestResponse, QuarantinedResult } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { type Admitted, type AdmissionContext, admitItem, type ValidatedItem } from './admit-event.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import type { GroupCommitter, PreparedRecord } from './group-committer.ts'
import type { IngestMetrics } from './ingest-metrics.ts'
import { PersonalDataHasher } from './personal-data.ts'

export interface IntakeDeps {
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'hashingSecret'>
  readonly dedupe: DedupeStep
  readonly committer: GroupCommitter
  readonly partitions: number
  readonly newId: () => string
  readonly metrics?: IngestMetrics | undefined
}

/** The items of one request, and what validation said of each. */
export interface IntakeBatch {
  readonly principal: Principal
  /** Address of the connection itself; what X-Forwarded-For says is anybody's. */
  readonly connectionIp: string | undefined
  readonly receivedAtMs: number
  /** Correction of the client's clock, in ms. */
  readonly shiftMs: number
  readonly items: readonly ValidatedItem[]
}

export interface Intake {
  readonly clock: Clock
  readonly newId: () => string
  hasherOf(workspace: string): PersonalDataHasher
  /** Resolves when the items are durable. Rejects with RequestError `overloaded` or `log_unavailable`: nothing was taken. */
  submit(batch: IntakeBatch): Promise<IngestResponse>
}

/** Makes the hashers of workspaces, one each. */
function createHasherPool(workspaces: Pick<Workspaces, 'hashingSecret'>): (workspace: string) => PersonalDataHasher {
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

/** The intake of all HTTP routes. */
export function createIntake(deps: IntakeDeps): Intake {
  const hasherOf = createHasherPool(deps.workspaces)

  function contextOf({ principal, connectionIp, receivedAtMs, shiftMs }: IntakeBatch): AdmissionContext {
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

  return {
    clock: deps.clock,
    newId: deps.newId,
    hasherOf,
    async submit(batch) {
      const context = contextOf(batch)
      const admitted = batch.items.map(({ item, validated }) => admitItem(item, validated, context))
      const duplicates = await deps.committer.submit(admitted.map(preparedOf))
      const response = responseOf(admitted, duplicates)
      deps.metrics?.answered(response)
      return response
    },
  }
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
