/**
 * Composition of the embedded form: everything in this process, under one data folder; processing in a thread of its own
 * (`processing-thread.ts`). With these and `scaled-engine.ts` the only places that know which driver stands behind each
 * port, and that read the real clock and randomness.
 */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { v7 as uuidV7 } from 'uuid'
import { openLmdbRegistry } from '../ingest/keys/lmdb-registry.ts'
import { openLmdbLog } from '../ingest/log/lmdb.ts'
import type { Config } from '../schemas/config.ts'
import { migrate } from '../warehouse/migrations/migrate.ts'
import { createKeptIds } from '../warehouse/sink/kept-events.ts'
import { lockDataFolder } from './data-lock.ts'
import type { Engine, EngineStatus, WiringOptions } from './engine.ts'
import { openIngest } from './ingest-parts.ts'
import { endOffsets, lagOf, registerLagMetrics } from './lag-metrics.ts'
import { openProcessing, prepareThread } from './processing.ts'
import type { ProcessingStatus } from './processing-thread.ts'
import { openSharedState } from './shared-state.ts'
import { createSteadyClock } from './steady-clock.ts'
import { openWarehouse } from './warehouse-place.ts'
import { createWaryClock } from './wary-clock.ts'

/** Opens everything under `config.data`. Rejects when another process has the folder. */
export async function openEmbeddedEngine(config: Config, options: WiringOptions = {}): Promise<Engine> {
  const onError = options.onError ?? (() => {})
  const clock = createWaryClock({ onError })
  const steady = createSteadyClock()
  await mkdir(config.data, { recursive: true })
  await chmod(config.data, 0o700)
  const lock = await lockDataFolder(config.data)
  const closers: (() => Promise<unknown> | unknown)[] = [() => lock.release()]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }

  try {
    const prepared = prepareThread()
    closers.push(() => prepared.worker.terminate())
    const metrics = new Registry()
    collectDefaultMetrics({ register: metrics })

    // log and keys
    const log = await openLmdbLog({ path: join(config.data, 'log'), partitions: config.partitions })
    closers.push(() => log.close())
    const workspaces = await openLmdbRegistry({
      path: join(config.data, 'keys'),
      randomBytes,
      clock,
      fixedKeys: { write: config.writeKey, server: config.serverKey, read: config.readKey, admin: config.adminKey },
    })
    closers.push(() => workspaces.close())
    // warehouse
    const warehouse = await openWarehouse(config)
    closers.push(() => warehouse.close())
    await migrate(warehouse, clock.nowMs(), { cluster: config.clickhouseCluster })
    const shared = await openSharedState(config, { clock, metrics, instanceId: uuidV7(), onError })
    closers.push(() => shared.close())
    const { live } = shared

    // processors
    const opening = openProcessing({
      data: config.data,
      log,
      warehouse: warehouse.transport,
      live,
      onError,
      onBringingBack: options.onBringingBack,
      prepared,
    })
    // Told where it is awaited; the others are closed all the same.
    const opened = opening.catch(() => undefined)
    closers.push(async () => (await opened)?.close())

    // ingest, whose event ids are read while the other thread brings the state back
    const waitUntilReadable = async () => (await opening).waitFor(await endOffsets(log))
    const kept = createKeptIds(warehouse.reader)
    const ingest = await openIngest({ config, clock, log, workspaces, kept, metrics, waitUntilReadable })
    const processing = await opening

    const engine: Engine = {
      config,
      clock,
      workspaces,
      log,
      reader: warehouse.reader,
      live,
      limitReads: shared.limitReads,
      metrics,
      ...ingest,
      newKeys: workspaces.newSecrets,
      operatorSql: (sql, format) => warehouse.operatorSql(sql, format),
      waitUntilReadable,
      status: async () => statusOf(await processing.status(), await endOffsets(log)),
      async wholePlace() {
        const { committed, committedVersion } = await processing.status()
        return { belowOffsets: committed, version: committedVersion }
      },
      sinkLag: async () => {
        const { committed, pendingSinceMs } = await processing.status()
        const ends = await endOffsets(log)
        const events = lagOf(ends, committed)
        return { events, ms: events === 0 || pendingSinceMs === null ? 0 : Math.max(0, steady.nowMs() - pendingSinceMs) }
      },
      probes: [
        {
          name: 'processors',
          check: async () => {
            const { failed, ready, restarting } = await processing.status()
            if (restarting) return 'stopped by an error and started again; the log of the process says which'
            if (failed) return 'stopped by an error; the log of the process says which'
            return ready ? undefined : 'bringing the state back'
          },
        },
        {
          name: 'warehouse',
          check: async () => (await processing.status()).sinkError ?? (await warehouse.rows('SELECT 1').then(() => undefined)),
        },
        { name: 'log', check: () => log.trouble() },
      ],
      close,
    }
    registerLagMetrics(engine)
    return engine
  } catch (error) {
    await close()
    throw error
  }
}

function statusOf(processing: ProcessingStatus, ends: readonly number[]): EngineStatus {
  const { processed, committed, committedVersion, sinkError, ready, failed, rebuilding, workspaces } = processing
  const notReady = [
    ...(failed ? ['processing was stopped by an error'] : []),
    ...(ready ? [] : ['the state is being brought back']),
    ...(sinkError === null ? [] : [sinkError]),
  ]
  return {
    ready: notReady.length === 0,
    notReady,
    lagRecords: lagOf(ends, committed),
    logEndOffsets: ends,
    processedOffsets: processed,
    committedOffsets: committed,
    committedVersion,
    rebuilding,
    workspaces,
  }
}
