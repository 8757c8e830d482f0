/**
 * Ingest, top to bottom: a body becomes events, each is validated and made a record, all records go to the log in one
 * atomic append, and only then is the sender told. Expected outcomes are values; a body that can't be read, too much
 * waiting and a log that can't be written are RequestErrors.
 */
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { Principal } from '../schemas/ports/workspaces.ts'
import { validateItem } from './admit-event.ts'
import { decodeBody } from './decode-body.ts'
import type { GroupCommitter } from './group-committer.ts'
import type { Intake } from './intake.ts'
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
  readonly committer: Pick<GroupCommitter, 'reserve'>
  readonly intake: Intake
}

export type Pipeline = (request: IngestRequest) => Promise<IngestResponse>

/** The pipeline of `POST /v1/events`. */
export function createPipeline({ committer, intake }: PipelineDeps): Pipeline {
  return async function ingest({ principal, body, contentEncoding, ndjson, connectionIp }) {
    const release = committer.reserve(body.byteLength)
    try {
      const receivedAtMs = intake.clock.nowMs()
      const decoded = await decodeBody(body, contentEncoding)
      const items = splitBody(decoded, ndjson).map((item) => ({ item, validated: validateItem(item) }))
      const shiftMs = requestShiftMs(firstSentAt(items.map(({ validated }) => validated)), receivedAtMs)
      return await intake.submit({ principal, connectionIp, receivedAtMs, shiftMs, items })
    } finally {
      release()
    }
  }
}

/** `sent_at` of the first valid event that has one: it says when the request was sent. */
function firstSentAt(validated: readonly Validated[]): string | number | undefined {
  for (const one of validated) if ('event' in one && one.event.sent_at !== undefined) return one.event.sent_at
  return undefined
}
