/** Routes of ingest as one Fastify plugin: `POST /v1/events`, the APIs of other products' SDKs, and the browser SDK. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { RequestError } from '../schemas/errors.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'
import { BODY_BYTES_MAX } from './decode-body.ts'
import { allowAnyOrigin, answerPreflight } from './cross-origin.ts'
import { readBodies } from './body-parser.ts'
import { askForRoom, type BodyRoom } from './incoming-body.ts'
import type { Intake } from './intake.ts'
import { EVENT_MEDIA_TYPES, mediaTypeOf } from './media-type.ts'
import { registerOpenpanel } from './openpanel/openpanel-routes.ts'
import type { Pipeline } from './pipeline.ts'
import { registerPosthog } from './posthog/posthog-routes.ts'
import { problemErrorHandler } from './problem-reply.ts'
import { authenticateRequest, EVENT_SENDERS } from './request-sender.ts'
import type { EventMap } from './segment/event-map.ts'
import { registerSegment } from './segment/segment-routes.ts'

export interface IngestRoutesDeps {
  readonly workspaces: Pick<Workspaces, 'authenticate' | 'exists'>
  readonly pipeline: Pipeline
  readonly committer: BodyRoom
  /** File of the built browser SDK. */
  readonly browserSdkPath: string
  /** What the routes of other products' SDKs need beside the above. */
  readonly intake: Intake
  readonly eventMap: EventMap
}

const SDK_CACHE_SECONDS = 3600

/** The plugin; register it once, without a prefix. */
export function createIngestRoutes(deps: IngestRoutesDeps): FastifyPluginAsync {
  return async function ingestRoutes(app) {
    app.setErrorHandler(problemErrorHandler)
    registerEvents(app, deps, readBodies(app, deps.committer))
    registerSegment(app, deps)
    registerPosthog(app, deps)
    registerOpenpanel(app, deps)
    await registerBrowserSdk(app, deps.browserSdkPath)
  }
}

function registerEvents(app: FastifyInstance, deps: IngestRoutesDeps, releaseBody: (request: FastifyRequest) => void): void {
  const senders = new WeakMap<FastifyRequest, Principal>()

  app.route({
    method: 'POST',
    url: '/v1/events',
    bodyLimit: BODY_BYTES_MAX,
    // Before the body is read: a request without a key, or one too many, costs no memory.
    onRequest: async (request, reply) => {
      allowAnyOrigin(reply)
      const principal = authenticateRequest(request.headers, request.query as Record<string, unknown>, deps.workspaces, EVENT_SENDERS)
      if (!EVENT_MEDIA_TYPES.has(mediaTypeOf(request.headers))) throw new RequestError('content_type_unsupported')
      const declared = Number(request.headers['content-length'] ?? 0)
      if (declared > BODY_BYTES_MAX) throw new RequestError('body_too_large')
      askForRoom(deps.committer, Number.isFinite(declared) ? declared : 0)
      senders.set(request, principal)
    },
    handler: async (request, reply) => {
      const principal = senders.get(request)
      if (!principal) throw new RequestError('key_missing')
      // From here on the pipeline counts the bytes itself.
      releaseBody(request)
      const response = await deps.pipeline({
        principal,
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        contentEncoding: request.headers['content-encoding'],
        ndjson: mediaTypeOf(request.headers).endsWith('ndjson'),
        // Not `request.ip`, which may follow X-Forwarded-For.
        connectionIp: request.socket.remoteAddress,
      })
      return reply.code(202).send(response)
    },
  })

  app.options('/v1/events', answerPreflight)

  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/events',
    handler: async (_request, reply) => {
      reply.header('allow', 'POST, OPTIONS')
      throw new RequestError('method_not_allowed')
    },
  })
}

async function registerBrowserSdk(app: FastifyInstance, path: string): Promise<void> {
  const script = await readFile(path).catch(() => undefined)
  const etag = script && `"${createHash('sha256').update(script).digest('base64url').slice(0, 22)}"`

  app.get('/kappa.js', async (request, reply) => {
    if (!script || !etag) throw new RequestError('not_found', 'The browser SDK is not built: npm run build:browser.')
    allowAnyOrigin(reply)
    reply.header('cache-control', `public, max-age=${SDK_CACHE_SECONDS}, stale-while-revalidate=86400`).header('etag', etag)
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('text/javascript; charset=utf-8').send(script)
  })
}
