/**
 * The thread in which the embedded form processes: the log is read, processed and turned into blocks of rows here, so that
 * requests are answered meanwhile. What only one thread may have (the connections of the warehouse, the writing end of the
 * log, live watchers) stays with `processing.ts`.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import { type MessagePort, parentPort, type Transferable, workerData } from 'node:worker_threads'
import { importEndText } from '../schemas/import-end.ts'
import { openLmdbLogReader } from '../ingest/log/lmdb-reader.ts'
import { isWorthAnotherStart } from '../processors/poison-records.ts'
import { Runner } from '../processors/runner.ts'
import type { RunnerStatus } from '../processors/runner-options.ts'
import { FileCommitStore } from '../processors/runtime/commit-store.ts'
import { decodeOwnRecord } from '../processors/runtime/decode-record.ts'
import { FileSnapshotStore } from '../processors/runtime/snapshot-store.ts'
import { Ticker } from '../processors/ticker.ts'
import type { TopologySnapshot } from '../processors/topology.ts'
import type { LiveEvent } from '../schemas/ports/live.ts'
import type { LogMessage, LogWriter } from '../schemas/ports/log.ts'
import { createWarehousePort, type EncodedBlock, type WarehouseTransport } from '../warehouse/drivers/warehouse-transport.ts'
import { createSink } from '../warehouse/sink/sink.ts'
import type { EngineStatus } from './engine.ts'
import { createSteadyClock } from './steady-clock.ts'
import { connectThreads } from './thread-calls.ts'
import { createWaryClock } from './wary-clock.ts'

/** Quiet workspaces are looked at this often. */
const TICK_CHECK_MS = 1_000

/** What the thread is started with: its code is loaded while what it works on is still being opened. */
export interface ProcessingThreadData {
  /** Brings a `ProcessingPlace`, once. */
  readonly place: MessagePort
}

/** What the thread works on. */
export interface ProcessingPlace {
  /** The data folder. */
  readonly data: string
  /** How far the log reaches, by partition. */
  readonly endOffsets: readonly number[]
}

/** What the thread asks of the one that started it. */
export interface ProcessingHost extends WarehouseTransport {
  append(messages: readonly LogMessage[]): Promise<number[]>
  publish(event: LiveEvent): void
  trouble(message: string, error: { readonly message: string }): void
}

/** What the thread answers. */
export interface ProcessingCalls {
  /** Brings the state back and goes on from there; resolves when what the log held is readable. */
  start(): Promise<void>
  /** The log reaches to these offsets now. */
  appended(endOffsets: readonly number[]): void
  /** Resolves when the records before these offsets are readable in the warehouse. */
  waitFor(positions: readonly number[]): Promise<void>
  status(): ProcessingStatus
  /** Commits what is processed, writes a snapshot, and ends. */
  stop(): Promise<void>
}

export interface ProcessingStatus extends Omit<RunnerStatus, 'error'> {
  readonly workspaces: EngineStatus['workspaces']
}

/** The bytes of a block on its way out belong to it alone: they move. */
function bytesOfBlocks(message: unknown): Transferable[] {
  const { m: method, a: [block] = [] } = message as { m?: string; a?: readonly unknown[] }
  return method === 'insertBlock' ? [(block as EncodedBlock).bytes.buffer as ArrayBuffer] : []
}

/** A block that shares its memory with others gets memory of its own. */
function movable(block: EncodedBlock): EncodedBlock {
  const { bytes } = block
  return bytes.byteLength === bytes.buffer.byteLength ? block : { ...block, bytes: new Uint8Array(bytes) as EncodedBlock['bytes'] }
}

async function openProcessing(port: MessagePort, { data, endOffsets }: ProcessingPlace): Promise<void> {
  // The thread that answers requests has the same clock, and tells of a leap.
  const clock = createWaryClock({ onError: () => undefined })
  const log = openLmdbLogReader(join(data, 'log'), endOffsets)
  const commits = await FileCommitStore.open(join(data, 'commits', 'commits.log'))
  let stopTicker = async () => {}

  const calls: ProcessingCalls = {
    async start() {
      await runner.start()
      await endBrokenImports()
      stopTicker = startTicker()
    },
    appended: (ends) => log.appended(ends),
    async waitFor(positions) {
      try {
        await runner.waitFor(positions)
      } catch (error) {
        // This thread is about to end: who waits goes on waiting, for the next one.
        if (passingBug() !== undefined) await new Promise(() => {})
        throw error
      }
    },
    status() {
      const { error, ...status } = runner.status
      const workspaces = [...runner.topology.workspaces()].map(({ workspace, windows, lateEvents }) => {
        const watermarkMs = windows?.time.watermarkMs ?? Number.NEGATIVE_INFINITY
        return { name: workspace, watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null, lateEvents }
      })
      return { ...status, workspaces }
    },
    async stop() {
      await stopTicker()
      // What can't be committed now (a full disk) the next start processes again.
      await runner.stop().catch((error: unknown) => onError('the last commit is left to the next start', error))
      await commits.close()
      await log.close()
    },
  }
  const host = connectThreads<ProcessingHost, ProcessingCalls>(port, calls, bytesOfBlocks)
  const onError = (message: string, error: unknown) =>
    void host.trouble.asEvent(message, { message: error instanceof Error ? error.message : String(error) })
  const { reader, writer } = createWarehousePort({
    insertBlock: (block) => host.insertBlock(movable(block)),
    command: (sql) => host.command(sql),
    readText: (query, params) => host.readText(query, params),
  })
  const appender: LogWriter = { partitions: log.partitions, append: (messages) => host.append(messages) }
  const runner = new Runner({
    log,
    sink: createSink(writer, reader),
    live: { publish: (event) => void host.publish.asEvent(event), subscribe: () => () => undefined },
    commits,
    decode: decodeOwnRecord,
    snapshots: new FileSnapshotStore<TopologySnapshot>(join(data, 'state')),
    clock: createSteadyClock(),
    sleep,
    onError,
  })

  /** The bug that stopped processing, when another start may not meet it. */
  function passingBug(): Error | undefined {
    const { error } = runner.status
    return error !== undefined && isWorthAnotherStart(error) ? error : undefined
  }

  const endsOf = () => Array.from({ length: log.partitions }, (_, partition) => log.endOffset(partition) as number)

  /** An import that a crash broke off holds back no window any longer; run again, it goes on under a new id. */
  async function endBrokenImports(): Promise<void> {
    await runner.waitFor(endsOf())
    for (const { workspace, windows } of runner.topology.workspaces()) {
      for (const importId of windows?.openImports() ?? []) {
        const value = Buffer.from(importEndText(workspace, importId, clock.nowMs()))
        await appender.append(Array.from({ length: log.partitions }, (_, partition) => ({ partition, value })))
      }
    }
  }

  function startTicker(): () => Promise<void> {
    let running: Promise<unknown> = Promise.resolve()
    const ticker = new Ticker(appender, clock, [...endsOf().keys()])
    const timer = setInterval(() => {
      const bug = passingBug()
      if (bug !== undefined) throw bug // ends the thread: the state with which it failed is not to be trusted
      running = running
        .then(async () => {
          // Behind, the newest record that is processed says nothing of the traffic.
          if (endsOf().every((end, partition) => runner.status.processed[partition] === end)) await ticker.tick(runner.topology)
        })
        .catch((error: unknown) => onError('a tick could not be written, trying again', error))
    }, TICK_CHECK_MS)
    return async () => {
      clearInterval(timer)
      await running
    }
  }
}

if (parentPort) {
  const { place } = workerData as ProcessingThreadData
  const [told] = (await once(place, 'message')) as [ProcessingPlace]
  place.close()
  await openProcessing(parentPort, told)
}
