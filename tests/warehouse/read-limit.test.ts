/** Reads of a key are counted: over the limit a 429 that says when to come again. */
import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMemoryLimits } from '../../ingest/limits/memory-limits.ts'
import { createApiRoutes } from '../../warehouse/api/api-routes.ts'

let nowMs = Date.UTC(2026, 0, 1)
let app: FastifyInstance
beforeAll(async () => {
  const limits = createMemoryLimits({ nowMs: () => nowMs })
  app = Fastify()
  await app.register(
    createApiRoutes({
      reader: { select: async () => [] },
      workspaces: { authenticate: (key) => (key === '' ? undefined : { workspace: 'acme', kind: 'read', keyId: key }), exists: () => true },
      session: () => ({ workspace: 'acme', kind: 'admin', keyId: 'session' }),
      limitReads: (keyId) => limits.take({ name: 'reads', max: 3, perMs: 60_000 }, keyId),
      live: { publish: () => undefined, subscribe: () => () => undefined },
      clock: { nowMs: () => nowMs },
      probes: [],
      sinkLag: () => ({ events: 0, ms: 0 }),
      metrics: new Registry(),
    }),
  )
})
afterAll(() => app.close())

const read = (key?: string, url = '/v1/growth') => app.inject({ url, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })

test('the fourth read of a minute is a 429 with Retry-After, for this key only', async () => {
  for (const url of ['/v1/growth', '/v1/growth/series?metric=k_factor&window=24h', '/v1/growth']) {
    expect((await read('one', url)).statusCode, url).not.toBe(429)
  }
  const refused = await read('one')
  expect(refused.statusCode).toBe(429)
  expect(refused.headers['content-type']).toContain('application/problem+json')
  expect(refused.json()).toMatchObject({ code: 'rate_limited', status: 429 })
  const waitSeconds = Number(refused.headers['retry-after'])
  expect(waitSeconds).toBeGreaterThan(0)
  expect((await read('another')).statusCode).toBe(200)
  nowMs += waitSeconds * 1_000
  expect((await read('one')).statusCode).toBe(200)
})

test("the live stream is a read too, the dashboard's session and health are not counted", async () => {
  for (let index = 0; index < 3; index += 1) await read('two')
  expect((await read('two', '/v1/live')).statusCode).toBe(429)
  for (let index = 0; index < 10; index += 1) expect((await read()).statusCode).toBe(200)
  for (let index = 0; index < 10; index += 1) expect((await read('two', '/healthz')).statusCode).toBe(200)
})
