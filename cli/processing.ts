/** The processing of the embedded form, which runs in a thread of its own (`processing-thread.ts`), as the rest of the process sees it. */
import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { LiveBus } from '../schemas/ports/live.ts'
import type { Log } from '../schemas/ports/log.ts'
import type { WarehouseTransport } from '../warehouse/drivers/warehouse-transport.ts'
import { RestartPauses } from '../processors/runtime/restart-pauses.ts'
import { endOffsets } from './lag-metrics.ts'
import type { ProcessingCalls, ProcessingHost, ProcessingPlace, ProcessingStatus, ProcessingThreadData } from './processing-thread.ts'
import { createSteadyClock } from './steady-clock.ts'
import { connectThreads } from './thread-calls.ts'

const MIB = 1024 ** 2
const TELL_INTERVAL_MS = 500
/** Batches live until they are in the warehouse: a larger young generation copies them less often. Three semi-spaces of 64 MiB. */
const YOUNG_GENERATION_MB = 192

export interface ProcessingOptions {
  /** The data folder. */
  readonly data: string
  readonly log: Log
  readonly warehouse: WarehouseTransport
  readonly live: Pick<LiveBus, 'publish'>
  readonly onError: (message: string, error: unknown) => void
  /** Told how far it is, again and again until all that was processed before is brought back. */
  readonly onBringingBack?: ((processed: number, total: number) => void) | undefined
  /** The thread to begin with, when one was prepared. */
  readonly prepared?: PreparedThread
}

/** A thread that has nothing to work on yet. */
export interface PreparedThread {
  readonly worker: Worker
  begin(place: ProcessingPlace): void
}

export interface Processing {
  /** Resolves when the records before these offsets are readable in the warehouse. Rejects when processing has stopped. */
  waitFor(positions: readonly number[]): Promise<void>
  /** `restarting`: the thread broke off, and another has not brought the state back yet. */
  status(): Promise<ProcessingStatus & { readonly restarting: boolean }>
  /** Commits what is processed, writes a snapshot, and ends the thread. */
  close(): Promise<void>
}

const sum = (offsets: readonly number[]) => offsets.reduce((total, offset) => total + offset, 0)

type Thread = ReturnType<typeof connectThreads<ProcessingCalls, ProcessingHost>>

interface RunningThread {
  readonly thread: Thread
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>
  terminate(): Promise<unknown>
}

/** Starts a thread that loads its code and waits: it takes as long as to open everything else. */
export function prepareThread(): PreparedThread {
  const { port1, port2 } = new MessageChannel()
  const workerData: ProcessingThreadData = { place: port2 }
  const worker = new Worker(new URL('processing-thread.js', import.meta.url), {
    workerData,
    transferList: [port2],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB, maxOldGenerationSizeMb: Math.floor(totalmem() / 2 / MIB) },
  })
  return { worker, begin: (place) => port1.postMessage(place) }
}

async function startThread(
  { data, log, warehouse, live, onError }: ProcessingOptions,
  prepared: PreparedThread = prepareThread(),
): Promise<RunningThread> {
  const { worker } = prepared
  const thread: Thread = connectThreads(worker, {
    append: (messages) => log.append(messages),
    insertBlock: (block) => warehouse.insertBlock(block),
    command: (sql) => warehouse.command(sql),
    readText: (query, params) => warehouse.readText(query, params),
    publish: (event) => live.publish(event),
    trouble: onError,
  })
  worker.once('error', (error) => onError('processing broke off, it is started again', error))
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      thread.$close(new Error('processing has stopped'))
      resolve()
    })
  })
  prepared.begin({ data, endOffsets: await endOffsets(log) })
  return { thread, ended, terminate: () => worker.terminate() }
}

/**
 * Starts the thread; resolves when what the log holds is readable. Rejects when the state can't be brought back. A thread
 * that breaks off later (memory, a fault of the engine, a bug in a rebuild) is followed by another, which goes on from what is on
 * disk; one that breaks off again and again, after ever longer pauses.
 */
export async function openProcessing(options: ProcessingOptions): Promise<Processing> {
  const { log, onError } = options
  let running = await startThread(options, options.prepared)
  let isClosing = false
  /** Resolves when the thread that followed one that broke off has brought the state back; undefined while all is well. */
  let restart: Promise<void> | undefined
  let lastStatus: ProcessingStatus | undefined

  async function tellEnds(): Promise<void> {
    const ends = await endOffsets(log)
    if (!running.thread.$closed) await running.thread.appended.asEvent(ends)
  }
  /** Many appends of a turn are one message. */
  let isTelling = false
  const unsubscribe = log.onAppend(() => {
    if (isTelling) return
    isTelling = true
    setImmediate(() => {
      isTelling = false
      tellEnds().catch((error: unknown) => onError('processing could not be told of new records', error))
    })
  })

  const clock = createSteadyClock()
  const pauses = new RestartPauses()
  async function startAgain(): Promise<void> {
    for (;;) {
      await sleep(pauses.brokeOff(clock.nowMs()), undefined, { ref: false })
      if (isClosing) return
      try {
        running = await startThread(options)
        if (isClosing) return void (await running.terminate())
        await tellEnds() // what was appended meanwhile was told to the one before
        await running.thread.start()
        return
      } catch (error) {
        onError('processing could not be started, trying again', error)
        await running.terminate()
      }
    }
  }
  function watch(): void {
    void running.ended.then(() => {
      if (isClosing) return
      restart = startAgain().then(() => {
        restart = undefined
        watch()
      })
    })
  }

  async function close(): Promise<void> {
    isClosing = true
    unsubscribe()
    if (!running.thread.$closed) await running.thread.stop()
    await running.terminate()
  }

  const telling = setInterval(() => void tellHowFar().catch(() => {}), TELL_INTERVAL_MS)
  async function tellHowFar(): Promise<void> {
    const [{ processed }, ends] = await Promise.all([running.thread.status(), endOffsets(log)])
    options.onBringingBack?.(sum(processed), sum(ends))
  }
  try {
    await running.thread.start()
  } catch (error) {
    await close()
    throw error
  } finally {
    clearInterval(telling)
  }
  watch()
  return {
    async waitFor(positions) {
      for (;;) {
        const { thread } = running
        try {
          return await thread.waitFor(positions)
        } catch (error) {
          if (isClosing || !thread.$closed) throw error
          await restart
        }
      }
    },
    async status() {
      try {
        lastStatus = await running.thread.status()
      } catch (error) {
        if (lastStatus === undefined) throw error
        return { ...lastStatus, ready: false, restarting: true }
      }
      return { ...lastStatus, restarting: restart !== undefined }
    },
    close,
  }
}
