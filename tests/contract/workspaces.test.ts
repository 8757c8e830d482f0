import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbRegistry } from '../../ingest/keys/lmdb-registry.ts'
import { openLogRegistry } from '../../ingest/keys/log-registry.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { describeWorkspacesContract } from './workspaces-contract.ts'

describeWorkspacesContract({
  name: 'lmdb',
  async create() {
    const path = await mkdtemp(join(tmpdir(), 'kappa-keys-'))
    return {
      open: (options) => openLmdbRegistry({ ...options, path }),
      written: async () => (await Promise.all((await readdir(path)).map((name) => readFile(join(path, name), 'latin1')))).join(),
      dispose: () => rm(path, { recursive: true, force: true }),
    }
  },
})

describeWorkspacesContract({
  name: 'log',
  async create() {
    const log = createMemoryLog({ partitions: 1 })
    const onTrouble = (message: string, error: unknown) => {
      throw new Error(message, { cause: error })
    }
    return {
      open: (options) =>
        openLogRegistry({ ...options, log, secret: 'one-secret-of-all-the-instances-here', makesStartKeys: true, onTrouble }),
      written: async () => (await log.read(0, 0, 10_000)).map(({ value }) => Buffer.from(value).toString('latin1')).join(),
      dispose: () => log.close(),
    }
  },
})
