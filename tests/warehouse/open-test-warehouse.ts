/** A migrated warehouse in a folder of its own; one per test file, as a process has one data folder. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChdbWarehouse, type ChdbOptions } from '../../warehouse/drivers/chdb.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { migrate } from '../../warehouse/migrations/migrate.ts'

export async function openTestWarehouse(limits: Omit<ChdbOptions, 'path'> = {}): Promise<Warehouse> {
  const path = mkdtempSync(join(tmpdir(), 'kappa-warehouse-'))
  const warehouse = await openChdbWarehouse({ path, ...limits })
  await migrate(warehouse, Date.UTC(2026, 0, 1))
  return {
    ...warehouse,
    async close() {
      await warehouse.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}
