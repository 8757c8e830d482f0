import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { openLmdbLogReader } from '../../ingest/log/lmdb-reader.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import type { Log } from '../../schemas/ports/log.ts'
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

/** Written by one handle, read by another, as threads do. */
async function openWithReader(path: string, partitions: number): Promise<Log> {
  const log = await openLmdbLog({ path, partitions })
  const endOffsets = () => Array.from({ length: partitions }, (_, partition) => log.endOffset(partition) as number)
  const reader = openLmdbLogReader(path, endOffsets())
  log.onAppend(() => reader.appended(endOffsets()))
  return {
    ...reader,
    append: (messages) => log.append(messages),
    async close() {
      await reader.close()
      await log.close()
    },
  }
}

describeLogContract({
  name: 'lmdb, read by another thread',
  durable: true,
  async create() {
    const path = await mkdtemp(join(tmpdir(), 'kappa-log-'))
    return { open: (partitions) => openWithReader(path, partitions), dispose: () => rm(path, { recursive: true, force: true }) }
  },
})

describeLogContract({
  name: 'memory',
  durable: false,
  create: async () => ({ open: async (partitions) => createMemoryLog({ partitions }), dispose: async () => {} }),
})
