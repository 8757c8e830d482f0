/**
 * The embedded warehouse: ClickHouse inside the process (chdb), spoken to through `@clickhouse/client`. One data folder
 * per process and one process per folder.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { unlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createClient, type ClickHouseClient } from '@clickhouse/client'
import { drainPending } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import { createWarehouse, type Warehouse } from './clickhouse-warehouse.ts'
import type { EncodedBlock } from './warehouse-transport.ts'

export interface ChdbOptions {
  /** Data folder; made when absent. */
  readonly path: string
  /** Most memory of one read, in bytes. */
  readonly readMemoryBytesMax?: number
  /** Most memory of one insert or statement, in bytes. */
  readonly writeMemoryBytesMax?: number
  /** Most time of one read, in seconds. */
  readonly readSecondsMax?: number
}

const GIB = 1024 ** 3

type InjectedConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>

function connect(path: string): ClickHouseClient {
  // The same interface declared twice: chdb takes it from @clickhouse/client-common, the client carries a copy of its own,
  // and the two differ in the private field of a class of settings that is never used here.
  const connection = createChdbConnection({ path }) as unknown as InjectedConnection
  return createClient({ connection })
}

/**
 * Settings are `SET` once: on this engine a setting of a single call stays on its session. Partitions of every table
 * follow from the sorting key, so FINAL need not merge across them. All at once, as `readonly` forbids every further SET.
 */
async function connectReadOnly(path: string, memoryBytesMax: number, secondsMax: number): Promise<ClickHouseClient> {
  const client = connect(path)
  const settings = [
    `max_memory_usage = ${memoryBytesMax}`,
    `max_execution_time = ${secondsMax}`,
    'output_format_json_quote_64bit_integers = 0',
    'output_format_json_quote_denormals = 0',
    'output_format_json_named_tuples_as_objects = 0',
    'do_not_merge_across_partitions_select_final = 1',
    'readonly = 1',
  ]
  await client.command({ query: `SET ${settings.join(', ')}` })
  return client
}

/**
 * Opens the data folder with a connection each for reading, the operator's SQL and writing. Tables are there after
 * `migrate`. Rejects when another process has the folder open.
 */
export async function openChdbWarehouse(options: ChdbOptions): Promise<Warehouse> {
  const path = resolve(options.path)
  const blocksFolder = join(path, 'incoming-blocks')
  mkdirSync(path, { recursive: true })
  // A block left by a crash was not acknowledged: its commit is tried again from the log.
  rmSync(blocksFolder, { recursive: true, force: true })
  mkdirSync(blocksFolder)

  const writeClient = connect(path)
  await writeClient.command({ query: `SET max_memory_usage = ${options.writeMemoryBytesMax ?? 4 * GIB}` })
  const readMemory = options.readMemoryBytesMax ?? 2 * GIB
  const readSeconds = options.readSecondsMax ?? 60
  const readClient = await connectReadOnly(path, readMemory, readSeconds)
  const operatorClient = await connectReadOnly(path, readMemory, readSeconds)

  let blockNumber = 0
  /**
   * The engine reads the block as a file of the page cache: its SQL text can't carry binary data. One thread keeps the
   * block whole, which the deduplication token needs.
   */
  async function insertBlock({ table, names, bytes, settings }: EncodedBlock): Promise<void> {
    blockNumber += 1
    const file = join(blocksFolder, `${blockNumber}.native`)
    const columns = names.map((name) => `\`${name}\``).join(', ')
    try {
      await writeFile(file, bytes)
      const source = file.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
      await writeClient.command({
        query: `INSERT INTO ${table} (${columns}) ${settings}, max_threads = 1 SELECT ${columns} FROM file('${source}', 'Native')`,
      })
    } finally {
      await unlink(file).catch(() => undefined)
    }
  }

  return createWarehouse({
    readClient,
    operatorClient,
    writeClient,
    insertBlock,
    async close() {
      await Promise.all([readClient.close(), operatorClient.close(), writeClient.close()])
      await drainPending()
    },
  })
}
