import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChdbWarehouse } from '../../warehouse/drivers/chdb.ts'
import { openHttpWarehouse } from '../../warehouse/drivers/http.ts'
import { startClickHouseFront } from '../support/clickhouse-front.ts'
import { describeWarehouseContract } from '../contract/warehouse-contract.ts'

const readMemoryBytesMax = 200_000_000

describeWarehouseContract({
  name: 'embedded',
  async open() {
    const path = mkdtempSync(join(tmpdir(), 'kappa-warehouse-'))
    const warehouse = await openChdbWarehouse({ path, readMemoryBytesMax })
    return { warehouse, dispose: async () => rmSync(path, { recursive: true, force: true }) }
  },
})

describeWarehouseContract({
  name: 'HTTP',
  async open() {
    const front = await startClickHouseFront()
    return { warehouse: await openHttpWarehouse({ url: front.url(), readMemoryBytesMax }), dispose: () => front.close() }
  },
})
