/** What goes wrong between Kappa and a ClickHouse server: nothing is lost, nothing twice, half an answer is no answer. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type WarehouseColumn, WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { openHttpWarehouse } from '../../warehouse/drivers/http.ts'
import { migrate } from '../../warehouse/migrations/migrate.ts'
import { rowsOf, workspaceQuery } from '../../warehouse/queries/workspace-query.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import type { FrontFault } from '../support/clickhouse-front-faults.ts'

let front: ClickHouseFront
let warehouse: Warehouse
beforeAll(async () => {
  front = await startClickHouseFront()
  const first = await openHttpWarehouse({ url: front.url() })
  await first.command('CREATE DATABASE kappa')
  await first.close()
  warehouse = await openHttpWarehouse({ url: front.url('kappa'), insertSecondsMax: 1, readSecondsMax: 5 })
  await migrate(warehouse, 0)
})
beforeEach(async () => void (await front.requests()))
afterAll(async () => {
  await warehouse.close()
  await front.close()
})

interface Row {
  readonly offset: number
}
const columns = (workspace: string): WarehouseColumn<Row>[] => [
  { name: 'workspace', type: 'String', value: () => workspace },
  { name: '_offset', type: 'UInt64', value: ({ offset }) => offset },
  { name: 'body', type: 'String', value: ({ offset }) => `the text of row ${offset}` },
]
const rows = (count: number): Row[] => Array.from({ length: count }, (_, offset) => ({ offset }))
const insert = (workspace: string, count: number, token = workspace) =>
  warehouse.writer.insert({ table: 'quarantine', columns: columns(workspace), rows: rows(count), token })

const stored = async (workspace: string) =>
  (await warehouse.rows<{ n: number }>(`SELECT count() AS n FROM quarantine WHERE workspace = '${workspace}'`))[0]?.n
const manyRows = workspaceQuery`SELECT number, (SELECT count() FROM ${rowsOf('people')}) AS people FROM numbers(50000)`
const readMany = () => warehouse.reader.select<{ number: number }>({ workspace: 'acme', sql: manyRows })

test('reads are read-only, limited and compressed; the parameters are no part of the statement', async () => {
  expect(await readMany()).toHaveLength(50_000)
  const [request] = await front.requests()
  expect(request?.settings).toMatchObject({ readonly: '1', max_execution_time: '5', enable_http_compression: '1' })
  expect(Number(request?.settings['max_memory_usage'])).toBeGreaterThan(1e9)
  expect(request?.params).toEqual(['workspace'])
  expect(request?.query).not.toContain('acme')
})

test('inserts are one compressed block with token and without delay on the server', async () => {
  await insert('block', 5_000)
  const [request] = await front.requests()
  expect(request?.contentEncoding).toBe('gzip')
  expect(request?.bodyBytes).toBeLessThan(5_000 * 20)
  expect(request?.query).toMatch(
    /^INSERT INTO quarantine \(.*\) SETTINGS async_insert = 0,.*insert_deduplication_token = 'block' FORMAT Native$/,
  )
  expect(request?.settings).not.toHaveProperty('readonly')
  expect(await stored('block')).toBe(5_000)
})

test.each<[string, FrontFault, RegExp]>([
  ['an error after half of the rows', { kind: 'error-in-answer', form: 'tagged' }, /memory limit/i],
  ['the same from an older server', { kind: 'error-in-answer', form: 'bare' }, /memory limit/i],
  ['a connection that goes in the middle', { kind: 'cut-answer', isEndedCleanly: false }, /./],
  ['an answer that ends too early', { kind: 'cut-answer', isEndedCleanly: true }, /cut off/],
  ['a connection that goes before the answer', { kind: 'lost-answer' }, /./],
  ["a proxy's 503", { kind: 'refused', form: '503' }, /503/],
  ['a connection that is reset', { kind: 'refused', form: 'reset' }, /./],
])('a read fails whole at %s, and the next one works', async (_, fault, message) => {
  await front.fail(fault)
  const error: unknown = await readMany().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(WarehouseUnavailableError)
  expect(String(error)).toMatch(message)
  expect(await readMany()).toHaveLength(50_000)
})

test.each(['tagged', 'bare'] as const)("half an answer is no answer to the operator's SQL either: %s", async (form) => {
  await front.fail({ kind: 'error-in-answer', form })
  await expect(warehouse.operatorSql('SELECT number FROM numbers(1000)', 'CSV')).rejects.toThrow(/memory limit/i)
  expect(await warehouse.operatorSql('SELECT number FROM numbers(2)', 'CSV')).toBe('0\n1\n')
})

describe('an insert that was not acknowledged and is tried again is there once:', () => {
  test.each<[string, FrontFault, number]>([
    ['the answer was lost after the rows were written', { kind: 'lost-answer' }, 100],
    ['the answer came too late', { kind: 'slow', ms: 1_500 }, 100],
    ['a proxy refused', { kind: 'refused', form: '503' }, 0],
    ['the connection was reset', { kind: 'refused', form: 'reset' }, 0],
  ])('%s', async (name, fault, storedBefore) => {
    await front.fail(fault, { matching: 'INSERT INTO quarantine' })
    await expect(insert(name, 100)).rejects.toBeInstanceOf(WarehouseUnavailableError)
    expect(await stored(name)).toBe(storedBefore)
    await insert(name, 100)
    await insert(name, 100)
    expect(await stored(name)).toBe(100)
  })

  test('the server hung', async () => {
    front.freeze()
    const startedAt = performance.now()
    await expect(insert('hung', 100)).rejects.toBeInstanceOf(WarehouseUnavailableError)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    front.thaw()
    await insert('hung', 100)
    expect(await stored('hung')).toBe(100)
  })
})

test('questions wait for their turn: never more connections than allowed, none forgotten', async () => {
  let open = 0
  let most = 0
  const counting = createServer((request, response) => {
    open += 1
    most = Math.max(most, open)
    request.resume()
    setTimeout(() => {
      open -= 1
      response.end('{"n":1}\n')
    }, 5)
  })
  await new Promise<void>((listening) => counting.listen(0, '127.0.0.1', listening))
  const { port } = counting.address() as AddressInfo
  const narrow = await openHttpWarehouse({ url: `http://127.0.0.1:${port}`, requestsAtOnce: 3 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => narrow.rows('SELECT 1 AS n')))
  expect(answers).toHaveLength(20)
  expect(most).toBe(3)
  await narrow.close()
  counting.close()
})

test.each([
  ['a wrong password', () => front.url('kappa', 'not the password')],
  ['a database that is not there', () => front.url('elsewhere')],
  ['no server at all', () => 'http://kappa:not-to-be-told@127.0.0.1:9'],
])('%s is an outage to wait for; the message has no password', async (_, url) => {
  const other = await openHttpWarehouse({ url: url() })
  const error: unknown = await other.rows('SELECT 1').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(WarehouseUnavailableError)
  expect(String(error)).not.toMatch(/p@ss|not the password|not-to-be-told/)
  await other.close()
})
