/** Everything that is served over HTTP: ingest, API, dashboard, or the share of a role. `createWebApp` builds it, `serve.ts` listens. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import staticFiles from '@fastify/static'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { createEventsServer } from '../ingest/events-server.ts'
import { createIngestRoutes } from '../ingest/server.ts'
import { problemDocument, type RequestErrorCode, REQUEST_ERRORS } from '../schemas/errors.ts'
import { createApiRoutes } from '../warehouse/api/api-routes.ts'
import { addHealthRoutes } from '../warehouse/api/health-routes.ts'
import { registerOpenApi } from '../warehouse/api/openapi.ts'
import type { Engine } from './engine.ts'
import { QuarantineDesk } from './quarantine-run.ts'
import { createSessions } from './sessions.ts'

/**
 * Schemas describe; zod checks. Fastify's own compilers would be loaded for nothing, which takes a tenth of a second.
 * Their declared type is that of one library's functions, which is more than Fastify asks of them.
 */
const DESCRIPTIONS_ONLY = {
  compilersFactory: { buildValidator: () => () => () => true, buildSerializer: () => () => (value: unknown) => JSON.stringify(value) },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>

/** So long a request may take to come: what waits for its body holds memory that others then may not use. 10 MB in this are 0.7 Mbit/s. */
const REQUEST_MS_MAX = 120_000

export interface Serves {
  /** Routes that take events. */
  readonly ingest: boolean
  /** The reading side of the API, and the dashboard. */
  readonly reads: boolean
}

export interface WebAppOptions {
  readonly engine: Engine
  /** What is served beside health and metrics. */
  readonly serves: Serves
  readonly sessionSecret: Uint8Array
  /** Folder of the build: `dashboard/` and `browser/kappa.js` stand in it. */
  readonly buildFolder: string
  readonly version: string
  readonly logger?: boolean
}

export async function createWebApp(options: WebAppOptions): Promise<FastifyInstance> {
  const { engine } = options
  const { clock, workspaces, pipeline, committer } = engine
  const onError = (error: unknown, requestId: string) => app.log.error({ err: error, reqId: requestId }, 'request failed')
  const app: FastifyInstance = Fastify({
    ...(options.serves.ingest ? { serverFactory: createEventsServer({ clock, workspaces, pipeline, committer, onError }) } : {}),
    // A request's address may carry a key: only method and path are ever written.
    logger: options.logger ? { level: 'warn', serializers: { req: ({ method, url }) => ({ method, path: url?.split('?')[0] }) } } : false,
    requestIdHeader: false,
    requestTimeout: REQUEST_MS_MAX,
    schemaController: DESCRIPTIONS_ONLY,
  })
  const desk = new QuarantineDesk(engine)
  const sessions = createSessions({ secret: options.sessionSecret, host: engine.config.host, adminPassword: engine.config.adminPassword })

  await app.register(cookie)
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Charts position their marks with style attributes; style elements stay forbidden.
        styleSrcAttr: ["'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false, // that is the TLS proxy's to promise
    crossOriginResourcePolicy: { policy: 'same-origin' },
  })
  await registerOpenApi(app, options.version)
  if (options.serves.ingest)
    await app.register(
      createIngestRoutes({
        workspaces: engine.workspaces,
        pipeline: engine.pipeline,
        intake: engine.intake,
        eventMap: engine.eventMap,
        committer: engine.committer,
        browserSdkPath: join(options.buildFolder, 'browser', 'kappa.js'),
      }),
    )
  const health = { probes: engine.probes, sinkLag: () => engine.sinkLag(), metrics: engine.metrics, clock: engine.clock }
  if (!options.serves.reads) {
    addHealthRoutes(app, health)
    app.setNotFoundHandler((_, reply) => problem(reply, 'not_found'))
    return app
  }
  await app.register(
    createApiRoutes({
      reader: engine.reader,
      live: engine.live,
      workspaces: engine.workspaces,
      session: (request) => sessions.principal(request),
      limitReads: engine.limitReads,
      settleQuarantined: (workspace, id, action) => desk.settleOne(workspace, id, action),
      ...health,
    }),
  )
  await addDashboard(app, join(options.buildFolder, 'dashboard'), sessions)
  return app
}

async function addDashboard(app: FastifyInstance, folder: string, sessions: ReturnType<typeof createSessions>): Promise<void> {
  const built = existsSync(join(folder, 'index.html'))
  if (built) {
    await app.register(staticFiles, {
      root: folder,
      index: false,
      wildcard: false,
      cacheControl: false,
      // Names of assets carry a hash of their content.
      setHeaders: (reply, path) =>
        void reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
    })
  }
  const page = async (request: FastifyRequest, reply: FastifyReply) => {
    const entry = sessions.open(request, reply)
    if (entry === 'host') return problem(reply, 'host_refused')
    if (entry === 'password') {
      return reply
        .code(401)
        .header('www-authenticate', 'Basic realm="Kappa", charset="UTF-8"')
        .type('text/plain; charset=utf-8')
        .send('Sign in as admin.\n')
    }
    return reply.header('cache-control', 'no-cache').sendFile('index.html')
  }
  app.setNotFoundHandler(async (request, reply) => {
    const wantsPage = request.method === 'GET' && !request.url.startsWith('/v1/') && (request.headers.accept ?? '').includes('text/html')
    return wantsPage && built ? page(request, reply) : problem(reply, 'not_found')
  })
  if (built) app.get('/', { schema: { hide: true } }, page)
}

function problem(reply: FastifyReply, code: RequestErrorCode): FastifyReply {
  return reply.code(REQUEST_ERRORS[code].status).type('application/problem+json').send(problemDocument(code))
}
