/**
 * Composition of the embedded form: everything in this process, under one data folder. With `scaled-engine.ts` the only
 * place that knows which driver stands behind each port, and that reads the real clock and randomness.
 */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { v7 as uuidV7 } from 'uuid'
import { openLmdbRegistry } from '../ingest/keys/lmdb-registry.ts'
import { openLmdbLog } from '../ingest/log/lmdb.ts'
import { Runner } from '../processors/runner.ts'
import { FileCommitStore } from '../processors/runtime/commit-store.ts'
import { decodeOwnRecord } from '../processors/runtime/decode-record.ts'
import { FileSnapshotStore } from '../processors/runtime/snapshot-store.ts'
import { Ticker } from '../processors/ticker.ts'
import type { TopologySnapshot } from '../processors/topology.ts'
import type { Config } from '../schemas/config.ts'
import { LOG_RECORD_VERSION } from '../schemas/log-records.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { Log } from '../schemas/ports/log.ts'
import { migrate } from '../warehouse/migrations/migrate.ts'
import { createKeptIds } from '../warehouse/sink/kept-events.ts'
import { createSink } from '../warehouse/sink/sink.ts'
import { lockDataFolder } from './data-lock.ts'
import type { Engine, EngineStatus, WiringOptions } from './engine.ts'
import { openIngest } from './ingest-parts.ts'
import { endOffsets, registerLagMetrics } from './lag-metrics.ts'
import { openSharedState } from './shared-state.ts'
import { openWarehouse } from './warehouse-place.ts'

/** Quiet workspaces are looked at this often. */
const TICK_CHECK_MS = 1_000

/** Opens everything under `config.data`. Rejects when another process has the folder. */
export async function openEmbeddedEngine(config: Config, options: WiringOptions = {}): Promise<Engine> {
  const clock: Clock = { nowMs: () => Date.now() }
  const onError = options.onError ?? (() => {})
  await mkdir(config.data, { recursive: true })
  await chmod(config.data, 0o700)
  const lock = await lockDataFolder(config.data)
  const closers: (() => Promise<unknown> | unknown)[] = [() => lock.release()]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }

  try {
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
    const shared = openSharedState(config, { clock, metrics, instanceId: uuidV7(), onError })
    closers.push(() => shared.close())
    const { live } = shared

    // processors
    const commits = await FileCommitStore.open(join(config.data, 'commits', 'commits.log'))
    closers.push(() => commits.close())
    const runner = new Runner({
      log,
      sink: createSink(warehouse.writer, warehouse.reader),
      live,
      commits,
      decode: decodeOwnRecord,
      snapshots: new FileSnapshotStore<TopologySnapshot>(join(config.data, 'state')),
      clock,
      sleep,
      onError,
    })
    closers.push(() => runner.stop())
    await runner.start()
    await endBrokenImports(runner, log, clock)
    closers.push(startTicker(runner, log, clock, onError))

    // ingest
    const waitUntilReadable = async () => runner.waitFor(await endOffsets(log))
    const kept = createKeptIds(warehouse.reader)
    const ingest = await openIngest({ config, clock, log, workspaces, kept, metrics, waitUntilReadable })

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
      status: () => statusOf(runner, log),
      async wholePlace() {
        const { committed, committedVersion } = runner.status
        return { belowOffsets: committed, version: committedVersion }
      },
      sinkLag: async () => {
        const { committed, pendingSinceMs } = runner.status
        const ends = await endOffsets(log)
        const events = ends.reduce((sum, end, partition) => sum + end - (committed[partition] ?? 0), 0)
        return { events, ms: events === 0 || pendingSinceMs === null ? 0 : Math.max(0, clock.nowMs() - pendingSinceMs) }
      },
      probes: [
        {
          name: 'processors',
          check: () => {
            const { failed, ready } = runner.status
            if (failed) return 'stopped by an error; the log of the process says which'
            return ready ? undefined : 'bringing the state back'
          },
        },
        { name: 'warehouse', check: () => runner.status.sinkError ?? warehouse.rows('SELECT 1').then(() => undefined) },
        { name: 'log', check: async () => void (await log.endOffset(0)) },
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

/** An import that a crash broke off holds back no window any longer; run again, it goes on under a new id. */
async function endBrokenImports(runner: Runner, log: Log, clock: Clock): Promise<void> {
  await runner.waitFor(await endOffsets(log))
  for (const topology of runner.topology.workspaces()) {
    for (const importId of topology.windows?.openImports() ?? []) {
      const record = {
        v: LOG_RECORD_VERSION,
        type: 'import_end',
        workspace: topology.workspace,
        received_at: clock.nowMs(),
        import_id: importId,
      }
      const value = Buffer.from(JSON.stringify(record))
      await log.append(Array.from({ length: log.partitions }, (_, partition) => ({ partition, value })))
    }
  }
}

function startTicker(runner: Runner, log: Log, clock: Clock, onError: (message: string, error: unknown) => void): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  const ticker = new Ticker(
    log,
    clock,
    Array.from({ length: log.partitions }, (_, partition) => partition),
  )
  const timer = setInterval(() => {
    running = running
      .then(async () => {
        // Behind, the newest record that is processed says nothing of the traffic.
        const ends = await endOffsets(log)
        if (ends.every((end, partition) => runner.status.processed[partition] === end)) await ticker.tick(runner.topology)
      })
      .catch((error: unknown) => onError('a tick could not be written, trying again', error))
  }, TICK_CHECK_MS)
  return async () => {
    clearInterval(timer)
    await running
  }
}

async function statusOf(runner: Runner, log: Log): Promise<EngineStatus> {
  const { processed, committed, committedVersion, sinkError, ready, failed } = runner.status
  const ends = await endOffsets(log)
  const notReady = [
    ...(failed ? ['processing was stopped by an error'] : []),
    ...(ready ? [] : ['the state is being brought back']),
    ...(sinkError === null ? [] : [sinkError]),
  ]
  return {
    ready: notReady.length === 0,
    notReady,
    lagRecords: ends.reduce((sum, end, partition) => sum + end - (committed[partition] ?? 0), 0),
    logEndOffsets: ends,
    processedOffsets: processed,
    committedOffsets: committed,
    committedVersion,
    workspaces: [...runner.topology.workspaces()].map(({ workspace, windows, lateEvents }) => {
      const watermarkMs = windows?.time.watermarkMs ?? Number.NEGATIVE_INFINITY
      return { name: workspace, watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null, lateEvents }
    }),
  }
}
