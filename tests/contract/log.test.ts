import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { describeLogContract } from './log-contract.ts'

describeLogContract({
  name: 'lmdb',
  durable: true,
  async create() {
    const path = await mkdtemp(join(tmpdir(), 'kappa-log-'))
    return {
      open: (partitions) => openLmdbLog({ path, partitions }),
      dispose: () => rm(path, { recursive: true, force: true }),
    }
  },
})

describeLogContract({
  name: 'memory',
  durable: false,
  create: async () => ({ open: async (partitions) => createMemoryLog({ partitions }), dispose: async () => {} }),
})
