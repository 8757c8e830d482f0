/**
 * The warehouse port over `@clickhouse/client`, whatever it is connected to. What differs between the embedded engine
 * and a server (how the bytes of a block get in) is the driver's `insertBlock`.
 */
import type { ClickHouseClient } from '@clickhouse/client'
import { type SqlValue, WarehouseUnavailableError, type WarehouseReader, type WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import { encodeNativeBlock } from './native-block.ts'
import { type AnswerHeaders, errorAtEnd, parseRowLines } from './row-lines.ts'

/** One block on its way in: Native bytes of the named columns, and the settings of the statement. */
export interface EncodedBlock {
  readonly table: string
  readonly names: readonly string[]
  readonly bytes: Buffer
  /** `SETTINGS ...` of the INSERT statement itself: on a client they would stick to the session. */
  readonly settings: string
}

export interface WarehouseClients {
  readonly readClient: ClickHouseClient
  readonly operatorClient: ClickHouseClient
  readonly writeClient: ClickHouseClient
  /** How many reads, operator's reads or writes may be under way at a time, each; default 1. The rest waits here. */
  readonly atOnce?: number
  insertBlock(block: EncodedBlock): Promise<void>
  close(): Promise<void>
}

export interface Warehouse {
  readonly reader: WarehouseReader
  readonly writer: WarehouseWriter
  /** Runs a statement without result, such as DDL, on the writing connection. */
  command(sql: string): Promise<void>
  /** Rows of SQL without a workspace: for migrations and probes only. */
  rows<Row>(sql: string): Promise<Row[]>
  /** Read-only SQL of the operator (`kappa sql`), as text in a ClickHouse format such as `JSONEachRow` or `PrettyCompact`. */
  operatorSql(sql: string, format: string): Promise<string>
  close(): Promise<void>
}

/** Faults of a statement: trying again gives the same. */
const OUR_FAULTS = new Set([
  'SYNTAX_ERROR',
  'UNKNOWN_IDENTIFIER',
  'UNKNOWN_TABLE',
  'UNKNOWN_FUNCTION',
  'UNKNOWN_QUERY_PARAMETER',
  'BAD_QUERY_PARAMETER',
  'ILLEGAL_TYPE_OF_ARGUMENT',
  'NUMBER_OF_ARGUMENTS_DOESNT_MATCH',
  'TYPE_MISMATCH',
  'NO_COMMON_TYPE',
  'READONLY',
  'NOT_AN_AGGREGATE',
  'UNKNOWN_SETTING',
  'UNKNOWN_FORMAT',
  'ILLEGAL_AGGREGATION',
])

/** A proxy's error page may be long. */
const REASON_CHARACTERS_MAX = 500

function asWarehouseError(error: unknown): unknown {
  // By its field, not its class: the embedded engine's errors come from another copy of the client's class.
  if (error instanceof Error && 'type' in error && OUR_FAULTS.has(String(error.type))) return error
  const reason = reasonOf(error).slice(0, REASON_CHARACTERS_MAX)
  return new WarehouseUnavailableError(`the warehouse did not take the statement: ${reason}`, { cause: error })
}

/** Why something failed: network errors of several addresses have their messages inside. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw asWarehouseError(error)
  }
}

/** Runs tasks in the order they come, `atOnce` at a time: what waits must not hold a thread or a connection. */
export function inTurn(atOnce = 1): <Result>(task: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running < atOnce) running += 1
    else await new Promise<void>((start) => waiting.push(start))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      // The place goes straight to who waits longest.
      if (next) next()
      else running -= 1
    }
  }
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A batch has each key once, so to replace within it on the way in is 120 ms per 100,000 events spent for nothing. */
function statementSettings(token: string | undefined): string {
  if (token === undefined) return 'SETTINGS async_insert = 0, optimize_on_insert = 0, insert_deduplicate = 0'
  const literal = token.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  return `SETTINGS async_insert = 0, optimize_on_insert = 0, insert_deduplicate = 1, insert_deduplication_token = '${literal}'`
}

/** Builds the port from clients. Reads, operator SQL and writes each wait in a line of their own. */
export function createWarehouse(clients: WarehouseClients): Warehouse {
  const readTurn = inTurn(clients.atOnce)
  const operatorTurn = inTurn(clients.atOnce)
  const writeTurn = inTurn(clients.atOnce)

  async function readRows<Row>(query: string, params?: Readonly<Record<string, SqlValue>>): Promise<Row[]> {
    const result = await clients.readClient.query({ query, format: 'JSONEachRow', ...(params ? { query_params: params } : {}) })
    return parseRowLines<Row>(await result.text(), result.response_headers as AnswerHeaders)
  }

  const reader: WarehouseReader = {
    async select<Row>({ workspace, sql, params }: Parameters<WarehouseReader['select']>[0]): Promise<Row[]> {
      if (!sql.includes('{workspace:String}')) throw new TypeError('a query must use {workspace:String}')
      return readTurn(() => guarded(() => readRows<Row>(sql, { ...params, workspace })))
    },
  }

  const writer: WarehouseWriter = {
    async insert({ table, columns, rows, token }): Promise<void> {
      if (rows.length === 0) return
      if (!IDENTIFIER.test(table)) throw new TypeError(`not a table: ${table}`)
      const settings = statementSettings(token)
      const { bytes, names } = encodeNativeBlock(columns, rows)
      await writeTurn(() => guarded(() => clients.insertBlock({ table, names, bytes, settings })))
    },
  }

  return {
    reader,
    writer,
    async command(sql) {
      await writeTurn(() => guarded(() => clients.writeClient.command({ query: sql })))
    },
    rows<Row>(sql: string): Promise<Row[]> {
      return readTurn(() => guarded(() => readRows<Row>(sql)))
    },
    async operatorSql(sql, format) {
      if (!IDENTIFIER.test(format)) throw new TypeError(`not a format: ${format}`)
      return operatorTurn(() =>
        guarded(async () => {
          const result = await clients.operatorClient.exec({ query: `${sql.trim().replace(/;+$/, '')}\nFORMAT ${format}` })
          const chunks: Buffer[] = []
          for await (const chunk of result.stream) chunks.push(Buffer.from(chunk))
          const text = Buffer.concat(chunks).toString('utf8')
          const error = errorAtEnd(text, result.response_headers as AnswerHeaders)
          if (error !== undefined) throw error
          return text
        }),
      )
    },
    close: () => clients.close(),
  }
}
