/**
 * Ingest, top to bottom: a body becomes events, each is validated and made a record, all records go to the log in one
 * atomic append, and only then is the sender told. Expected outcomes are values; a body that can't be read, too much
 * waiting and a log that can't be written are RequestErrors.
 */
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { Principal } from '../schemas/ports/workspaces.ts'
import { boundedBody, decodeBody } from './decode-body.ts'
import type { GroupCommitter } from './group-committer.ts'
import type { Intake } from './intake.ts'

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
  readonly committer: Pick<GroupCommitter, 'reserve'>
  readonly intake: Intake
}

export type Pipeline = (request: IngestRequest) => Promise<IngestResponse>

/** The pipeline of `POST /v1/events`. */
export function createPipeline({ committer, intake }: PipelineDeps): Pipeline {
  return async function ingest({ principal, body, contentEncoding, ndjson, connectionIp }) {
    const releases = [committer.reserve(body.byteLength)]
    try {
      const receivedAtMs = intake.clock.nowMs()
      // Mostly there is nothing to wait for.
      const decoded = contentEncoding === undefined ? boundedBody(body) : await decodeBody(body, contentEncoding)
      if (decoded !== body) releases.push(committer.reserve(decoded.byteLength))
      return await intake.submitBody({ principal, connectionIp, receivedAtMs, body: decoded, ndjson })
    } finally {
      for (const release of releases) release()
    }
  }
}
