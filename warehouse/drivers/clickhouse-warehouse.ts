/**
 * The warehouse port over `@clickhouse/client`, whatever it is connected to. What differs between the embedded engine
 * and a server (how the bytes of a block get in) is the driver's `insertBlock`.
 */
import type { ClickHouseClient } from '@clickhouse/client'
import type { WarehouseReader, WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import { type AnswerHeaders, errorAtEnd } from './row-lines.ts'
import { createWarehousePort, type EncodedBlock, guarded, IDENTIFIER, readRows, type WarehouseTransport } from './warehouse-transport.ts'

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
  /** What reader and writer stand on, for another thread to build its own. */
  readonly transport: WarehouseTransport
  /** Runs a statement without result, such as DDL, on the writing connection. */
  command(sql: string): Promise<void>
  /** Rows of SQL without a workspace: for migrations and probes only. */
  rows<Row>(sql: string): Promise<Row[]>
  /** Read-only SQL of the operator (`kappa sql`), as text in a ClickHouse format such as `JSONEachRow` or `PrettyCompact`. */
  operatorSql(sql: string, format: string): Promise<string>
  close(): Promise<void>
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

/** Builds the port from clients. Reads, operator SQL and writes each wait in a line of their own. */
export function createWarehouse(clients: WarehouseClients): Warehouse {
  const readTurn = inTurn(clients.atOnce)
  const operatorTurn = inTurn(clients.atOnce)
  const writeTurn = inTurn(clients.atOnce)

  const transport: WarehouseTransport = {
    insertBlock: (block) => writeTurn(() => guarded(() => clients.insertBlock(block))),
    command: (sql) => writeTurn(() => guarded(async () => void (await clients.writeClient.command({ query: sql })))),
    readText: (query, params) =>
      readTurn(() =>
        guarded(async () => {
          const result = await clients.readClient.query({ query, format: 'JSONEachRow', ...(params ? { query_params: params } : {}) })
          return { body: await result.text(), headers: result.response_headers as AnswerHeaders }
        }),
      ),
  }

  return {
    ...createWarehousePort(transport),
    transport,
    command: transport.command,
    rows: (sql) => readRows(transport, sql),
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
