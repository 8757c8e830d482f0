/** `/v1/growth/restatements` and `/v1/growth/late`. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import {
  lateQuery,
  lateResponse,
  type LateResponse,
  restatementsQuery,
  restatementsResponse,
  type RestatementsResponse,
} from '../../schemas/corrections-api.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { readLateCounts } from '../queries/late-events.ts'
import { readRestatements, type StoredRestatement } from '../queries/restatement-pages.ts'
import { rowsCsv, sendCsv, wantsCsv } from './csv-form.ts'
import { describedAs } from './openapi.ts'
import { cursorOf, placeOfCursor } from './page-cursor.ts'
import { instantParameterMs, parseParameters } from './query-parameters.ts'
import { type AccessPorts, admitRead, SECURITY, workspaceNamed } from './read-access.ts'

const place = z.tuple([z.int(), z.int(), z.string(), z.string()])
const ALL_MS = { fromMs: 0, toMs: Date.UTC(2200, 0, 1) }

export interface RestatementPorts extends AccessPorts {
  readonly reader: WarehouseReader
}

/** Adds the two routes. */
export function addRestatementRoutes(app: FastifyInstance, deps: RestatementPorts): void {
  app.get(
    '/v1/growth/restatements',
    {
      schema: {
        summary: 'Final numbers that changed, newest change first',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(restatementsQuery, 'input'),
        response: { 200: describedAs(restatementsResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const { window, metric, from, to, limit, cursor } = parseParameters(restatementsQuery, request.query)
      const behind = placeOfCursor(place, cursor)
      const rows = await readRestatements(deps.reader, workspace, {
        window,
        metric,
        fromMs: instantParameterMs('from', from),
        toMs: instantParameterMs('to', to),
        behind: behind && { version: behind[0], endMs: behind[1], window: behind[2], metric: behind[3] },
        limit: limit + 1, // one more says whether there is a next page
      })
      const answer = restatementsAnswer(rows, limit)
      return wantsCsv(request)
        ? sendCsv(reply, rowsCsv(answer.rows, ['metric', 'window', 'at', 'before', 'after', 'cause', 'restated_at']))
        : reply.send(answer)
    },
  )

  app.get(
    '/v1/growth/late',
    {
      schema: {
        summary: 'Events beyond the allowed lateness, which count nowhere, by day and type',
        tags: ['growth'],
        security: SECURITY,
        querystring: describedAs(lateQuery, 'input'),
        response: { 200: describedAs(lateResponse, 'output') },
      },
    },
    async (request, reply) => {
      const workspace = await admitRead(deps, request, workspaceNamed(request))
      const { from, to } = parseParameters(lateQuery, request.query)
      const counts = await readLateCounts(deps.reader, workspace, {
        fromMs: instantParameterMs('from', from) ?? ALL_MS.fromMs,
        toMs: instantParameterMs('to', to) ?? ALL_MS.toMs,
      })
      const answer: LateResponse = {
        events: counts.reduce((sum, { events }) => sum + events, 0),
        rows: counts.map(({ newest_received_ms, ...row }) => ({ ...row, newest_receipt: new Date(newest_received_ms).toISOString() })),
      }
      return wantsCsv(request) ? sendCsv(reply, rowsCsv(answer.rows, ['day', 'type', 'events', 'newest_receipt'])) : reply.send(answer)
    },
  )
}

function restatementsAnswer(rows: readonly StoredRestatement[], limit: number): RestatementsResponse {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    rows: page.map(({ metric, window, end_ms, before, after, cause, restated_ms }) => ({
      metric,
      window,
      at: new Date(end_ms).toISOString(),
      before,
      after,
      cause,
      restated_at: restated_ms === 0 ? null : new Date(restated_ms).toISOString(),
    })),
    next: rows.length > limit && last !== undefined ? cursorOf([last.version, last.end_ms, last.window, last.metric]) : null,
  }
}
