import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { growthResponse, seriesResponse, type GrowthResponse, type SeriesResponse } from '../../schemas/growth-api.ts'
import { eventRecord } from '../../schemas/log-records.ts'
import { WarehouseUnavailableError, type WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Principal } from '../../schemas/ports/workspaces.ts'
import type { AdmittedEvent, GrowthRow } from '../../schemas/records.ts'
import { HOUR_MS } from '../../schemas/windows.ts'
import { createApiRoutes, type ApiDeps } from '../../warehouse/api/api-routes.ts'
import { registerOpenApi } from '../../warehouse/api/openapi.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

const NOON = Date.UTC(2026, 2, 10, 12)
const at = (ms: number) => new Date(ms).toISOString()

const KEYS: Record<string, Principal> = {
  'read-key': { workspace: 'acme', kind: 'read', keyId: '1' },
  'admin-key': { workspace: 'default', kind: 'admin', keyId: '2' },
  'write-key': { workspace: 'acme', kind: 'write', keyId: '3' },
  'server-key': { workspace: 'acme', kind: 'server', keyId: '4' },
  'empty-key': { workspace: 'empty', kind: 'read', keyId: '5' },
}

let warehouse: Warehouse
let app: FastifyInstance

async function appOver(reader: WarehouseReader, more: Partial<ApiDeps> = {}): Promise<FastifyInstance> {
  const server = Fastify()
  await registerOpenApi(server, '0.0.1')
  await server.register(
    createApiRoutes({
      reader,
      workspaces: { authenticate: (secret) => KEYS[secret], exists: (name) => ['acme', 'default', 'empty'].includes(name) },
      session: (request) =>
        request.headers.cookie === 'session=good' ? { workspace: 'acme', kind: 'admin', keyId: 'session' } : undefined,
      live: { publish: () => undefined, subscribe: () => () => undefined },
      clock: { nowMs: () => NOON },
      probes: [],
      sinkLag: () => ({ events: 0, ms: 0 }),
      metrics: new Registry(),
      ...more,
    }),
  )
  return server
}

function published(window: string, endMs: number, more: Partial<GrowthRow> = {}, counts: Partial<GrowthRow['counts']> = {}): GrowthRow {
  return {
    workspace: 'acme',
    window,
    dimension: '',
    value: '',
    end_ms: endMs,
    final: true,
    version: 1,
    watermark_ms: NOON,
    counts: { ...EMPTY_COUNTS, ...counts },
    k: { credits: 99, credits_squared: 99, people: 1000, cycles: 50, exposure: 99.8 },
    ...more,
  }
}

beforeAll(async () => {
  warehouse = await openTestWarehouse()
  const share = (offset: number, occurredAt: number, fields: object = {}): AdmittedEvent => ({
    record: eventRecord.parse({
      v: 1,
      type: 'share',
      workspace: 'acme',
      event_id: `e${offset}`,
      actor_id: `p${offset}`,
      content_id: 'c',
      received_at: NOON,
      occurred_at: occurredAt,
      ...fields,
    }),
    partition: 0,
    offset,
    actor: offset + 1,
    late: false,
  })
  await createSink(warehouse.writer, warehouse.reader).write({
    token: 'api',
    version: 1,
    quarantined: [],
    people: [],
    restatements: [],
    events: [share(0, NOON - 90_000, { channel: '=1+1' }), share(1, NOON - 3 * HOUR_MS), share(2, NOON + 30_000)],
    growth: [
      published('1h', NOON + 60_000, { final: false }, { active_users: 2 }),
      published('24h', NOON - HOUR_MS, {}, { active_users: 200, via_invite: 99, revenue: { EUR: -5 } }),
      published('24h', NOON - HOUR_MS, { dimension: 'channel', value: 'twitter', k: null }, { active_users: 150, via_invite: 33 }),
      published('24h', NOON - HOUR_MS, { dimension: 'channel', value: '', k: null }, { active_users: 50, via_invite: 66 }),
      published('24h', NOON, { version: 2 }, { active_users: 201 }),
      published('24h', NOON, { version: 1 }, { active_users: 199 }),
      published('24h', NOON + 300_000, { final: false }, { active_users: 3 }),
    ],
  })
  app = await appOver(warehouse.reader)
})
afterAll(async () => {
  await app.close()
  await warehouse.close()
})

async function get(url: string, headers: Record<string, string> = { authorization: 'Bearer read-key' }) {
  return app.inject({ method: 'GET', url, headers })
}
async function growth(parameters: string): Promise<GrowthResponse> {
  const response = await get(`/v1/growth?${parameters}`)
  expect(response.statusCode, response.body).toBe(200)
  return growthResponse.parse(response.json())
}
async function series(parameters: string): Promise<SeriesResponse> {
  const response = await get(`/v1/growth/series?${parameters}`)
  expect(response.statusCode, response.body).toBe(200)
  return seriesResponse.parse(response.json())
}

describe('who may read', () => {
  test.each([
    ['no key', {}, '', 401, 'key_missing'],
    ['an unknown key', { authorization: 'Bearer nope' }, '', 401, 'key_unknown'],
    ['an unknown key beside a session', { authorization: 'Bearer nope', cookie: 'session=good' }, '', 401, 'key_unknown'],
    ['a write key', { authorization: 'Bearer write-key' }, '', 403, 'key_scope'],
    ['a server key', { authorization: 'Bearer server-key' }, '', 403, 'key_scope'],
    ['a read key, another workspace', { authorization: 'Bearer read-key' }, '&workspace=default', 403, 'key_scope'],
    ['an admin key, no such workspace', { authorization: 'Bearer admin-key' }, '&workspace=nowhere', 404, 'not_found'],
    ['a read key', { authorization: 'Bearer read-key' }, '', 200, undefined],
    ['its own workspace by name', { authorization: 'Bearer read-key' }, '&workspace=acme', 200, undefined],
    ['the Basic user name', { authorization: `Basic ${Buffer.from('read-key:').toString('base64')}` }, '', 200, undefined],
    ['the parameter', {}, '&key=read-key', 200, undefined],
    ['an admin key, another workspace', { authorization: 'Bearer admin-key' }, '&workspace=acme', 200, undefined],
    ['a session', { cookie: 'session=good' }, '', 200, undefined],
  ])('%s', async (_, headers, parameters, status, code) => {
    for (const url of ['/v1/growth?window=24h', '/v1/growth/series?window=24h']) {
      const response = await get(url + parameters, headers as Record<string, string>)
      expect(response.statusCode, response.body).toBe(status)
      expect((response.json() as { code?: string }).code).toBe(code)
      if (code !== undefined) expect(response.headers['content-type']).toContain('application/problem+json')
    }
  })
})

test.each([
  ['/v1/growth?window=7', 'window'],
  ['/v1/growth?window=0d', 'window'],
  ['/v1/growth?at=yesterday', 'at'],
  ['/v1/growth?at=99999999999999', 'at'],
  ['/v1/growth?by=country', 'by'],
  ['/v1/growth?wimdow=7d', 'wimdow'],
  ['/v1/growth?window=1h&window=24h', 'window'],
  ['/v1/growth/series?metric=revenue', 'metric'],
  ['/v1/growth/series?step=1m&window=24h&from=2020-01-01T00:00:00Z', 'step'],
  ['/v1/growth/series?step=x', 'step'],
])('%s is refused by the name of the parameter', async (url, name) => {
  const response = await get(url)
  expect(response.statusCode).toBe(400)
  expect(response.json()).toMatchObject({ code: 'parameter_invalid', status: 400, detail: expect.stringContaining(name) as unknown })
})

describe('/v1/growth', () => {
  test('a published final window is served as it was published, the highest version', async () => {
    const answer = await growth(`window=24h&at=${at(NOON)}`)
    expect(answer).toMatchObject({ window: '24h', at: at(NOON), final: true, watermark: at(NOON), rows: [] })
    expect(answer.metrics.active_users.value).toBe(201)
    expect(answer.metrics.k_factor.value).toBeCloseTo(1, 12)
  })

  test('epoch milliseconds, and the same length in other words', async () => {
    expect((await growth(`window=1d&at=${NOON}`)).metrics.active_users.value).toBe(201)
  })

  test('a breakdown: largest first, (none) by name, contributions sum to K', async () => {
    const { rows, metrics } = await growth(`window=24h&by=channel&at=${at(NOON - HOUR_MS)}`)
    expect(rows.map((row) => [row.channel, row.metrics.active_users.value])).toEqual([
      ['twitter', 150],
      ['(none)', 50],
    ])
    const sum = rows.reduce((total, row) => total + (row.metrics.k_contribution.value ?? 0), 0)
    expect(sum).toBeCloseTo(metrics.k_factor.value ?? 0, 12)
  })

  test('the running window without `at`; any other length is computed at the end of its running pane', async () => {
    expect(await growth('window=24h')).toMatchObject({ at: at(NOON + 300_000), final: false, metrics: { active_users: { value: 3 } } })
    expect(await growth('window=2h')).toMatchObject({ at: at(NOON + 300_000), final: false, metrics: { active_users: { value: 2 } } })
    expect(await growth('window=1h&channel=(none)')).toMatchObject({ at: at(NOON + 60_000), metrics: { active_users: { value: 1 } } })
  })

  test('off the grid, filtered, or not published: computed from the events', async () => {
    expect(await growth(`window=24h&at=${NOON + 1}`)).toMatchObject({ final: false, metrics: { shares: { value: 2 } } })
    expect(await growth(`window=24h&at=${NOON - 1}`)).toMatchObject({ final: true, metrics: { shares: { value: 2 } } })
    expect(await growth(`window=24h&at=${NOON}&channel=${encodeURIComponent('=1+1')}`)).toMatchObject({ metrics: { shares: { value: 1 } } })
    expect(await growth(`window=30d&at=${NOON}`)).toMatchObject({
      final: true,
      metrics: { shares: { value: 2 }, k_factor: { reason: 'too_few_cycles' } },
    })
  })

  test('before the first event every number is there, empty', async () => {
    const response = await get('/v1/growth', { authorization: 'Bearer empty-key' })
    expect(growthResponse.parse(response.json())).toMatchObject({ window: '7d', at: null, final: false, watermark: null })
  })

  test('as CSV, formulas defused, numbers untouched', async () => {
    const headers = { authorization: 'Bearer read-key', accept: 'text/csv' }
    const broken = await get(`/v1/growth?window=2h&by=channel`, headers)
    expect(broken.headers['content-type']).toContain('text/csv')
    expect(broken.body).toContain(",'=1+1,")
    const whole = await get(`/v1/growth?window=24h&at=${at(NOON - HOUR_MS)}`, headers)
    const [heading = '', line = ''] = whole.body.trim().split('\n')
    expect(line.split(',')[heading.split(',').indexOf('revenue_EUR')]).toBe('-5')
    expect(heading).toContain('k_factor_lower_overdispersed')
  })
})

describe('/v1/growth/series', () => {
  test('published ends, computed where none was published, nothing after the running window', async () => {
    const answer = await series(`metric=active_users&window=24h&step=1h&from=${at(NOON - 3 * HOUR_MS)}&to=${at(NOON + 9 * HOUR_MS)}`)
    expect(answer.points.map(({ at: end, value }) => [end, value])).toEqual([
      [at(NOON - 3 * HOUR_MS), 1],
      [at(NOON - 2 * HOUR_MS), 1],
      [at(NOON - HOUR_MS), 200],
      [at(NOON), 201],
    ])
  })

  test('K carries its over-dispersed interval, and a reason where it is null', async () => {
    const { points } = await series(`window=24h&step=1h&from=${at(NOON - HOUR_MS)}&to=${at(NOON)}`)
    expect(points[1]?.value).toBeCloseTo(1, 12)
    expect(points[1]?.lower).toBeLessThan(1)
    expect(points[1]?.upper).toBeGreaterThan(1)
    const computed = await series(`window=2h&step=30m&from=${at(NOON - HOUR_MS)}&to=${at(NOON)}`)
    expect(computed.points.map((point) => point.reason)).toEqual(Array(3).fill('too_few_cycles'))
  })

  test('empty windows cost nothing: two thousand of them', async () => {
    const answer = await series(`metric=shares&window=90m&step=1h&to=${at(NOON)}&from=${at(NOON - 1999 * HOUR_MS)}`)
    expect(answer.points).toHaveLength(2000)
    expect(answer.points.filter((point) => point.value !== 0).map((point) => point.at)).toEqual([
      at(NOON - 3 * HOUR_MS),
      at(NOON - 2 * HOUR_MS),
      at(NOON),
    ])
  })

  test('a workspace without events has no points', async () => {
    const response = await get('/v1/growth/series', { authorization: 'Bearer empty-key' })
    expect(response.json()).toEqual({ metric: 'k_factor', window: '7d', step: '1h', points: [] })
  })
})

describe('operations', () => {
  test('readiness names what is not ready, and the lag', async () => {
    const server = await appOver(warehouse.reader, {
      probes: [
        { name: 'log', check: () => undefined },
        { name: 'processors', check: () => 'are restoring' },
        { name: 'warehouse', check: () => Promise.reject(new Error('is away')) },
      ],
      sinkLag: () => ({ events: 12, ms: 340 }),
    })
    const response = await server.inject('/readyz')
    expect(response.statusCode).toBe(503)
    expect(response.json()).toEqual({
      ready: false,
      not_ready: [
        { name: 'processors', reason: 'are restoring', since: at(NOON) },
        { name: 'warehouse', reason: 'is away', since: at(NOON) },
      ],
      sink_lag: { events: 12, ms: 340 },
    })
    await server.close()
    expect((await app.inject('/readyz')).json()).toEqual({ ready: true, not_ready: [], sink_lag: { events: 0, ms: 0 } })
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' })
    expect((await app.inject('/metrics')).headers['content-type']).toContain('text/plain')
  })

  test('a warehouse that is away is a 503 with Retry-After, a bug of ours a 500 without details', async () => {
    for (const [error, status, code] of [
      [new WarehouseUnavailableError('gone'), 503, 'warehouse_unavailable'],
      [new Error('secret detail'), 500, 'internal'],
    ] as const) {
      const server = await appOver({ select: () => Promise.reject(error) })
      const response = await server.inject({ url: '/v1/growth', headers: { authorization: 'Bearer read-key' } })
      expect(response.statusCode).toBe(status)
      expect(response.json()).toMatchObject({ code })
      expect(response.body).not.toContain('secret')
      if (status === 503) expect(response.headers['retry-after']).toBe('5')
      await server.close()
    }
  })

  test('the description comes from the schemas', async () => {
    const document = (await app.inject('/openapi.json')).json() as {
      paths: Record<string, { get: { parameters: { name: string }[]; responses: Record<string, object> } }>
    }
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/v1/growth',
        '/v1/growth/restatements',
        '/v1/growth/late',
        '/v1/quarantine',
        '/v1/growth/series',
        '/v1/live',
        '/healthz',
        '/readyz',
        '/metrics',
      ]),
    )
    const { parameters, responses } = document.paths['/v1/growth']?.get ?? { parameters: [], responses: {} }
    expect(parameters.map((parameter) => parameter.name)).toEqual(expect.arrayContaining(['window', 'at', 'by', 'channel', 'workspace']))
    expect(JSON.stringify(responses['200'])).toContain('lower_overdispersed')
  })
})
