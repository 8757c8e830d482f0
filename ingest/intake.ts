/**
 * The second half of ingest, whatever the format it came in: validated items are admitted and go to the log in one atomic
 * append, and only then is the sender told.
 */
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { Admission } from './admission.ts'
import type { ValidatedItem } from './admit-event.ts'
import { admitBody } from './admit-body.ts'
import type { DedupeStep } from './dedupe/dedupe-step.ts'
import type { GroupCommitter } from './group-committer.ts'
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

/** Who sends, and when it came. */
export interface IntakeRequest {
  readonly principal: Principal
  /** Address of the connection itself; what X-Forwarded-For says is anybody's. */
  readonly connectionIp: string | undefined
  readonly receivedAtMs: number
}

/** The items of one request, and what validation said of each. */
export interface IntakeBatch extends IntakeRequest {
  /** Correction of the client's clock, in ms. */
  readonly shiftMs: number
  readonly items: readonly ValidatedItem[]
}

/** The decoded body of one request in our own format. */
export interface IntakeBody extends IntakeRequest {
  readonly body: Buffer
  /** Whether the sender says that the body is NDJSON. */
  readonly ndjson: boolean
}

export interface Intake {
  readonly clock: Clock
  readonly newId: () => string
  hasherOf(workspace: string): PersonalDataHasher
  /** Resolves when the items are durable. Rejects with RequestError `overloaded` or `log_unavailable`: nothing was taken. */
  submit(batch: IntakeBatch): Promise<IngestResponse>
  /** The same of a body. Rejects also with what `admitBody` throws. */
  submitBody(body: IntakeBody): Promise<IngestResponse>
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

  function open({ principal, connectionIp, receivedAtMs }: IntakeRequest, shiftMs: number | undefined, expectedBytes: number): Admission {
    const context = {
      workspace: principal.workspace,
      keyKind: principal.kind,
      receivedAtMs,
      shiftMs: shiftMs ?? 0,
      importId: undefined,
      // A server's address is not that of the person.
      connectionIp: principal.kind === 'write' ? connectionIp : undefined,
      hasher: hasherOf(principal.workspace),
      partitions: deps.partitions,
      dedupe: deps.dedupe,
      newId: deps.newId,
    }
    return new Admission(context, { expectedBytes, firstTellsShift: shiftMs === undefined })
  }

  async function commit(admission: Admission): Promise<IngestResponse> {
    const response = admission.response(await deps.committer.submit(admission.batch))
    deps.metrics?.answered(response)
    return response
  }

  return {
    clock: deps.clock,
    newId: deps.newId,
    hasherOf,
    async submit(batch) {
      const admission = open(batch, batch.shiftMs, 0)
      for (const { item, validated } of batch.items) admission.takeItem(item, validated)
      return commit(admission)
    },
    async submitBody(request) {
      const { body, ndjson, receivedAtMs } = request
      // A record is longer than its event by the fields that are put before it.
      const expectedBytes = 2 * body.length
      return commit(admitBody(body, { ndjson, receivedAtMs, open: (shiftMs) => open(request, shiftMs, expectedBytes) }))
    },
  }
}
