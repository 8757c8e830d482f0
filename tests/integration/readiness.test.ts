/** `/readyz` answers in time whatever hangs or fails behind it. */
import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import { addHealthRoutes, type HealthPorts } from '../../warehouse/api/health-routes.ts'

const NOON = Date.UTC(2026, 2, 10, 12)
const SINCE = new Date(NOON).toISOString()
let nowMs = NOON
let app: FastifyInstance
afterEach(() => app.close())

async function readiness(ports: Partial<HealthPorts>) {
  app = Fastify()
  addHealthRoutes(app, {
    probes: [],
    sinkLag: () => ({ events: 1, ms: 2 }),
    metrics: new Registry(),
    clock: { nowMs: () => nowMs },
    ...ports,
  })
  const { statusCode, json } = await app.inject('/readyz')
  return [statusCode, json()]
}

const never = () => new Promise<never>(() => {})

test('a dependency that hangs is named within seconds', async () => {
  expect(await readiness({ probes: [{ name: 'warehouse', check: never }] })).toEqual([
    503,
    {
      ready: false,
      not_ready: [{ name: 'warehouse', reason: 'does not answer within 3 s', since: SINCE }],
      sink_lag: { events: 1, ms: 2 },
    },
  ])
})

test.each<[string, HealthPorts['sinkLag']]>([
  ['fails', () => Promise.reject(new Error('no broker answers'))],
  ['hangs', never],
])('a lag of which the source %s is unknown, and hides nothing else', async (_, sinkLag) => {
  expect(await readiness({ probes: [{ name: 'log', check: () => 'is away' }], sinkLag })).toEqual([
    503,
    { ready: false, not_ready: [{ name: 'log', reason: 'is away', since: SINCE }], sink_lag: null },
  ])
})

test('says since when something is not ready, and anew when it was ready in between', async () => {
  let isAway = true
  await readiness({ probes: [{ name: 'log', check: () => (isAway ? 'is away' : undefined) }] })
  const sinceOf = async () => (await app.inject('/readyz')).json().not_ready[0]?.since
  nowMs = NOON + 60_000
  expect(await sinceOf()).toBe(SINCE)
  isAway = false
  expect(await sinceOf()).toBeUndefined()
  isAway = true
  expect(await sinceOf()).toBe(new Date(NOON + 60_000).toISOString())
  nowMs = NOON
})
