/** The reading side of the HTTP API, as one Fastify plugin: growth, series, live stream, health. */
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { growthQuery, growthResponse, seriesQuery, seriesResponse } from '../../schemas/growth-api.ts'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { LiveBus } from '../../schemas/ports/live.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { DIMENSIONS } from '../../schemas/records.ts'
import { addCohortsRoute } from './cohorts-route.ts'
import { growthCsv, sendCsv, seriesCsv, wantsCsv } from './csv-form.ts'
import { openEventStream } from './event-stream.ts'
import { growthAnswer, NONE_LABEL } from './growth-answer.ts'
import { RunningWindows } from './growth-running.ts'
import { growthSeries } from './growth-series.ts'
import { addHealthRoutes, type HealthPorts } from './health-routes.ts'
import { LiveHubs } from './live-hubs.ts'
import { describedAs } from './openapi.ts'
import { replyWithProblem } from './problem-replies.ts'
import { durationParameterMs, instantParameterMs, parseParameters } from './query-parameters.ts'
import { admitRead, mayStillRead, SECURITY, workspaceNamed } from './read-access.ts'
import { addQuarantineRoutes, type QuarantinePorts } from './quarantine-routes.ts'
import { addReproductionRoute } from './reproduction-route.ts'
import { addRestatementRoutes } from './restatement-routes.ts'
import { StreamRounds } from './stream-rounds.ts'

export interface ApiDeps extends QuarantinePorts, HealthPorts {
  readonly reader: WarehouseReader
  readonly live: LiveBus
  readonly clock: Clock
}

const liveQuery = z.strictObject({ workspace: growthQuery.shape.workspace, key: growthQuery.shape.key })

/** Adds the routes. Errors are problem documents; nothing is read without a workspace from a key or session. */
export function createApiRoutes(deps: ApiDeps): FastifyPluginAsync {
  return async (app) => {
    // Routes carry descriptions made from zod; zod itself does the checking.
    app.setValidatorCompiler(() => () => true)
    app.setSerializerCompiler(() => JSON.stringify)
    app.setErrorHandler(replyWithProblem)
    app.addHook('onSend', async (request, reply) => {
      if (request.url.startsWith('/v1/')) void reply.header('cache-control', 'no-store').header('vary', 'accept')
    })
    addHealthRoutes(app, deps)
    addGrowthRoutes(app, deps)
    addReproductionRoute(app, deps)
    addCohortsRoute(app, deps)
    addRestatementRoutes(app, deps)
    addQuarantineRoutes(app, deps)
    addLiveRoute(app, deps)
  }
}

function addGrowthRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const running = new RunningWindows(deps.reader, deps.live, deps.clock)
  app.addHook('onClose', async () => running.close())
  app.get(
    '/v1/growth',
    {
      schema: {
        summary: 'Every growth number of a window',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(growthQuery, 'input'),
        response: { 200: describedAs(growthResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const query = parseParameters(growthQuery, request.query)
      const filter = Object.fromEntries(
        DIMENSIONS.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name] === NONE_LABEL ? '' : query[name]]])),
      )
      const answer = await growthAnswer(deps.reader, running.read, workspace, {
        window: query.window,
        lengthMs: durationParameterMs('window', query.window),
        atMs: instantParameterMs('at', query.at),
        by: query.by,
        filter,
      })
      return wantsCsv(request) ? sendCsv(reply, growthCsv(answer, query.by !== undefined)) : reply.send(answer)
    },
  )

  app.get(
    '/v1/growth/series',
    {
      schema: {
        summary: 'One number over time',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(seriesQuery, 'input'),
        response: { 200: describedAs(seriesResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const query = parseParameters(seriesQuery, request.query)
      const asked = {
        metric: query.metric,
        window: query.window,
        lengthMs: durationParameterMs('window', query.window),
        step: query.step,
        stepMs: durationParameterMs('step', query.step),
        fromMs: instantParameterMs('from', query.from),
        toMs: instantParameterMs('to', query.to),
      }
      const answer = await growthSeries(deps.reader, running.read, workspace, asked, () => request.raw.destroyed)
      return wantsCsv(request) ? sendCsv(reply, seriesCsv(answer)) : reply.send(answer)
    },
  )
}

function addLiveRoute(app: FastifyInstance, deps: ApiDeps): void {
  const hubs = new LiveHubs(deps.live, deps.reader, deps.clock)
  const rounds = new StreamRounds()
  const openStreams = new Set<() => void>()
  app.addHook('preClose', async () => {
    for (const close of openStreams) close()
    hubs.close()
  })

  app.get(
    '/v1/live',
    {
      schema: {
        summary: 'Changed numbers as Server-Sent Events; resumes with Last-Event-ID',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(liveQuery, 'input'),
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      parseParameters(liveQuery, request.query)
      const hub = hubs.acquire(workspace)
      try {
        await hub.ready()
      } catch (error) {
        hubs.release(workspace)
        throw error
      }
      if (request.raw.destroyed) {
        hubs.release(workspace)
        return reply
      }
      const lastEventId = request.headers['last-event-id']
      const headers = reply.getHeaders()
      reply.hijack()
      const close = openEventStream(reply.raw, {
        hub,
        rounds,
        credentials: credentialsOf(request, workspace),
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        headers,
        mayContinue: () => mayStillRead(deps, request, workspace),
        onClose: () => {
          openStreams.delete(close)
          hubs.release(workspace)
        },
      })
      openStreams.add(close)
      return reply
    },
  )
}

/** All that `mayStillRead` looks at. */
function credentialsOf({ headers, url }: FastifyRequest, workspace: string): string {
  return JSON.stringify([workspace, headers.authorization, headers.cookie, headers.host, url])
}
