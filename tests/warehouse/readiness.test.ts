/** `/readyz` answers in time whatever hangs or fails behind it. */
import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import { addHealthRoutes, type HealthPorts } from '../../warehouse/api/health-routes.ts'

let app: FastifyInstance
afterEach(() => app.close())

async function readiness(ports: Partial<HealthPorts>) {
  app = Fastify()
  addHealthRoutes(app, { probes: [], sinkLag: () => ({ events: 1, ms: 2 }), metrics: new Registry(), ...ports })
  const { statusCode, json } = await app.inject('/readyz')
  return [statusCode, json()]
}

const never = () => new Promise<never>(() => {})

test('a dependency that hangs is named within seconds', async () => {
  expect(await readiness({ probes: [{ name: 'warehouse', check: never }] })).toEqual([
    503,
    { ready: false, not_ready: [{ name: 'warehouse', reason: 'does not answer within 3 s' }], sink_lag: { events: 1, ms: 2 } },
  ])
})

test.each<[string, HealthPorts['sinkLag']]>([
  ['fails', () => Promise.reject(new Error('no broker answers'))],
  ['hangs', never],
])('a lag of which the source %s is unknown, and hides nothing else', async (_, sinkLag) => {
  expect(await readiness({ probes: [{ name: 'log', check: () => 'is away' }], sinkLag })).toEqual([
    503,
    { ready: false, not_ready: [{ name: 'log', reason: 'is away' }], sink_lag: null },
  ])
})
