/**
 * What `POST /v1/events` does with a request, and what it says, whoever read the request from the wire: Node's server
 * (`events-listener.ts`) or the short way (`plain-connection.ts`).
 */
import { problemDocument, REQUEST_ERRORS } from '../schemas/errors.ts'
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { ORIGIN_HEADERS } from './cross-origin.ts'
import type { IngestRequest, Pipeline } from './pipeline.ts'
import { requestErrorOf } from './problem-reply.ts'
import { authenticateRequest, EVENT_SENDERS } from './request-sender.ts'
import { SenderMemory } from './sender-memory.ts'

/** What every answer has, names and values in turn. Nothing here is a page, so a browser may not make one of it. */
export const ANSWER_HEADERS: readonly string[] = [
  ...ORIGIN_HEADERS.flat(),
  'x-content-type-options',
  'nosniff',
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'",
]

export interface EventsAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
  readonly retryAfterSeconds: number | undefined
}

export interface EventsDeskDeps {
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'authenticate' | 'exists'>
  readonly pipeline: Pipeline
  /** Told of failures that are ours; the sender hears no more of them than the id of the request. */
  readonly onError: (error: unknown, requestId: string) => void
}

/** A request whose sender is known and whose body is there. */
export type EventsRequest = IngestRequest

export class EventsDesk {
  readonly #deps: EventsDeskDeps
  readonly #senders: SenderMemory
  #failures = 0

  constructor(deps: EventsDeskDeps) {
    this.#deps = deps
    this.#senders = new SenderMemory(deps.clock)
  }

  /**
   * Who sends, by the Authorization header and the key in the address.
   * @throws RequestError when that is nobody who may.
   */
  principalOf(authorization: string | undefined, key: string | undefined): Principal {
    return this.#senders.principalOf(`${authorization ?? ''}\n${key ?? ''}`, () =>
      authenticateRequest({ authorization }, key === undefined ? {} : { key }, this.#deps.workspaces, EVENT_SENDERS),
    )
  }

  /** Resolves when the events are durable, or with the reason why they are not; never rejects. */
  async answer(request: EventsRequest): Promise<EventsAnswer> {
    try {
      const text = textOf(await this.#deps.pipeline(request))
      return { status: 202, contentType: 'application/json; charset=utf-8', text, retryAfterSeconds: undefined }
    } catch (cause) {
      return this.refusal(cause)
    }
  }

  /** What is said when that was thrown. */
  refusal(cause: unknown): EventsAnswer {
    const { code, message, retryAfterSeconds } = requestErrorOf(cause)
    this.#failures += 1
    const requestId = `events-${this.#failures}`
    if (code === 'internal') this.#deps.onError(cause, requestId)
    return {
      status: REQUEST_ERRORS[code].status,
      contentType: 'application/problem+json; charset=utf-8',
      text: JSON.stringify(problemDocument(code, message, requestId)),
      retryAfterSeconds,
    }
  }
}

/** JSON of an answer, in nearly all of which nothing is quarantined. */
function textOf(answer: IngestResponse): string {
  const { accepted, duplicates, quarantined } = answer
  return quarantined.length > 0 ? JSON.stringify(answer) : `{"accepted":${accepted},"duplicates":${duplicates},"quarantined":[]}`
}
