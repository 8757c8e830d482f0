/** What every driver of the warehouse must do (schemas/ports/warehouse.ts, warehouse/drivers/). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type WarehouseColumn, WarehouseUnavailableError, type SqlValue, type WorkspaceSql } from '../../schemas/ports/warehouse.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { migrate } from '../../warehouse/migrations/migrate.ts'
import { rowsOf, sql, workspaceQuery } from '../../warehouse/queries/workspace-query.ts'

export interface WarehouseUnderTest {
  readonly name: string
  /** An empty warehouse of which a read may use 200 MB; `dispose` removes its data too. */
  open(): Promise<{ warehouse: Warehouse; dispose(): Promise<void> }>
}

interface QuarantineRow {
  readonly offset: number
  readonly body: string
}

const NOON = Date.UTC(2026, 0, 1, 12)

const quarantineColumns = (workspace: string): WarehouseColumn<QuarantineRow>[] => [
  { name: 'workspace', type: 'String', value: () => workspace },
  { name: 'received_at', type: 'DateTime64(3)', value: ({ offset }) => NOON + offset },
  { name: '_offset', type: 'UInt64', value: ({ offset }) => offset },
  { name: 'body', type: 'String', value: ({ body }) => body },
]

const countQuarantined = workspaceQuery`SELECT count() AS n, sum(_offset) AS offsets FROM ${rowsOf('quarantine')}`
const noTable = sql`(SELECT count() FROM ${rowsOf('people')}) AS people`

export function describeWarehouseContract(driver: WarehouseUnderTest): void {
  describe(`the ${driver.name} warehouse`, () => {
    let warehouse: Warehouse
    let dispose: () => Promise<void>
    beforeAll(async () => {
      const opened = await driver.open()
      warehouse = opened.warehouse
      dispose = opened.dispose
      await migrate(warehouse, NOON)
    })
    afterAll(async () => {
      await warehouse.close()
      await dispose()
    })

    const rowsOfQuarantine = (count: number, from = 0): QuarantineRow[] =>
      Array.from({ length: count }, (_, index) => ({ offset: from + index, body: `body ${from + index}` }))
    const insert = (workspace: string, rows: readonly QuarantineRow[], token?: string) =>
      warehouse.writer.insert({
        table: 'quarantine',
        columns: quarantineColumns(workspace),
        rows,
        ...(token === undefined ? {} : { token }),
      })
    const counted = async (workspace: string) =>
      (await warehouse.reader.select<{ n: number; offsets: number }>({ workspace, sql: countQuarantined }))[0]

    const one = async <Row>(text: WorkspaceSql, params: Readonly<Record<string, SqlValue>> = {}) =>
      (await warehouse.reader.select<Row>({ workspace: 'acme', sql: text, params }))[0]

    it('is migrated once', async () => {
      expect(await migrate(warehouse, NOON)).toEqual([])
    })

    it.each([
      ['plain', 'acme'],
      ['quotes', 'it\'s "quoted" `so`'],
      ['backslashes', 'a\\b\\nc\\'],
      ['control characters', 'tab\tline\nreturn\r'],
      ['other scripts', 'ünïcødé 🙂 日本'],
      ['SQL', "x' OR 1=1 --"],
      ['a placeholder', '{workspace:String}'],
      ['empty', ''],
      ['longer than an address may be', 'long '.repeat(4_000)],
    ])('text goes in and out as it is: %s', async (_, text) => {
      expect(await one(workspaceQuery`SELECT {text:String} AS text, ${noTable}`, { text })).toEqual({ text, people: 0 })
    })

    it('takes numbers, lists and truth values as parameters', async () => {
      const query = workspaceQuery`SELECT {big:UInt64} AS big, {less:Int64} AS less, {part:Float64} AS part,
        {numbers:Array(UInt64)} AS numbers, {texts:Array(String)} AS texts, {yes:Bool} AS yes, ${noTable}`
      const texts = ["it's", 'back\\slash', 'line\nfeed', '🙂']
      const params = { big: 2 ** 53 - 1, less: -(2 ** 53 - 1), part: 0.1, numbers: [1, 2, 3], texts, yes: true }
      expect(await one(query, params)).toEqual({ ...params, people: 0 })
    })

    it('takes a list of ten thousand ids', async () => {
      const ids = Array.from({ length: 10_000 }, (_, index) => index)
      expect(await one(workspaceQuery`SELECT length({ids:Array(UInt32)}) AS n, ${noTable}`, { ids })).toEqual({ n: 10_000, people: 0 })
    })

    it('gives every type that tables have back as it went in', async () => {
      interface Cells {
        readonly credits: number | null
        readonly exposure: number | null
        readonly revenue: Readonly<Record<string, number>>
        readonly users: number
      }
      const rows: Cells[] = [
        { credits: 2 ** 53 - 1, exposure: 0.1 + 0.2, revenue: { EUR: -5, BRL: 6_178_400_600 }, users: 2 ** 53 - 1 },
        { credits: null, exposure: null, revenue: {}, users: 0 },
        { credits: 0, exposure: 1e-300, revenue: { "o'dd": 1 }, users: 1 },
      ]
      const columns: WarehouseColumn<Cells>[] = [
        { name: 'workspace', type: 'String', value: () => 'types' },
        { name: 'end_at', type: 'DateTime64(3)', value: ({ users }) => NOON + (users % 1000) },
        { name: 'active_users', type: 'UInt64', value: ({ users }) => users },
        { name: 'revenue', type: 'Map(String, Int64)', value: ({ revenue }) => revenue },
        { name: 'k_credits', type: 'Nullable(UInt64)', value: ({ credits }) => credits },
        { name: 'k_exposure', type: 'Nullable(Float64)', value: ({ exposure }) => exposure },
      ]
      await warehouse.writer.insert({ table: 'growth_windows', columns, rows })
      const stored = await warehouse.reader.select({
        workspace: 'types',
        sql: workspaceQuery`SELECT k_credits AS credits, k_exposure AS exposure, revenue, active_users AS users, tuple(toUnixTimestamp64Milli(end_at), 'x') AS cells
          FROM ${rowsOf('growth_windows')} ORDER BY users DESC`,
      })
      const expected = rows.map((row) => ({ ...row, cells: [NOON + (row.users % 1000), 'x'] }))
      expect(stored).toEqual([...expected].sort((a, b) => b.users - a.users))
    })

    it.each([200, 300, 70_000])('keeps texts that come again apart: %d of them', async (different) => {
      const workspace = `repeated-${different}`
      const codeOf = (offset: number) => (offset % 7 === 0 ? '' : `code ${offset % different}`)
      const columns: WarehouseColumn<QuarantineRow>[] = [
        ...quarantineColumns(workspace),
        { name: 'code', type: 'LowCardinality(String)', value: ({ offset }) => codeOf(offset) },
      ]
      await warehouse.writer.insert({ table: 'quarantine', columns, rows: rowsOfQuarantine(70_000) })
      const sql = workspaceQuery`SELECT count() AS n, countIf(code = if(_offset % 7 = 0, '', concat('code ', toString(_offset % {different:UInt32})))) AS same
        FROM ${rowsOf('quarantine')}`
      expect(await warehouse.reader.select({ workspace, sql, params: { different } })).toEqual([{ n: 70_000, same: 70_000 }])
    })

    it('text of any length goes in as it is, with empty rows between', async () => {
      const lengths = [0, 1, 40, 47, 48, 49, 63, 64, 65, 126, 127, 128, 129, 5_461, 5_462, 16_383, 16_384, 16_385]
      const bodies = ['x', 'é', '日', '🙂'].flatMap((letter) => lengths.flatMap((length) => ['', letter.repeat(length), '']))
      const rows = bodies.map((body, offset) => ({ offset, body }))
      await insert('lengths', rows)
      const sql = workspaceQuery`SELECT _offset AS offset, body FROM ${rowsOf('quarantine')} ORDER BY _offset`
      expect(await warehouse.reader.select({ workspace: 'lengths', sql })).toEqual(rows)
    })

    it('the same token again inserts nothing, another token and none do', async () => {
      const rows = rowsOfQuarantine(3)
      const stored = async () =>
        (await warehouse.rows<{ n: number }>("SELECT count() AS n FROM quarantine WHERE workspace = 'token'"))[0]?.n
      await insert('token', rows, "o'ne")
      await insert('token', rows, "o'ne")
      expect(await stored()).toBe(3)
      // Rows of another commit with the same text are other rows until they are merged.
      await insert('token', rows, 'two')
      expect((await counted('token'))?.n).toBe(3)
      await insert('token', rowsOfQuarantine(3, 10))
      await insert('token', rowsOfQuarantine(3, 20))
      expect((await counted('token'))?.n).toBe(9)
      await insert('token', [])
      expect((await counted('token'))?.n).toBe(9)
    })

    it('inserts 100,000 rows as one block that is readable at once', async () => {
      const rows = rowsOfQuarantine(100_000)
      await insert('large', rows, 'large-1')
      await insert('large', rows, 'large-1')
      expect(await counted('large')).toEqual({ n: 100_000, offsets: (99_999 * 100_000) / 2 })
    })

    it('gives an answer of 200,000 rows whole', async () => {
      const rows = await warehouse.reader.select<{ number: number; text: string }>({
        workspace: 'acme',
        sql: workspaceQuery`SELECT number, repeat('text ', 10) AS text, ${noTable} FROM numbers(200000)`,
      })
      expect(rows).toHaveLength(200_000)
      expect(rows[199_999]).toMatchObject({ number: 199_999 })
    })

    it('answers many questions at once, each with its own', async () => {
      const asked = Array.from({ length: 40 }, (_, number) => number)
      const answers = await Promise.all(
        asked.map((number) => one<{ n: number }>(workspaceQuery`SELECT {number:UInt64} AS n, ${noTable}`, { number })),
      )
      expect(answers.map((answer) => answer?.n)).toEqual(asked)
    })

    it('shows a workspace only its own rows, and refuses a query that does not say whose it reads', async () => {
      await insert('mine', rowsOfQuarantine(2), 'mine-1')
      await insert('yours', rowsOfQuarantine(5), 'yours-1')
      expect((await counted('mine'))?.n).toBe(2)
      expect((await counted('nobody'))?.n).toBe(0)
      await expect(warehouse.reader.select({ workspace: 'mine', sql: 'SELECT 1' as WorkspaceSql })).rejects.toThrow(/workspace/)
    })

    it.each([
      ['SELECT no_such_column', 'UNKNOWN_IDENTIFIER'],
      ['SELECT FROM WHERE', 'SYNTAX_ERROR'],
      ['SELECT 1 FROM no_such_table', 'UNKNOWN_TABLE'],
      ['SELECT {absent:String}', 'UNKNOWN_QUERY_PARAMETER'],
    ])('a faulty statement is not told as an outage: %s', async (text, type) => {
      const error: unknown = await warehouse.reader
        .select({ workspace: 'acme', sql: `${text} -- {workspace:String}` as WorkspaceSql })
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ type })
      expect(error).not.toBeInstanceOf(WarehouseUnavailableError)
    })

    it('what it can not do now is told as an outage, and the next question is answered', async () => {
      const tooMuch = workspaceQuery`SELECT length(groupArray(number)) AS n, ${noTable} FROM numbers(100000000)`
      await expect(one(tooMuch)).rejects.toThrow(/memory limit/i)
      await expect(one(tooMuch)).rejects.toBeInstanceOf(WarehouseUnavailableError)
      expect(await counted('nobody')).toEqual({ n: 0, offsets: 0 })
    })

    it.each([
      'CREATE TABLE planted (a UInt8) ENGINE = Memory',
      "INSERT INTO people (workspace) VALUES ('x')",
      'SET readonly = 0',
      'SELECT 1 SETTINGS readonly = 0',
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ])('a reader can not: %s', async (statement) => {
      await expect(warehouse.operatorSql(statement, 'JSONEachRow')).rejects.toThrow()
    })

    it("answers the operator's SQL in any format", async () => {
      expect(await warehouse.operatorSql('SELECT 1 AS one;', 'JSONEachRow')).toBe('{"one":1}\n')
      expect(await warehouse.operatorSql("SELECT 'a,b' AS text, 2 AS two", 'CSVWithNames')).toBe('"text","two"\n"a,b",2\n')
      await expect(warehouse.operatorSql('SELECT 1', 'JSON; DROP')).rejects.toThrow(TypeError)
    })
  })
}
