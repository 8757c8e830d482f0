/** `/v1/growth/reproduction` over people that are filled in directly, against sums by hand. */
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reproductionResponse } from '../../schemas/reproduction-api.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { addReproductionRoute } from '../../warehouse/api/reproduction-route.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { type Arrival, END, PEOPLE, serverOf, START, writePeople } from './brought-people.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

const PRIOR_SHAPE = 1
const PRIOR_RATE = 1 / 5

let warehouse: Warehouse
let app: FastifyInstance
beforeAll(async () => {
  warehouse = await openTestWarehouse()
  await writePeople(warehouse, 'reproduction')
  app = serverOf(warehouse, addReproductionRoute)
})
afterAll(async () => {
  await app.close()
  await warehouse.close()
})

const get = (parameters: Record<string, string | number>, key = 'acme', accept = 'application/json') => {
  const query = new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]))
  return app.inject({ method: 'GET', url: `/v1/growth/reproduction?${query}`, headers: { authorization: `Bearer ${key}`, accept } })
}
async function points(parameters: Record<string, string | number>, key = 'acme') {
  const answer = await get(parameters, key)
  expect(answer.statusCode, answer.body).toBe(200)
  return reproductionResponse.parse(answer.json())
}

/** Those who arrived in `(fromMs, toMs]`, as of `asOfMs`: brought by somebody, and in all. */
function counted(fromMs: number, toMs: number, asOfMs: number) {
  const came = PEOPLE.filter(({ atMs }) => atMs > fromMs && atMs <= toMs && atMs <= asOfMs)
  return { local: came.filter(({ referrer }) => referrer !== '').length, all: came.length }
}

/** Posterior mean by the definition, with weights by delay in steps. */
function meanByHand(weights: readonly number[], atMs: number, tau: number, stepMs: number, asOfMs: number): number {
  let exposure = 0
  for (let step = 0; step < tau; step += 1)
    for (const [k, weight] of weights.entries()) {
      const toMs = atMs - (step + k) * stepMs
      exposure += weight * counted(toMs - stepMs, toMs, asOfMs).all
    }
  return (PRIOR_SHAPE + counted(atMs - tau * stepMs, atMs, asOfMs).local) / (PRIOR_RATE + exposure)
}

/** Cycle times over those who had the time for them: all of them, where nobody is younger than the longest. */
function measuredWeights(stepMs: number, asOfMs: number): number[] {
  const byId = new Map(PEOPLE.map((person) => [person.id, person]))
  const delays = PEOPLE.filter(({ referrer, atMs }) => referrer !== '' && atMs <= asOfMs).map(
    ({ atMs, referrer }) => atMs - (byId.get(referrer) as Arrival).atMs,
  )
  const atLeast = (delayMs: number) => PEOPLE.filter(({ atMs }) => atMs <= asOfMs - delayMs).length
  const weights: number[] = [0]
  for (const delayMs of delays) {
    const minutes = binOf(Math.ceil(delayMs / MINUTE_MS))
    const steps = Math.ceil((minutes * MINUTE_MS) / stepMs)
    while (weights.length <= steps) weights.push(0)
    weights[steps] = (weights[steps] as number) + 1 / atLeast(minutes * MINUTE_MS)
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/** METRICS: above 100 minutes up to the next of ceil(100 x 1.01^k). */
function binOf(minutes: number): number {
  let edge = 100
  for (let k = 1; edge < minutes; k += 1) edge = Math.ceil(100 * 1.01 ** k)
  return edge
}

describe('a point', () => {
  test('is the posterior of all who came before, with the measured interval', async () => {
    const toMs = START + 28 * DAY_MS
    const answer = await points({ step: '6h', tau: 12, from: START + 20 * DAY_MS, to: toMs })
    expect(answer.points).toHaveLength(32)
    expect(answer.interval?.kind).toBe('measured')
    const weights = measuredWeights(6 * HOUR_MS, toMs)
    expect(answer.interval?.mean).toBeCloseTo(
      weights.reduce((sum, weight, k) => sum + weight * k, 0),
      9,
    )
    for (const { at, mean, median, lower, upper, local } of answer.points) {
      const atMs = Date.parse(at)
      expect(mean).toBeCloseTo(meanByHand(weights, atMs, 12, 6 * HOUR_MS, toMs), 9)
      expect(local).toBe(counted(atMs - 3 * DAY_MS, atMs, toMs).local)
      expect([lower, median, mean, upper]).toEqual([lower, median, mean, upper].sort((a, b) => Number(a) - Number(b)))
    }
  })

  test('takes the interval and the prior that are given', async () => {
    const asked = { step: '1d', tau: 5, from: START + 15 * DAY_MS, to: START + 20 * DAY_MS, interval_mean: 3, interval_sd: 1.2 }
    const given = await points(asked)
    expect(given.interval).toEqual({ kind: 'given', mean: 3 })
    expect(given.points.map(({ at }) => Date.parse(at))).toEqual([16, 17, 18, 19, 20].map((day) => START + day * DAY_MS))
    const strong = await points({ ...asked, prior_mean: 0.1, prior_sd: 0.001 })
    for (const [index, point] of strong.points.entries()) {
      expect(point.mean).toBeCloseTo(0.1, 2)
      expect(given.points[index]?.mean).toBeGreaterThan(0.2)
    }
  })
})

describe('what there is no value for says why', () => {
  test.each([
    ['a window that holds the first step', { step: '1d', from: START - 2 * DAY_MS, to: START + 3 * DAY_MS, tau: 7 }, 'no_earlier_step'],
    ['a step that is long for the delays', { step: '2d', from: START, to: END }, 'step_too_long'],
    ['an interval of a step', { step: '1d', from: START, to: END, interval_mean: 1, interval_sd: 1 }, 'mean_not_above_one_step'],
    [
      'before a mean interval has passed',
      { step: '6h', from: START, to: START + DAY_MS, tau: 1, interval_mean: 9, interval_sd: 2 },
      'before_mean_interval',
    ],
    ['too few cycle times', { step: '1h', from: START, to: START + 3 * DAY_MS, tau: 3 }, 'too_few_cycles'],
  ] as const)('%s', async (_, asked, reason) => {
    const { points: found } = await points(asked)
    expect(found.length).toBeGreaterThan(0)
    expect(new Set(found.map((point) => point.reason))).toContain(reason)
    for (const point of found) if (point.reason !== undefined) expect([point.mean, point.lower, point.upper]).toEqual([null, null, null])
  })
})

test('without from and to: ninety steps up to the last that is final', async () => {
  const { points: found } = await points({ step: '1h', interval_mean: 40, interval_sd: 10 })
  expect(found).toHaveLength(90)
  expect(found.at(-1)?.at).toBe(new Date(END + 3 * HOUR_MS).toISOString())
})

test('a workspace without anybody has no points', async () => {
  expect(await points({}, 'empty')).toEqual({ step: '1d', tau: 7, interval: null, points: [] })
})

test.each([
  ['one half of an interval', { interval_mean: 3 }, 'interval_sd'],
  ['points without end', { step: '1m', from: 0, to: END }, 'step'],
  ['a step of nothing', { step: '0h' }, 'step'],
  ['an unknown parameter', { stepp: '1d' }, 'stepp'],
])('%s is refused by name', async (_, asked, name) => {
  const answer = await get(asked as Record<string, string>)
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'parameter_invalid' })
  expect(answer.body).toContain(name)
})

test('as CSV', async () => {
  const answer = await get(
    { step: '1d', from: START + 18 * DAY_MS, to: START + 20 * DAY_MS, interval_mean: 3, interval_sd: 1 },
    'acme',
    'text/csv',
  )
  const lines = answer.body.trim().split('\n')
  expect(lines[0]).toBe('at,mean,median,lower,upper,local,imported')
  expect(lines).toHaveLength(3)
})
