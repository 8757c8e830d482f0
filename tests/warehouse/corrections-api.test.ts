/** `/v1/growth/restatements` and `/v1/growth/late`. */
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lateResponse, restatementsResponse } from '../../schemas/corrections-api.ts'
import { eventRecord } from '../../schemas/log-records.ts'
import type { Principal } from '../../schemas/ports/workspaces.ts'
import type { AdmittedEvent, RestatementRow } from '../../schemas/records.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { replyWithProblem } from '../../warehouse/api/problem-replies.ts'
import { addRestatementRoutes } from '../../warehouse/api/restatement-routes.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

const NOON = Date.UTC(2026, 2, 10, 12)
const at = (ms: number) => new Date(ms).toISOString()
const KEYS: Record<string, Principal> = {
  acme: { workspace: 'acme', kind: 'read', keyId: '1' },
  other: { workspace: 'other', kind: 'read', keyId: '2' },
  write: { workspace: 'acme', kind: 'write', keyId: '3' },
}

let warehouse: Warehouse
let app: FastifyInstance

function restated(version: number, hours: number, metric: string, more: Partial<RestatementRow> = {}): RestatementRow {
  const end = { workspace: 'acme', window: '24h', end_ms: NOON + hours * HOUR_MS }
  return { ...end, metric, before: 1, after: 2, cause: 'late_event', version, restated_ms: NOON + version, ...more }
}

function event(offset: number, occurredMs: number, late: boolean, type: 'share' | 'rum' = 'share', workspace = 'acme'): AdmittedEvent {
  const what = type === 'share' ? { actor_id: 'p', content_id: 'c' } : { name: 'LCP', value: 1, page: '/' }
  const record = { v: 1, type, workspace, event_id: `e${offset}`, received_at: NOON + offset, occurred_at: occurredMs, ...what }
  return { record: eventRecord.parse(record), partition: 0, offset, actor: 1, late }
}

beforeAll(async () => {
  warehouse = await openTestWarehouse()
  await createSink(warehouse.writer, warehouse.reader).write({
    token: 'corrections',
    version: 1,
    quarantined: [],
    people: [],
    growth: [],
    events: [
      event(0, NOON, false),
      event(1, NOON - 20 * DAY_MS, true),
      event(2, NOON - 20 * DAY_MS + HOUR_MS, true),
      event(3, NOON - 20 * DAY_MS, true, 'rum'),
      event(4, NOON - 9 * DAY_MS, true),
      event(5, NOON - 9 * DAY_MS, true, 'share', 'other'),
    ],
    restatements: [
      restated(5, 1, 'shares'),
      restated(5, 2, 'shares', { before: null, after: 0.1 + 0.2 }),
      restated(5, 2, 'k_factor', { window: '7d', cause: 'import:m1' }),
      restated(9, 0, 'shares', { cause: '=1+1', before: -3, after: null }),
      restated(3, 4, 'revenue:EUR', { restated_ms: 0 }),
      restated(99, 1, 'shares', { workspace: 'other' }),
    ],
  })
  app = Fastify()
  app.setErrorHandler(replyWithProblem)
  app.setValidatorCompiler(() => () => true)
  addRestatementRoutes(app, {
    reader: warehouse.reader,
    workspaces: { authenticate: (secret) => KEYS[secret], exists: () => true },
    session: () => undefined,
  })
})
afterAll(async () => {
  await app.close()
  await warehouse.close()
})

const get = (url: string, key = 'acme', accept = 'application/json') =>
  app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${key}`, accept } })

async function page(parameters: string) {
  const answer = await get(`/v1/growth/restatements?${parameters}`)
  expect(answer.statusCode, answer.body).toBe(200)
  return restatementsResponse.parse(answer.json())
}

const short = ({ rows }: { rows: { metric: string; window: string; at: string }[] }) =>
  rows.map((row) => `${row.metric} ${row.window} ${(Date.parse(row.at) - NOON) / HOUR_MS}`)

const ALL = ['shares 24h 0', 'shares 24h 2', 'k_factor 7d 2', 'shares 24h 1', 'revenue:EUR 24h 4']

describe('restatements', () => {
  test('are told newest first, with what they were, are, and why', async () => {
    const { rows, next } = await page('')
    expect(short({ rows })).toEqual(ALL)
    expect(next).toBeNull()
    expect(rows[1]).toEqual({
      metric: 'shares',
      window: '24h',
      at: at(NOON + 2 * HOUR_MS),
      before: null,
      after: 0.1 + 0.2,
      cause: 'late_event',
      restated_at: at(NOON + 5),
    })
    expect(rows.at(-1)?.restated_at).toBeNull()
  })

  test.each([
    ['window=7d', ['k_factor 7d 2']],
    ['metric=shares', ['shares 24h 0', 'shares 24h 2', 'shares 24h 1']],
    [`from=${at(NOON + 2 * HOUR_MS)}`, ['shares 24h 2', 'k_factor 7d 2', 'revenue:EUR 24h 4']],
    [`to=${NOON + HOUR_MS}`, ['shares 24h 0', 'shares 24h 1']],
    [`metric=shares&from=${NOON}&to=${NOON}`, ['shares 24h 0']],
    ['metric=nothing', []],
  ])('narrowed by %s', async (parameters, expected) => expect(short(await page(parameters))).toEqual(expected))

  test.each([1, 2, 3, 5])('by pages of %d: each once', async (limit) => {
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const { rows, next } = await page(`limit=${limit}${cursor}`)
      expect(rows.length).toBeLessThanOrEqual(limit)
      seen.push(...short({ rows }))
      if (next === null) break
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual(ALL)
  })

  test('as CSV, without formulas', async () => {
    const { body, headers } = await get('/v1/growth/restatements?limit=1', 'acme', 'text/csv')
    expect(headers['content-type']).toContain('text/csv')
    expect(body).toBe(`metric,window,at,before,after,cause,restated_at\nshares,24h,${at(NOON)},-3,,'=1+1,${at(NOON + 9)}\n`)
  })

  test('of one workspace are none of another', async () => {
    const answer = await get('/v1/growth/restatements', 'other')
    expect(short(answer.json())).toEqual(['shares 24h 1'])
    expect((await get('/v1/growth/restatements', 'write')).statusCode).toBe(403)
  })

  test.each(['cursor=nonsense', 'cursor=WzFd', 'limit=0', 'limit=1001', 'window=5h', 'from=yesterday', 'page=2'])(
    '%s is refused by name',
    async (parameters) => {
      const answer = await get(`/v1/growth/restatements?${parameters}`)
      expect(answer.json()).toMatchObject({ status: 400, code: 'parameter_invalid' })
      expect(answer.json().detail).toContain(parameters.split('=')[0])
    },
  )
})

describe('late events', () => {
  test.each([
    [
      '',
      [
        ['2026-02-18', 'rum', 1],
        ['2026-02-18', 'share', 2],
        ['2026-03-01', 'share', 1],
      ],
    ],
    [`?from=${NOON - 10 * DAY_MS}`, [['2026-03-01', 'share', 1]]],
    [
      `?to=${NOON - 9 * DAY_MS}`,
      [
        ['2026-02-18', 'rum', 1],
        ['2026-02-18', 'share', 2],
      ],
    ],
  ])('by day and type%s', async (parameters, expected) => {
    const answer = lateResponse.parse((await get(`/v1/growth/late${parameters}`)).json())
    expect(answer.rows.map(({ day, type, events }) => [day, type, events])).toEqual(expected)
    expect(answer.events).toBe(expected.reduce((sum, [, , events]) => sum + Number(events), 0))
  })

  test('as CSV', async () => {
    const { body } = await get(`/v1/growth/late?from=${NOON - 10 * DAY_MS}`, 'acme', 'text/csv')
    expect(body).toBe(`day,type,events,newest_receipt\n2026-03-01,share,1,${at(NOON + 4)}\n`)
  })
})
