/**
 * The part of a warehouse that has to stand where its connections are, and the port on top of it, which may stand in
 * another thread: blocks are encoded and rows parsed where they are made and used.
 */
import { type SqlValue, WarehouseUnavailableError, type WarehouseReader, type WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import { encodeNativeBlock } from './native-block.ts'
import { type AnswerHeaders, parseRowLines } from './row-lines.ts'

/** One block on its way in: Native bytes of the named columns, and the settings of the statement. */
export interface EncodedBlock {
  readonly table: string
  readonly names: readonly string[]
  readonly bytes: Buffer
  /** `SETTINGS ...` of the INSERT statement itself: on a client they would stick to the session. */
  readonly settings: string
}

/** What a SELECT answered, as lines of JSON, not yet read to its end. */
export interface AnswerText {
  readonly body: string
  readonly headers: AnswerHeaders
}

/** Both reject with `WarehouseUnavailableError` when trying again may help, else with the fault of the statement. */
export interface WarehouseTransport {
  insertBlock(block: EncodedBlock): Promise<void>
  /** A statement without result. */
  command(sql: string): Promise<void>
  readText(query: string, params?: Readonly<Record<string, SqlValue>>): Promise<AnswerText>
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
  if (error instanceof WarehouseUnavailableError) return error
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

/** Runs work of a driver; what it throws is a fault of the statement, or WarehouseUnavailableError. */
export async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw asWarehouseError(error)
  }
}

export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A batch has each key once, so to replace within it on the way in is 120 ms per 100,000 events spent for nothing. */
function statementSettings(token: string | undefined): string {
  if (token === undefined) return 'SETTINGS async_insert = 0, optimize_on_insert = 0, insert_deduplicate = 0'
  const literal = token.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  return `SETTINGS async_insert = 0, optimize_on_insert = 0, insert_deduplicate = 1, insert_deduplication_token = '${literal}'`
}

/** Rows of a SELECT; the errors are those of the port. */
export async function readRows<Row>(
  transport: Pick<WarehouseTransport, 'readText'>,
  query: string,
  params?: Readonly<Record<string, SqlValue>>,
): Promise<Row[]> {
  const { body, headers } = await transport.readText(query, params)
  return guarded(async () => parseRowLines<Row>(body, headers))
}

/** Builds the port (schemas/ports/warehouse.ts) over a transport. */
export function createWarehousePort(transport: WarehouseTransport): { readonly reader: WarehouseReader; readonly writer: WarehouseWriter } {
  const insertBlock: WarehouseWriter['insertBlock'] = async ({ table, block, token }) => {
    if (!IDENTIFIER.test(table)) throw new TypeError(`not a table: ${table}`)
    await transport.insertBlock({ table, ...block, settings: statementSettings(token) })
  }
  return {
    reader: {
      async select({ workspace, sql, params }) {
        if (!sql.includes('{workspace:String}')) throw new TypeError('a query must use {workspace:String}')
        return readRows(transport, sql, { ...params, workspace })
      },
    },
    writer: {
      async insert({ table, columns, rows, token }) {
        if (rows.length > 0)
          await insertBlock({ table, block: encodeNativeBlock(columns, rows), ...(token === undefined ? {} : { token }) })
      },
      insertBlock,
      command: (sql) => transport.command(sql),
    },
  }
}
