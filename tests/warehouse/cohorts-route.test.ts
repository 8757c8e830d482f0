/** `/v1/cohorts` over people that are filled in directly, against counts by hand. */
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cohortsResponse } from '../../schemas/cohorts-api.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { addCohortsRoute } from '../../warehouse/api/cohorts-route.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { type Arrival, END, PEOPLE, serverOf, shareOf, START, WATERMARK, writePeople } from './brought-people.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

/** Every third person shares an hour after arriving, every fifth again eight days later. */
const SHARES = PEOPLE.flatMap(({ id, atMs }, index) => [
  ...(index % 3 === 0 ? [shareOf(2 * index, id, atMs + HOUR_MS)] : []),
  ...(index % 5 === 0 ? [shareOf(2 * index + 1, id, atMs + 8 * DAY_MS)] : []),
])

let warehouse: Warehouse
let app: FastifyInstance
beforeAll(async () => {
  warehouse = await openTestWarehouse()
  await writePeople(warehouse, 'cohorts', SHARES)
  app = serverOf(warehouse, addCohortsRoute)
})
afterAll(async () => {
  await app.close()
  await warehouse.close()
})

const get = (parameters: string, key = 'acme', accept = 'application/json') =>
  app.inject({ method: 'GET', url: `/v1/cohorts?${parameters}`, headers: { authorization: `Bearer ${key}`, accept } })
async function cohorts(parameters: string, key = 'acme') {
  const answer = await get(parameters, key)
  expect(answer.statusCode, answer.body).toBe(200)
  return cohortsResponse.parse(answer.json())
}

/** People who arrived in `[fromMs, toMs)`, as of an instant. */
const arrived = (fromMs: number, toMs: number, asOfMs: number) =>
  PEOPLE.filter(({ atMs }) => atMs >= fromMs && atMs < toMs && atMs <= asOfMs)
const broughtBy = (person: Arrival, asOfMs: number) => PEOPLE.filter(({ referrer, atMs }) => referrer === person.id && atMs <= asOfMs)

/** The cells of a cohort by their definition. */
function cellsByHand(people: readonly Arrival[], asOfMs: number, ageMs: number, ages: number) {
  const cells: object[] = []
  let perPerson = 0
  for (let age = 0; age < ages; age += 1) {
    const isOfAge = (person: Arrival, ms: number) => Math.floor((ms - person.atMs) / ageMs) === age
    const through = people.filter(({ atMs }) => atMs + (age + 1) * ageMs <= asOfMs)
    if (through.length === 0) break
    const brought = through.reduce((sum, person) => sum + broughtBy(person, asOfMs).filter(({ atMs }) => isOfAge(person, atMs)).length, 0)
    perPerson += brought / through.length
    const spread = through.filter((person) =>
      SHARES.some(({ actor_id, occurred_at }) => actor_id === person.id && isOfAge(person, occurred_at)),
    )
    cells.push({
      age,
      people: through.length,
      referrals_per_person: expect.closeTo(perPerson, 12),
      spreading: spread.length / through.length,
    })
  }
  return cells
}

describe('the triangle', () => {
  test.each([
    ['week', 7 * DAY_MS, Date.UTC(2026, 1, 23), 6],
    ['day', DAY_MS, START, 4],
    ['month', 30 * DAY_MS, Date.UTC(2026, 1, 1), 2],
  ] as const)('by %s holds each cohort by age', async (by, ageMs, from, ages) => {
    const asOfMs = END - 2 * DAY_MS - 5 * HOUR_MS
    const { rows } = await cohorts(`by=${by}&from=${from}&at=${asOfMs}&ages=${ages}`)
    expect(rows[0]?.cohort).toBe(new Date(from).toISOString())
    for (const [index, row] of rows.entries()) {
      const startMs = Date.parse(row.cohort)
      const people = arrived(startMs, Date.parse(rows[index + 1]?.cohort ?? '2100-01-01'), asOfMs)
      expect(row.people).toBe(people.length)
      expect(row.referrals).toBe(people.reduce((sum, person) => sum + broughtBy(person, asOfMs).length, 0))
      expect(row.ages).toEqual(cellsByHand(people, asOfMs, ageMs, ages))
    }
  })
})

test('K of a young cohort is what it will have been', async () => {
  const at = Date.UTC(2026, 2, 16, 12)
  const week = 'by=week&from=2026-03-09T00:00:00Z&ages=1'
  const [young] = (await cohorts(`${week}&at=${at}`)).rows
  const [grown] = (await cohorts(`${week}&at=${WATERMARK}`)).rows
  expect(young?.cohort_k).toMatchObject({ maturing: true })
  expect(grown?.cohort_k.maturity).toBeGreaterThan(0.9)
  const final = grown?.cohort_k.naive ?? Number.NaN
  expect(Math.abs((young?.cohort_k.value ?? Number.NaN) - final)).toBeLessThan(Math.abs((young?.cohort_k.naive ?? Number.NaN) - final))
})

test('as of the watermark, the newest twelve, without parameters', async () => {
  const { at, rows } = await cohorts('')
  expect(at).toBe(new Date(WATERMARK).toISOString())
  expect(rows).toHaveLength(12)
  expect(rows.at(-1)?.cohort).toBe('2026-03-30T00:00:00.000Z')
  expect(rows[0]).toMatchObject({ people: 0, ages: [], cohort_k: { value: null, reason: 'no_arrivals' } })
})

test('a workspace without anybody has no cohorts', async () => {
  expect(await cohorts('', 'empty')).toEqual({ by: 'week', at: null, rows: [] })
})

test.each([
  ['too many cohorts', 'by=day&from=2020-01-01T00:00:00Z', 'from'],
  ['an unknown length', 'by=year', 'by'],
  ['ages without end', 'ages=1000', 'ages'],
])('%s: refused by name', async (_, parameters, name) => {
  const answer = await get(parameters)
  expect(answer.statusCode).toBe(400)
  expect(answer.body).toContain(name)
})

test('as CSV', async () => {
  const { body } = await get('by=week&from=2026-03-09T00:00:00Z', 'acme', 'text/csv')
  expect(body.split('\n')[0]).toBe('cohort,cohort_people,cohort_k,age,people,referrals_per_person,spreading')
})
