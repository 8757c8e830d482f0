/** The warehouse that the settings name: the embedded one in the data folder, or a ClickHouse server. */
import { join } from 'node:path'
import type { Config } from '../schemas/config.ts'
import type { Warehouse } from '../warehouse/drivers/clickhouse-warehouse.ts'

/** Opens it. Rejects when another process has the data folder; a server that is away is met by the first call. */
export async function openWarehouse({ warehouse, data }: Pick<Config, 'warehouse' | 'data'>): Promise<Warehouse> {
  if (warehouse === 'chdb:') {
    // Half a gigabyte of engine that a process with a server has no use for.
    const { openChdbWarehouse } = await import('../warehouse/drivers/chdb.ts')
    return openChdbWarehouse({ path: join(data, 'warehouse') })
  }
  const { openHttpWarehouse } = await import('../warehouse/drivers/http.ts')
  return openHttpWarehouse({ url: warehouse })
}
