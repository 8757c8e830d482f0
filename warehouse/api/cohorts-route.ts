/** `/v1/cohorts`. */
import type { FastifyInstance } from 'fastify'
import { cohortsQuery, cohortsResponse } from '../../schemas/cohorts-api.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { cohortsAnswer } from './cohorts-answer.ts'
import { rowsCsv, sendCsv, wantsCsv } from './csv-form.ts'
import { describedAs } from './openapi.ts'
import { instantParameterMs, parseParameters } from './query-parameters.ts'
import { type AccessPorts, admitRead, SECURITY, workspaceNamed } from './read-access.ts'

export interface CohortsPorts extends AccessPorts {
  readonly reader: WarehouseReader
}

const HEADINGS = ['cohort', 'cohort_people', 'cohort_k', 'age', 'people', 'referrals_per_person', 'spreading']

/** Adds the route. */
export function addCohortsRoute(app: FastifyInstance, deps: CohortsPorts): void {
  app.get(
    '/v1/cohorts',
    {
      schema: {
        summary: 'People by arrival and age: referrals per person, and who still spreads',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(cohortsQuery, 'input'),
        response: { 200: describedAs(cohortsResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const { by, at, from, ages } = parseParameters(cohortsQuery, request.query)
      const answer = await cohortsAnswer(deps.reader, workspace, {
        by,
        atMs: instantParameterMs('at', at),
        fromMs: instantParameterMs('from', from),
        ages,
      })
      if (!wantsCsv(request)) return reply.send(answer)
      const cells = answer.rows.flatMap(({ cohort, people, cohort_k: k, ages: cohortAges }) =>
        cohortAges.map((cell) => ({ cohort, cohort_people: people, cohort_k: k.value, ...cell })),
      )
      return sendCsv(reply, rowsCsv(cells, HEADINGS))
    },
  )
}
