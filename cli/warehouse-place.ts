/** The warehouse that the settings name: the embedded one in the data folder, or a ClickHouse server. */
import { join } from 'node:path'
import type { Config } from '../schemas/config.ts'
import { openChdbWarehouse } from '../warehouse/drivers/chdb.ts'
import type { Warehouse } from '../warehouse/drivers/clickhouse-warehouse.ts'
import { openHttpWarehouse } from '../warehouse/drivers/http.ts'

/** Opens it. Rejects when another process has the data folder; a server that is away is met by the first call. */
export function openWarehouse({ warehouse, data }: Pick<Config, 'warehouse' | 'data'>): Promise<Warehouse> {
  return warehouse === 'chdb:' ? openChdbWarehouse({ path: join(data, 'warehouse') }) : openHttpWarehouse({ url: warehouse })
}
