/** `/v1/growth/reproduction`. */
import type { FastifyInstance } from 'fastify'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { reproductionQuery, reproductionResponse } from '../../schemas/reproduction-api.ts'
import { rowsCsv, sendCsv, wantsCsv } from './csv-form.ts'
import { describedAs } from './openapi.ts'
import { durationParameterMs, instantParameterMs, parseParameters } from './query-parameters.ts'
import { type AccessPorts, admitRead, SECURITY, workspaceNamed } from './read-access.ts'
import { reproductionAnswer } from './reproduction-answer.ts'

export interface ReproductionPorts extends AccessPorts {
  readonly reader: WarehouseReader
}

const HEADINGS = ['at', 'mean', 'median', 'lower', 'upper', 'local', 'imported']

/** Adds the route. */
export function addReproductionRoute(app: FastifyInstance, deps: ReproductionPorts): void {
  app.get(
    '/v1/growth/reproduction',
    {
      schema: {
        summary: 'The reproduction number by step, with its 95 % credible interval',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(reproductionQuery, 'input'),
        response: { 200: describedAs(reproductionResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const query = parseParameters(reproductionQuery, request.query)
      const { interval_mean: mean, interval_sd: sd } = query
      const answer = await reproductionAnswer(deps.reader, workspace, {
        step: query.step,
        stepMs: durationParameterMs('step', query.step),
        tau: query.tau,
        fromMs: instantParameterMs('from', query.from),
        toMs: instantParameterMs('to', query.to),
        interval: mean === undefined || sd === undefined ? undefined : { mean, sd },
        prior: { mean: query.prior_mean, sd: query.prior_sd },
      })
      if (!wantsCsv(request)) return reply.send(answer)
      return sendCsv(
        reply,
        rowsCsv(
          answer.points.map(({ reason: _, ...point }) => point),
          HEADINGS,
        ),
      )
    },
  )
}
