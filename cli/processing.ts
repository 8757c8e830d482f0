/** The processing of the embedded form, which runs in a thread of its own (`processing-thread.ts`), as the rest of the process sees it. */
import { totalmem } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { LiveBus } from '../schemas/ports/live.ts'
import type { Log } from '../schemas/ports/log.ts'
import type { WarehouseTransport } from '../warehouse/drivers/warehouse-transport.ts'
import { endOffsets } from './lag-metrics.ts'
import type { ProcessingCalls, ProcessingHost, ProcessingStatus, ProcessingThreadData } from './processing-thread.ts'
import { connectThreads } from './thread-calls.ts'

const MIB = 1024 ** 2
/** Batches live until they are in the warehouse: a larger young generation copies them less often. Three semi-spaces of 64 MiB. */
const YOUNG_GENERATION_MB = 192

export interface ProcessingOptions {
  /** The data folder. */
  readonly data: string
  readonly log: Log
  readonly warehouse: WarehouseTransport
  readonly live: Pick<LiveBus, 'publish'>
  readonly onError: (message: string, error: unknown) => void
}

export interface Processing {
  /** Resolves when the records before these offsets are readable in the warehouse. Rejects when processing has stopped. */
  waitFor(positions: readonly number[]): Promise<void>
  status(): Promise<ProcessingStatus>
  /** Commits what is processed, writes a snapshot, and ends the thread. */
  close(): Promise<void>
}

/** Starts the thread; resolves when what the log holds is readable. Rejects when the state can't be brought back. */
export async function openProcessing({ data, log, warehouse, live, onError }: ProcessingOptions): Promise<Processing> {
  const workerData: ProcessingThreadData = { data, endOffsets: await endOffsets(log) }
  const worker = new Worker(new URL('processing-thread.js', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB, maxOldGenerationSizeMb: Math.floor(totalmem() / 2 / MIB) },
  })
  const host: ProcessingHost = {
    append: (messages) => log.append(messages),
    insertBlock: (block) => warehouse.insertBlock(block),
    command: (sql) => warehouse.command(sql),
    readText: (query, params) => warehouse.readText(query, params),
    publish: (event) => live.publish(event),
    trouble: onError,
  }
  const thread = connectThreads<ProcessingCalls, ProcessingHost>(worker, host)

  let ended = false
  let lastStatus: ProcessingStatus | undefined
  const end = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.once('error', (error) => onError('processing stopped', error))
  void end.then(() => {
    ended = true
    thread.$close(new Error('processing has stopped'))
  })

  /** Many appends of a turn are one message. */
  let isTelling = false
  const unsubscribe = log.onAppend(() => {
    if (isTelling) return
    isTelling = true
    setImmediate(async () => {
      isTelling = false
      const ends = await endOffsets(log)
      if (!ended) await thread.appended.asEvent(ends)
    })
  })

  async function close(): Promise<void> {
    unsubscribe()
    if (!ended) await thread.stop()
    await worker.terminate()
  }

  try {
    await thread.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    waitFor: (positions) => thread.waitFor(positions),
    async status() {
      if (ended && lastStatus !== undefined) return { ...lastStatus, ready: false, failed: true }
      lastStatus = await thread.status()
      return lastStatus
    },
    close,
  }
}
