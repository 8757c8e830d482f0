/**
 * `POST /v1/events` straight from Node's HTTP server: the same as the route in `server.ts`, for the requests of which
 * there are many. Whatever is not plain here (another path, no key, no length, a media type that is not ours) is left to
 * the application behind it untouched, which alone knows how to refuse. An ordinary small request costs a quarter so.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { FastifyServerFactory } from 'fastify'
import { problemDocument, REQUEST_ERRORS } from '../schemas/errors.ts'
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { ORIGIN_HEADERS } from './cross-origin.ts'
import { BODY_BYTES_MAX } from './decode-body.ts'
import type { GroupCommitter } from './group-committer.ts'
import { EVENT_MEDIA_TYPES, mediaTypeOf } from './media-type.ts'
import type { Pipeline } from './pipeline.ts'
import { requestErrorOf } from './problem-reply.ts'
import { authenticateRequest, EVENT_SENDERS } from './request-sender.ts'
import { SenderMemory } from './sender-memory.ts'

export interface EventsListenerDeps {
  readonly clock: Clock
  readonly workspaces: Pick<Workspaces, 'authenticate' | 'exists'>
  readonly pipeline: Pipeline
  readonly committer: Pick<GroupCommitter, 'reserve'>
  /** Told of failures that are ours; the sender hears no more of them than the id of the request. */
  readonly onError: (error: unknown, requestId: string) => void
}

const PATH = '/v1/events'
/** A key in the address that needs no decoding. */
const KEYED_PATH = /^\/v1\/events\?key=([\w.~-]{1,512})$/
const LENGTH = /^\d{1,9}$/

/** What every answer has. Nothing here is a page, so a browser may not make one of it. */
const HEADERS = [
  ...ORIGIN_HEADERS.flat(),
  'x-content-type-options',
  'nosniff',
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'",
]

/** Takes a request that is plain and answers it; false: it was not touched. */
export type EventsListener = (request: IncomingMessage, response: ServerResponse) => boolean

/** The listener of one server. */
export function createEventsListener({ clock, workspaces, pipeline, committer, onError }: EventsListenerDeps): EventsListener {
  const senders = new SenderMemory(clock)
  let failures = 0

  /** Who sends; throws RequestError when that is nobody who may. */
  function principalOf({ url, headers }: IncomingMessage): Principal {
    const { authorization } = headers
    const key = url === PATH ? undefined : KEYED_PATH.exec(url ?? '')?.[1]
    const query = key === undefined ? {} : { key }
    return senders.principalOf(`${authorization ?? ''}\n${key ?? ''}`, () => authenticateRequest(headers, query, workspaces, EVENT_SENDERS))
  }

  async function take(request: IncomingMessage, response: ServerResponse, principal: Principal, body: Buffer): Promise<void> {
    const { headers, socket } = request
    try {
      const answer = await pipeline({
        principal,
        body,
        contentEncoding: headers['content-encoding'],
        ndjson: mediaTypeOf(headers).endsWith('ndjson'),
        connectionIp: socket.remoteAddress,
      })
      send(response, 202, 'application/json; charset=utf-8', textOf(answer))
    } catch (cause) {
      const { code, message, retryAfterSeconds } = requestErrorOf(cause)
      failures += 1
      const requestId = `events-${failures}`
      if (code === 'internal') onError(cause, requestId)
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
      send(
        response,
        REQUEST_ERRORS[code].status,
        'application/problem+json; charset=utf-8',
        JSON.stringify(problemDocument(code, message, requestId)),
      )
    }
  }

  return (request, response) => {
    const { method, url, headers } = request
    if (method !== 'POST' || url === undefined || !(url === PATH || KEYED_PATH.test(url))) return false
    const length = headers['content-length'] ?? ''
    if (!LENGTH.test(length) || Number(length) > BODY_BYTES_MAX || !EVENT_MEDIA_TYPES.has(mediaTypeOf(headers))) return false
    let principal: Principal
    let release: () => void
    try {
      principal = principalOf(request)
      release = committer.reserve(Number(length))
    } catch {
      return false
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      // From here on the pipeline counts the bytes itself.
      release()
      const [first = Buffer.alloc(0)] = chunks
      void take(request, response, principal, chunks.length > 1 ? Buffer.concat(chunks) : first)
    })
    // Also when the sender went before its body was whole.
    request.on('close', release)
    return true
  }
}

/** A server for Fastify with the listener before it. */
export function createEventsServer(deps: EventsListenerDeps): FastifyServerFactory {
  const listener = createEventsListener(deps)
  return (handler, { keepAliveTimeout, requestTimeout, connectionTimeout }) => {
    const server = createServer((request, response) => {
      if (!listener(request, response)) handler(request, response)
    })
    // As Fastify does for a server of its own.
    if (typeof keepAliveTimeout === 'number') server.keepAliveTimeout = keepAliveTimeout
    if (typeof requestTimeout === 'number') server.requestTimeout = requestTimeout
    server.setTimeout(typeof connectionTimeout === 'number' ? connectionTimeout : 0)
    return server
  }
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const headers = [...HEADERS, 'content-type', type, 'content-length', String(Buffer.byteLength(text))]
  response.writeHead(status, headers).end(text)
}

/** JSON of an answer, in nearly all of which nothing is quarantined. */
function textOf(answer: IngestResponse): string {
  const { accepted, duplicates, quarantined } = answer
  return quarantined.length > 0 ? JSON.stringify(answer) : `{"accepted":${accepted},"duplicates":${duplicates},"quarantined":[]}`
}
