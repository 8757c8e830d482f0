/**
 * The routes of one SDK's API: who sends is found where that SDK puts its key, the body is read by what it is, every
 * message becomes an event of ours or a `tracked` one, and the answer is what the SDK expects once all are durable.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RequestError } from '../../schemas/errors.ts'
import type { IngestResponse } from '../../schemas/ingest-api.ts'
import type { Principal, Workspaces } from '../../schemas/ports/workspaces.ts'
import { allowAnyOrigin, answerPreflight } from '../cross-origin.ts'
import { BODY_BYTES_MAX } from '../decode-body.ts'
import { askForRoom, type BodyRoom } from '../incoming-body.ts'
import type { Intake } from '../intake.ts'
import { requestKey } from '../../schemas/request-key.ts'
import { authenticateSecret, EVENT_SENDERS } from '../request-sender.ts'
import type { EventMap } from '../segment/event-map.ts'
import { EVENTS_MAX } from '../steps/split-body.ts'
import { validatedMessage } from './message-item.ts'
import { parseSdkBody } from './sdk-body.ts'
import { isFields, type SdkItem, textOf } from './sdk-message.ts'

export interface SdkRoutesDeps {
  readonly workspaces: Pick<Workspaces, 'authenticate' | 'exists'>
  readonly committer: BodyRoom
  readonly intake: Intake
  readonly eventMap: EventMap
}

/** What a protocol may look at beside the body. */
export interface SdkRequest {
  readonly path: string
  readonly headers: FastifyRequest['headers']
  readonly query: Readonly<Record<string, unknown>>
  readonly receivedAtMs: number
  /** A stable id of the visitor behind this connection, for SDKs that send none. */
  readonly visitorId: string
}

export interface SdkProtocol {
  readonly paths: readonly string[]
  /** Of which SDKs; for /openapi.json. */
  readonly summary: string
  /** Keys in headers of the SDK's own; asked after Authorization and the query. */
  readonly headerKeys?: (headers: FastifyRequest['headers']) => readonly string[]
  /** The key in a body. */
  readonly bodyKey: (body: unknown) => string | undefined
  readonly itemsOf: (body: unknown, request: SdkRequest) => readonly SdkItem[]
  readonly status: number
  readonly answer: (response: IngestResponse, request: SdkRequest) => object
}

const QUERY_KEYS = ['key', 'writeKey', 'api_key', 'token']

/** Registers the routes of a protocol. */
export function registerSdkRoutes(app: FastifyInstance, deps: SdkRoutesDeps, protocol: SdkProtocol): void {
  /** Without one the body has to say. */
  const senders = new WeakMap<FastifyRequest, Principal>()
  const authenticate = (secret: string | undefined, query: Readonly<Record<string, unknown>>) =>
    authenticateSecret(secret, query, deps.workspaces, EVENT_SENDERS)

  for (const url of protocol.paths) {
    app.options(url, { schema: { hide: true } }, answerPreflight)
    app.route({
      method: 'POST',
      url,
      schema: { summary: protocol.summary, tags: ['SDKs'] },
      bodyLimit: BODY_BYTES_MAX,
      // Before the body is read, as far as headers and address tell.
      onRequest: async (request, reply) => {
        allowAnyOrigin(reply)
        const query = request.query as Record<string, unknown>
        const secret = outerKey(request, query, protocol, deps.workspaces)
        const principal = secret === undefined ? undefined : authenticate(secret, query)
        const declared = Number(request.headers['content-length'] ?? 0)
        if (declared > BODY_BYTES_MAX) throw new RequestError('body_too_large')
        askForRoom(deps.committer, Number.isFinite(declared) ? declared : 0)
        if (principal) senders.set(request, principal)
      },
      handler: async (request, reply) => {
        const query = request.query as Record<string, unknown>
        const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const body = await parseSdkBody(bytes, request.headers['content-encoding'])
        const principal = senders.get(request) ?? authenticate(protocol.bodyKey(body), query)
        const hasher = deps.intake.hasherOf(principal.workspace)
        const sdkRequest: SdkRequest = {
          path: url,
          headers: request.headers,
          query,
          receivedAtMs: deps.intake.clock.nowMs(),
          visitorId: hasher.hash('device', `${request.socket.remoteAddress}\u0000${request.headers['user-agent']}`),
        }
        const items = protocol.itemsOf(body, sdkRequest)
        if (items.length > EVENTS_MAX) throw new RequestError('batch_too_long')
        const response = await deps.intake.submit({
          principal,
          connectionIp: request.socket.remoteAddress,
          receivedAtMs: sdkRequest.receivedAtMs,
          shiftMs: 0, // each message's time is corrected already
          items: items.map((item) =>
            validatedMessage(item, { map: deps.eventMap, mayMoveMoney: principal.kind !== 'write', hasher, newId: deps.intake.newId }),
          ),
        })
        return reply.code(protocol.status).send({ ...protocol.answer(response, sdkRequest), ...response })
      },
    })
  }
}

function outerKey(
  request: FastifyRequest,
  query: Readonly<Record<string, unknown>>,
  protocol: SdkProtocol,
  workspaces: Pick<Workspaces, 'authenticate'>,
): string | undefined {
  const named =
    requestKey(request.headers.authorization, {}) ?? QUERY_KEYS.map((name) => textOf(query[name])).find((key) => key !== undefined)
  if (named !== undefined) return named
  const own = protocol.headerKeys?.(request.headers) ?? []
  return own.find((key) => workspaces.authenticate(key)) ?? own[0]
}

/** A route of the SDK's that only tells it something; `answer` gets the request, since some name the server's own address. */
export function registerSdkAnswer(
  app: FastifyInstance,
  method: 'GET' | 'POST',
  paths: readonly string[],
  answer: (request: FastifyRequest) => { readonly type?: string; readonly body: string | object },
): void {
  for (const url of paths) {
    app.options(url, { schema: { hide: true } }, answerPreflight)
    app.route({
      method,
      url,
      schema: { hide: true },
      bodyLimit: BODY_BYTES_MAX,
      handler: async (request, reply) => {
        allowAnyOrigin(reply)
        const { type, body } = answer(request)
        reply.header('cache-control', 'no-cache')
        return type === undefined ? reply.send(body) : reply.type(type).send(body)
      },
    })
  }
}

/** What an array of a body holds. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

/** First non-empty text under a name, in an object or in the first of a list. */
export function textUnder(value: unknown, name: string): string | undefined {
  const [first] = listOf(value)
  return isFields(first) ? textOf(first[name]) : undefined
}
