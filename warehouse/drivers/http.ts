/**
 * ClickHouse server or cluster over HTTP, through `@clickhouse/client`'s own connections. Settings go with each request, as
 * nothing of a session is kept on the server.
 */
import { Readable } from 'node:stream'
import { ClickHouseLogLevel, createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client'
import { createWarehouse, type Warehouse } from './clickhouse-warehouse.ts'
import type { EncodedBlock } from './warehouse-transport.ts'

export interface HttpWarehouseOptions {
  /**
   * `http(s)://user:password@host:8123/database`; user and database are `default` where they are not given. Of a replicated
   * cluster: one server, or a proxy that keeps a client on one server, so that what was written is read.
   */
  readonly url: string
  /** Most memory of one read on the server, in bytes. */
  readonly readMemoryBytesMax?: number
  /** Most memory of one insert or statement on the server, in bytes. */
  readonly writeMemoryBytesMax?: number
  /** Most time of one read, in seconds. */
  readonly readSecondsMax?: number
  /** Most time that an insert may go without an answer, in seconds; then it counts as not taken and is tried again. */
  readonly insertSecondsMax?: number
  /** Whether blocks go out as gzip; on a fast network of one's own that is spent for nothing. */
  readonly compressInserts?: boolean
  /** Requests under way at a time: reads, operator's reads and writes, each. */
  readonly requestsAtOnce?: number
}

const GIB = 1024 ** 3
/** The server stops first: its answer says why. */
const ANSWER_GRACE_SECONDS = 10
/** Statements that run on a cluster wait for all its servers (`distributed_ddl_task_timeout` is 180 s there). */
const STATEMENT_SECONDS_MAX = 200
/**
 * Servers close idle connections after 3 s (10 s in newer versions); a request on a connection that is just being
 * closed fails though nothing is wrong.
 */
const IDLE_CONNECTION_MS = 2_000

interface ConnectionForm {
  readonly secondsMax: number
  readonly settings: ClickHouseSettings
  readonly isResponseCompressed: boolean
  readonly isRequestCompressed: boolean
}

function connect(options: HttpWarehouseOptions, form: ConnectionForm): ClickHouseClient {
  return createClient({
    url: options.url,
    application: 'kappa',
    request_timeout: form.secondsMax * 1_000,
    max_open_connections: options.requestsAtOnce ?? 8,
    compression: {
      response: form.isResponseCompressed,
      // The fastest level: numbers in columns shrink to a third with it, and the highest saves little more.
      request: form.isRequestCompressed ? { codec: 'gzip', level: 1 } : false,
    },
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_CONNECTION_MS, eagerly_destroy_stale_sockets: true },
    // Lists of ids do not fit into the line of an address.
    use_multipart_params_auto: true,
    clickhouse_settings: form.settings,
    // Errors are thrown; the client's own log would name queries and their parameters.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

function readForm({ readMemoryBytesMax = 2 * GIB, readSecondsMax = 60 }: HttpWarehouseOptions): ConnectionForm {
  return {
    secondsMax: readSecondsMax + ANSWER_GRACE_SECONDS,
    isResponseCompressed: true,
    isRequestCompressed: false,
    settings: {
      readonly: '1',
      max_memory_usage: String(readMemoryBytesMax),
      max_execution_time: readSecondsMax,
      // Who no longer waits for an answer costs no more work.
      cancel_http_readonly_queries_on_client_close: 1,
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_denormals: 0,
      output_format_json_named_tuples_as_objects: 0,
      do_not_merge_across_partitions_select_final: 1,
    },
  }
}

/**
 * Opens connections for reading (`readonly=1`), the operator's SQL, statements and inserts. Makes no request: a server that
 * is away is told by each call as `WarehouseUnavailableError`, as are 5xx and answers that break off. An insert whose
 * answer was lost may have happened: the same token again inserts nothing. Tables are there after `migrate`. Throws a
 * TypeError for an address that is none.
 */
export async function openHttpWarehouse(options: HttpWarehouseOptions): Promise<Warehouse> {
  const { writeMemoryBytesMax = 4 * GIB, insertSecondsMax = 60, compressInserts = true } = options
  const writeSettings: ClickHouseSettings = {
    max_memory_usage: String(writeMemoryBytesMax),
    // The status line comes once all is done, so that it can say that it failed.
    wait_end_of_query: 1,
  }
  const plain = { isResponseCompressed: false, isRequestCompressed: false }
  const readClient = connect(options, readForm(options))
  const operatorClient = connect(options, readForm(options))
  const writeClient = connect(options, { ...plain, secondsMax: STATEMENT_SECONDS_MAX, settings: writeSettings })
  const insertClient = connect(options, {
    isResponseCompressed: false,
    isRequestCompressed: compressInserts,
    secondsMax: insertSecondsMax,
    settings: { ...writeSettings, max_execution_time: insertSecondsMax },
  })

  /** The block is the body; the statement, with its settings, stands in the address. */
  async function insertBlock({ table, names, bytes, settings }: EncodedBlock): Promise<void> {
    const columns = names.map((name) => `\`${name}\``).join(', ')
    const { stream } = await insertClient.exec({
      query: `INSERT INTO ${table} (${columns}) ${settings} FORMAT Native`,
      values: Readable.from([bytes], { objectMode: false }),
    })
    // Read to its end, so that the connection is free again.
    for await (const _ of stream);
  }

  return createWarehouse({
    readClient,
    operatorClient,
    writeClient,
    atOnce: options.requestsAtOnce ?? 8,
    insertBlock,
    async close() {
      await Promise.all([readClient, operatorClient, writeClient, insertClient].map((client) => client.close()))
    },
  })
}
