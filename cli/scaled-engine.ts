/**
 * Composition of the scaled form: a log on Kafka, a ClickHouse server, Redis where there is one, and as many instances as
 * wanted, each of which may take a share of the partitions.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { v7 as uuidV7 } from 'uuid'
import { createEventIdMemory } from '../ingest/dedupe/event-id-memory.ts'
import { openLogRegistry } from '../ingest/keys/log-registry.ts'
import { forgetCompanions } from '../ingest/log/forgotten-companions.ts'
import { memberFile } from '../ingest/log/member-file.ts'
import { type KafkaLog, type KafkaLogOptions, openKafkaLog } from '../ingest/log/kafka.ts'
import { ClusterProgress } from '../processors/cluster-progress.ts'
import { CommitProgress } from '../processors/runtime/commit-progress.ts'
import { startTask } from '../processors/start-task.ts'
import { TaskGroup } from '../processors/task-group.ts'
import { homeOf } from '../processors/workspace-topology.ts'
import type { Config } from '../schemas/config.ts'
import type { Clock } from '../schemas/ports/clock.ts'
import type { KeptIds } from '../schemas/ports/kept-ids.ts'
import { DAY_MS } from '../schemas/windows.ts'
import type { ReadinessProbe } from '../warehouse/api/health-routes.ts'
import { migrate } from '../warehouse/migrations/migrate.ts'
import { createGroupedSink } from '../warehouse/sink/grouped-sink.ts'
import { createKeptIds } from '../warehouse/sink/kept-events.ts'
import { createSink } from '../warehouse/sink/sink.ts'
import { CommandError } from './command-error.ts'
import { lockDataFolder } from './data-lock.ts'
import type { Engine, WiringOptions } from './engine.ts'
import { openIngest } from './ingest-parts.ts'
import { lagOf, registerLagMetrics, watchLag } from './lag-metrics.ts'
import { logPlace } from './log-place.ts'
import { openSharedState } from './shared-state.ts'
import { createSteadyClock } from './steady-clock.ts'
import { openWarehouse } from './warehouse-place.ts'
import { createWaryClock } from './wary-clock.ts'

/** Rows that make a commit due: what it has for one other task must fit into one record. */
const COMMIT_ROWS = 20_000
/** Every commit of every task is a few inserts: ClickHouse would rather have few. Live numbers do not wait for it. */
const COMMIT_INTERVAL_MS = 500
/** Of topics that must never lose anything. */
const FOR_EVER = -1

export interface ScaledOptions extends WiringOptions {
  /** What it is for; `all` and `process` take a share of the partitions. */
  readonly role: 'all' | 'ingest' | 'process' | 'api' | 'migrate' | 'command'
  /** Brings keys and tables to what the settings say; one instance at a time. */
  readonly makesStartKeys: boolean
}

/** Topics of the product, by what they hold. */
const TOPICS = { events: 'events', exchange: 'exchange', commits: 'commits', snapshots: 'snapshots', workspaces: 'workspaces' } as const

/** Of snapshots, which their tasks delete. */
const SNAPSHOT_TOPIC = { retentionMs: FOR_EVER, isCompressed: true, segmentBytes: 64 * 1024 * 1024 }

/** Opens what an instance needs. Rejects with LogUnavailableError or WarehouseUnavailableError when a server is away. */
export async function openScaledEngine(config: Config, options: ScaledOptions): Promise<Engine> {
  const onError = options.onError ?? (() => {})
  const clock = createWaryClock({ onError })
  const steady = createSteadyClock()
  const processes = options.role === 'all' || options.role === 'process'
  const instanceId = uuidV7()
  const closers: (() => Promise<unknown> | unknown)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  const openTopic = async (topic: string, more: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> => {
    const place = logPlace(config)
    if (place === undefined) throw new Error('the log of the settings is the embedded one')
    const { prefix, ...cluster } = place
    const common = { clientId: `kappa-${instanceId}`, groupId: `${prefix}-processors`, nowMs: steady.nowMs, onTrouble: onError }
    const log = await openKafkaLog({ ...cluster, ...common, topic: `${prefix}-${topic}`, partitions: config.partitions, ...more })
    closers.push(() => log.close())
    return log
  }

  try {
    const metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    if (processes) closers.push(await lockedFolder(config.data))

    // log and keys
    const former = memberFile(join(config.data, 'group-member.json'))
    const [log, exchange, commits] = [
      await openTopic(TOPICS.events, { former }),
      await openTopic(TOPICS.exchange),
      await openTopic(TOPICS.commits),
    ]
    const snapshots = await openTopic(TOPICS.snapshots, SNAPSHOT_TOPIC)
    const workspaces = await openLogRegistry({
      log: await openTopic(TOPICS.workspaces, { partitions: 1, retentionMs: FOR_EVER }),
      secret: secretOf(config),
      makesStartKeys: options.makesStartKeys,
      randomBytes,
      clock,
      fixedKeys: { write: config.writeKey, server: config.serverKey, read: config.readKey, admin: config.adminKey },
      onTrouble: onError,
    })
    closers.push(() => workspaces.close())

    // warehouse
    const warehouse = await openWarehouse(config)
    closers.push(() => warehouse.close())
    if (options.makesStartKeys) await migrate(warehouse, clock.nowMs(), { cluster: config.clickhouseCluster })
    const shared = await openSharedState(config, { clock, metrics, instanceId, onError })
    closers.push(() => shared.close())

    // processors, here and elsewhere
    // A reader of its own: a topic is read at one place at a time.
    const progress = new CommitProgress(await openTopic(TOPICS.commits))
    const cluster = new ClusterProgress({ log, exchange, progress, sleep })
    const sink = createGroupedSink(createSink(warehouse.writer, warehouse.reader))
    const group = new TaskGroup({
      log,
      exchange,
      ownership: log.ownership,
      progress,
      clock,
      sleep,
      onError,
      startRunner: (partition, signal) =>
        startTask(
          {
            partition,
            log,
            exchange,
            commits,
            snapshots,
            folder: join(config.data, 'state', `${partition}`),
            eventIds: createEventIdMemory(randomBytes),
            sink,
            live: shared.live,
            clock: steady,
            sleep,
            newId: uuidV7,
            onError,
            limits: { commitRows: COMMIT_ROWS, commitIntervalMs: COMMIT_INTERVAL_MS },
          },
          signal,
        ),
    })
    if (processes) {
      closers.push(() => group.stop())
      // Not awaited: others may be held up as they put partitions down, and `/readyz` is to say so.
      group.start().catch((error: unknown) => onError('the group of processors was left before it was joined', error))
    }

    // ingest
    const waitUntilReadable = () => cluster.waitUntilReadable()
    const kept = allKeptIds(createKeptIds(warehouse.reader), clock)
    const ingest = await openIngest({ config, clock, log: forgetCompanions(log), workspaces, kept, metrics, waitUntilReadable })
    const lag = watchLag(steady)

    // Events are taken while the warehouse is away.
    const probes: ReadinessProbe[] = [{ name: 'log', check: async () => void (await log.endOffset(0)) }]
    if (options.role !== 'ingest') probes.push({ name: 'warehouse', check: () => warehouse.rows('SELECT 1').then(() => undefined) })
    if (processes) probes.push({ name: 'processors', check: () => troubleOf(group) })

    const engine: Engine = {
      config,
      clock,
      workspaces,
      log: await openTopic(TOPICS.events),
      reader: warehouse.reader,
      live: shared.live,
      limitReads: shared.limitReads,
      metrics,
      ...ingest,
      newKeys: workspaces.newSecrets,
      operatorSql: (sql, format) => warehouse.operatorSql(sql, format),
      waitUntilReadable,
      async status() {
        const { committed, ends } = await cluster.place()
        const trouble = processes ? troubleOf(group) : undefined
        return {
          ready: trouble === undefined,
          notReady: trouble === undefined ? [] : [trouble],
          lagRecords: lagOf(ends, committed),
          logEndOffsets: ends,
          processedOffsets: committed,
          committedOffsets: committed,
          committedVersion: null,
          rebuilding: group.tasks.map(({ runner }) => runner.status.rebuilding).find((one) => one !== null) ?? null,
          workspaces: group.tasks.flatMap(({ runner }) =>
            [...runner.topology.workspaces()].flatMap(({ workspace, windows, lateEvents }) => {
              if (windows === undefined) return []
              const { watermarkMs } = windows.time
              return [{ name: workspace, watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null, lateEvents }]
            }),
          ),
        }
      },
      async wholePlace(workspace) {
        const { isQuiet, committed, versions } = await cluster.place()
        return isQuiet ? { belowOffsets: committed, version: versions[homeOf(workspace, log.partitions)] as number } : undefined
      },
      async sinkLag() {
        const { committed, ends } = await cluster.place()
        return lag(ends, committed)
      },
      probes,
      close,
    }
    registerLagMetrics(engine)
    return engine
  } catch (error) {
    await close()
    throw error
  }
}

function secretOf({ secret }: Config): string {
  if (secret === undefined) throw new CommandError('settings_invalid', 'instances on Kafka need one secret: set KAPPA_SECRET')
  return secret
}

/** State of partitions is kept here between starts: two processes must not. */
async function lockedFolder(folder: string): Promise<() => Promise<unknown> | unknown> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = await lockDataFolder(folder)
  return () => lock.release()
}

/** Ids of the last 7 days are known to no single instance: an import asks for all that are kept. */
function allKeptIds(kept: KeptIds, clock: Clock): KeptIds {
  return { loadKept: (workspace) => kept.loadKept(workspace, clock.nowMs() + DAY_MS) }
}

function troubleOf(group: TaskGroup): string | undefined {
  const failed = group.tasks.filter(({ runner }) => runner.status.failed).map(({ partition }) => partition)
  if (failed.length > 0) return `partitions ${failed.join(', ')} were stopped by an error; the log of the process says which`
  if (!group.hasJoined) return 'the share of the partitions is not known yet'
  if (group.waiting.length > 0) return `the state of partitions ${group.waiting.join(', ')} is being brought back`
  return group.tasks.map(({ runner }) => runner.status.sinkError).find((error) => error !== null) ?? undefined
}
