/** `/v1/quarantine`: what was not accepted, and what is to become of it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { RequestError } from '../../schemas/errors.ts'
import { scopeParameters } from '../../schemas/growth-api.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import {
  quarantineQuery,
  quarantineResponse,
  type QuarantineResponse,
  settleResponse,
  type SettleResponse,
} from '../../schemas/quarantine-api.ts'
import { readQuarantine, readQuarantineCounts, type StoredQuarantined } from '../queries/quarantine-pages.ts'
import { rowsCsv, sendCsv, wantsCsv } from './csv-form.ts'
import { describedAs } from './openapi.ts'
import { cursorOf, placeOfCursor } from './page-cursor.ts'
import { instantParameterMs, parseParameters } from './query-parameters.ts'
import { type AccessPorts, admitAdmin, admitReader, SECURITY, workspaceNamed } from './read-access.ts'

export type SettleAction = 'retry' | 'discard'

export interface QuarantinePorts extends AccessPorts {
  readonly reader: WarehouseReader
  /**
   * Settles an event of the workspace's quarantine; `unknown` when it has none of that id, `settled` when that was done
   * before. Undefined: not served here.
   */
  readonly settleQuarantined?:
    | ((workspace: string, id: string, action: SettleAction) => Promise<SettleResponse | 'unknown' | 'settled'>)
    | undefined
}

const place = z.tuple([z.int(), z.int(), z.int()])
const settleQuery = z.strictObject(scopeParameters)
const COLUMNS = ['id', 'received_at', 'code', 'path', 'message', 'event_id', 'import_id', 'state', 'settled_at', 'body']

/** Adds the routes. Read keys see all but the bodies; to settle takes an admin. */
export function addQuarantineRoutes(app: FastifyInstance, deps: QuarantinePorts): void {
  app.get(
    '/v1/quarantine',
    {
      schema: {
        summary: 'Events that were not accepted, newest first',
        tags: ['quarantine'],
        security: SECURITY,
        querystring: describedAs(quarantineQuery, 'input'),
        response: { 200: describedAs(quarantineResponse, 'output') },
      },
    },
    async (request, reply) => {
      const { workspace, isAdmin } = await admitReader(deps, request, workspaceNamed(request))
      const { code, state, from, to, limit, cursor } = parseParameters(quarantineQuery, request.query)
      const behind = placeOfCursor(place, cursor)
      const filter = {
        code,
        state: state === 'all' ? undefined : state,
        fromMs: instantParameterMs('from', from),
        toMs: instantParameterMs('to', to),
      }
      const rows = await readQuarantine(deps.reader, workspace, {
        ...filter,
        behind: behind && { receivedMs: behind[0], partition: behind[1], offset: behind[2] },
        limit: limit + 1, // one more says whether there is a next page
      })
      const page = rows.slice(0, limit)
      const last = rows.length > limit ? page.at(-1) : undefined
      const answer: QuarantineResponse = {
        counts: await readQuarantineCounts(deps.reader, workspace, filter),
        rows: page.map((row) => quarantineRowOf(row, isAdmin)),
        next: last === undefined ? null : cursorOf([last.received_ms, last.partition, last.offset]),
      }
      return wantsCsv(request) ? sendCsv(reply, rowsCsv(answer.rows, COLUMNS)) : reply.send(answer)
    },
  )

  const { settleQuarantined } = deps
  if (settleQuarantined === undefined) return
  for (const action of ['retry', 'discard'] as const) {
    app.post(
      `/v1/quarantine/:id/${action}`,
      {
        schema: {
          summary: action === 'retry' ? 'Validate an event again, and take it when it is right now' : 'Give an event up',
          tags: ['quarantine'],
          security: SECURITY,
          querystring: describedAs(settleQuery, 'input'),
          response: { 200: describedAs(settleResponse, 'output') },
        },
      },
      async (request: FastifyRequest, reply) => {
        const { id } = request.params as { readonly id: string }
        const workspace = await admitAdmin(deps, request, workspaceNamed(request))
        parseParameters(settleQuery, request.query)
        const settled = await settleQuarantined(workspace, id, action)
        if (settled === 'unknown') throw new RequestError('not_found', 'The quarantine has no such event.')
        if (settled === 'settled') throw new RequestError('already_settled')
        return reply.send(settled)
      },
    )
  }
}

function quarantineRowOf(row: StoredQuarantined, isAdmin: boolean): QuarantineResponse['rows'][number] {
  const { id, received_ms, code, path, message, event_id, import_id, body, state, settled_ms } = row
  return {
    id,
    received_at: new Date(received_ms).toISOString(),
    code,
    path,
    message,
    event_id: event_id === '' ? null : event_id,
    import_id: import_id === '' ? null : import_id,
    state,
    settled_at: settled_ms === null ? null : new Date(settled_ms).toISOString(),
    body: isAdmin ? body : null,
  }
}
