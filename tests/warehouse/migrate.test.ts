import { afterAll, beforeAll, expect, test } from 'vitest'
import { WarehouseUnavailableError, type WorkspaceSql } from '../../schemas/ports/warehouse.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import type { TableDefinition } from '../../warehouse/migrations/migration.ts'
import { MIGRATIONS, migrate, WarehouseTooNewError } from '../../warehouse/migrations/migrate.ts'
import { rowsOf, sql, workspaceQuery } from '../../warehouse/queries/workspace-query.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

let warehouse: Warehouse
beforeAll(async () => {
  warehouse = await openTestWarehouse({ readMemoryBytesMax: 200_000_000 })
})
afterAll(() => warehouse.close())

test('migrations are numbered without gaps', () => {
  expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1))
})

test('a second run applies nothing', async () => {
  expect(await migrate(warehouse, 0)).toEqual([])
})

test('a run that was cut off between statements and record starts the step again', async () => {
  const half: TableDefinition = { kind: 'table', name: 'half', columns: ['a UInt8'], orderBy: 'a' }
  const step = { version: MIGRATIONS.length + 1, name: "it's half", statements: [half] }
  const broken = { ...step, statements: [half, { ...half, name: 'nonsense', columns: ['a NoSuchType'] }] }
  await expect(migrate(warehouse, 0, { migrations: [...MIGRATIONS, broken] })).rejects.toThrow()
  expect(await migrate(warehouse, 0, { migrations: [...MIGRATIONS, step] })).toEqual([step.version])
  await expect(migrate(warehouse, 0), 'an older build').rejects.toBeInstanceOf(WarehouseTooNewError)
})

test('reads can not write, change settings or read files', async () => {
  for (const statement of [
    'CREATE TABLE planted (a UInt8) ENGINE = Memory',
    "INSERT INTO people (workspace) VALUES ('x')",
    'SET readonly = 0',
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
  ]) {
    await expect(warehouse.operatorSql(statement, 'JSONEachRow'), statement).rejects.toThrow()
  }
  expect(await warehouse.operatorSql('SELECT 1 AS one;', 'JSONEachRow')).toBe('{"one":1}\n')
})

test('a query without the workspace is refused, at its definition and by the driver', async () => {
  expect(() => workspaceQuery`SELECT count() FROM events`).toThrow(/only through rowsOf/)
  expect(() => workspaceQuery`SELECT 1`).toThrow(/reads rowsOf/)
  expect(() => sql`SELECT * FROM default.people`).toThrow(/only through rowsOf/)
  await expect(warehouse.reader.select({ workspace: 'a', sql: 'SELECT 1' as WorkspaceSql })).rejects.toThrow(/workspace/)
  const ours = workspaceQuery`SELECT count() AS n FROM ${rowsOf('people')}`
  expect(await warehouse.reader.select({ workspace: "x' OR 1=1 --", sql: ours })).toEqual([{ n: 0 }])
})

test('what the engine can not do now is unavailable, a fault of the statement is not', async () => {
  const huge = workspaceQuery`SELECT length(groupArray(number)) AS n, (SELECT count() FROM ${rowsOf('people')}) AS people FROM numbers(100000000)`
  const refusal = await warehouse.reader.select({ workspace: 'a', sql: huge }).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(WarehouseUnavailableError)
  expect(String(refusal)).toMatch(/memory limit/i)
  const wrong = workspaceQuery`SELECT no_such_column FROM ${rowsOf('people')}`
  await expect(warehouse.reader.select({ workspace: 'a', sql: wrong })).rejects.not.toBeInstanceOf(WarehouseUnavailableError)
})
