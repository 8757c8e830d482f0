/** `/v1/quarantine` over a warehouse: who sees what, which events, and what settling answers. */
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventErrorCode } from '../../schemas/errors.ts'
import type { Principal } from '../../schemas/ports/workspaces.ts'
import { quarantineResponse } from '../../schemas/quarantine-api.ts'
import type { QuarantinedRow, SettledRow } from '../../schemas/records.ts'
import { replyWithProblem } from '../../warehouse/api/problem-replies.ts'
import { addQuarantineRoutes } from '../../warehouse/api/quarantine-routes.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { readLeftOut } from '../../warehouse/queries/quarantine-pages.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

const NOON = Date.UTC(2026, 2, 10, 12)
const KEYS: Record<string, Principal> = {
  read: { workspace: 'acme', kind: 'read', keyId: '1' },
  admin: { workspace: 'acme', kind: 'admin', keyId: '2' },
  server: { workspace: 'acme', kind: 'server', keyId: '3' },
  write: { workspace: 'acme', kind: 'write', keyId: '4' },
}

let warehouse: Warehouse
let app: FastifyInstance
const settled: string[] = []

function row(offset: number, code: EventErrorCode, more: Partial<QuarantinedRow['record']> = {}): QuarantinedRow {
  const place = { workspace: 'acme', received_at: NOON + Math.floor(offset / 2) * 1_000, quarantine_id: `q${offset}` }
  const record = { v: 1, type: 'quarantined', ...place, code, path: 'p', message: `m${offset}`, body: `{"n":${offset}}`, ...more } as const
  return { record, partition: offset % 2, offset }
}

function settlement(id: string, outcome: 'retried' | 'discarded', workspace = 'acme'): SettledRow {
  const record = { v: 1, type: 'quarantine_settled', workspace, received_at: NOON + 60_000, quarantine_id: id, outcome } as const
  return { record, partition: 0, offset: 100 }
}

beforeAll(async () => {
  warehouse = await openTestWarehouse()
  await createSink(warehouse.writer, warehouse.reader).write({
    token: 'quarantine',
    version: 1,
    people: [],
    growth: [],
    events: [],
    restatements: [],
    quarantined: [
      row(0, 'field_missing'),
      row(1, 'field_missing', { event_id: 'e1' }),
      row(2, 'type_unknown', { message: '=1+1' }),
      row(3, 'field_missing'),
      row(4, 'time_invalid', { import_id: 'm' }),
      row(5, 'field_missing'),
      row(6, 'field_missing', { workspace: 'other' }),
      row(7, 'processing_failed', { workspace: 'poisoned' }),
    ],
    settled: [settlement('q3', 'retried'), settlement('q5', 'discarded'), settlement('q0', 'discarded', 'other')],
  })
  app = Fastify()
  app.setErrorHandler(replyWithProblem)
  app.setValidatorCompiler(() => () => true)
  addQuarantineRoutes(app, {
    reader: warehouse.reader,
    workspaces: { authenticate: (secret) => KEYS[secret], exists: (name) => name === 'acme' || name === 'other' },
    session: ({ headers }) => (headers.cookie === 'good' ? { workspace: 'acme', kind: 'admin', keyId: 'session' } : undefined),
    async settleQuarantined(workspace, id, action) {
      if (id === 'none') return 'unknown'
      if (id === 'done') return 'settled'
      settled.push(`${workspace} ${id} ${action}`)
      return { id, outcome: action === 'retry' ? 'accepted' : 'discarded' }
    },
  })
})
afterAll(async () => {
  await app.close()
  await warehouse.close()
})

const get = (parameters: string, key = 'admin', accept = 'application/json') =>
  app.inject({ method: 'GET', url: `/v1/quarantine?${parameters}`, headers: { authorization: `Bearer ${key}`, accept } })
const post = (path: string, headers: Record<string, string> = { authorization: 'Bearer admin' }) =>
  app.inject({ method: 'POST', url: `/v1/quarantine/${path}`, headers: { host: 'kappa.test', ...headers } })

async function list(parameters: string, key?: string) {
  const answer = await get(parameters, key)
  expect(answer.statusCode, answer.body).toBe(200)
  return quarantineResponse.parse(answer.json())
}
const ids = (answer: { rows: { id: string }[] }) => answer.rows.map(({ id }) => id)

describe('the list', () => {
  test.each([
    ['', ['q4', 'q2', 'q0', 'q1']],
    ['state=all', ['q4', 'q5', 'q2', 'q3', 'q0', 'q1']],
    ['state=retried', ['q3']],
    ['state=discarded', ['q5']],
    ['code=field_missing', ['q0', 'q1']],
    ['code=field_missing&state=all', ['q5', 'q3', 'q0', 'q1']],
    [`from=${NOON + 1_000}`, ['q4', 'q2']],
    [`to=${NOON + 1_000}`, ['q0', 'q1']],
  ])('of %j, newest first', async (parameters, expected) => expect(ids(await list(parameters))).toEqual(expected))

  test('counts all events of its filter by code, on every page', async () => {
    const { counts, rows } = await list('state=all&limit=1')
    expect(counts).toEqual([
      { code: 'field_missing', events: 4 },
      { code: 'time_invalid', events: 1 },
      { code: 'type_unknown', events: 1 },
    ])
    expect(rows).toHaveLength(1)
  })

  test.each([1, 2, 4])('by pages of %d: each once', async (limit) => {
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const { rows, next } = await list(`state=all&limit=${limit}${cursor}`)
      seen.push(...rows.map(({ id }) => id))
      if (next === null) break
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual(['q4', 'q5', 'q2', 'q3', 'q0', 'q1'])
  })

  test('tells what is known of an event; its body to admins only', async () => {
    const expected = {
      id: 'q1',
      received_at: new Date(NOON).toISOString(),
      code: 'field_missing',
      path: 'p',
      message: 'm1',
      event_id: 'e1',
      import_id: null,
      state: 'open',
      settled_at: null,
    }
    expect((await list('code=field_missing')).rows[1]).toEqual({ ...expected, body: '{"n":1}' })
    expect((await list('code=field_missing', 'read')).rows[1]).toEqual({ ...expected, body: null })
    expect((await list('state=retried')).rows[0]?.settled_at).toBe(new Date(NOON + 60_000).toISOString())
  })

  test('as CSV, without formulas', async () => {
    const { body } = await get('code=type_unknown', 'read', 'text/csv')
    expect(body).toBe(
      `id,received_at,code,path,message,event_id,import_id,state,settled_at,body\nq2,${new Date(NOON + 1_000).toISOString()},type_unknown,p,'=1+1,,,open,,\n`,
    )
  })

  test.each(['code=nonsense', 'state=gone', 'limit=0', 'cursor=x', 'color=red'])('%s is refused by name', async (parameters) => {
    const answer = await get(parameters)
    expect(answer.json()).toMatchObject({ status: 400, code: 'parameter_invalid' })
    expect(answer.json().detail).toContain(parameters.split('=')[0])
  })

  test.each(['server', 'write'])('is not for %s keys', async (key) => expect((await get('', key)).statusCode).toBe(403))
})

describe('to settle', () => {
  test.each([
    ['q1/retry', 200, 'accepted'],
    ['q1/discard', 200, 'discarded'],
  ])('%s by an admin', async (path, status, outcome) => {
    const answer = await post(path)
    expect(answer.statusCode, answer.body).toBe(status)
    expect(answer.json()).toEqual({ id: 'q1', outcome })
    expect(settled.pop()).toBe(`acme ${path.replace('/', ' ')}`)
  })

  test.each([
    ['no such event', 'none/retry', {}, 404, 'not_found'],
    ['one that was settled', 'done/discard', {}, 409, 'already_settled'],
    ['a read key', 'q1/retry', { authorization: 'Bearer read' }, 403, 'key_scope'],
    ['a server key', 'q1/retry', { authorization: 'Bearer server' }, 403, 'key_scope'],
    ['no key', 'q1/retry', { authorization: '' }, 401, 'key_missing'],
    ['an unknown key beside a session', 'q1/retry', { authorization: 'Bearer nope', cookie: 'good' }, 401, 'key_unknown'],
    [
      'a session from another site',
      'q1/retry',
      { authorization: '', cookie: 'good', 'sec-fetch-site': 'cross-site' },
      403,
      'origin_refused',
    ],
    ['a session of another origin', 'q1/retry', { authorization: '', cookie: 'good', origin: 'https://evil.test' }, 403, 'origin_refused'],
    ['a session of no origin', 'q1/retry', { authorization: '', cookie: 'good', origin: 'null' }, 403, 'origin_refused'],
  ])('%s: refused, and nothing is done', async (_, path, headers, status, code) => {
    const before = settled.length
    const answer = await post(path, { authorization: 'Bearer admin', ...headers })
    expect(answer.json()).toMatchObject({ status, code })
    expect(settled).toHaveLength(before)
  })

  test('from the own page by session', async () => {
    const headers = { cookie: 'good', origin: 'http://kappa.test', 'sec-fetch-site': 'same-origin' }
    expect((await post('q2/retry', headers)).statusCode).toBe(200)
  })
})

test('records that processing has left out are known by their place, so that recomputing leaves them out too', async () => {
  expect(await readLeftOut(warehouse.reader, 'poisoned')).toEqual([{ partition: 1, offset: 7 }])
  expect(await readLeftOut(warehouse.reader, 'acme')).toEqual([])
})
