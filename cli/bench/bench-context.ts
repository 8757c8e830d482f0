/** What the cases of the bench share: sizes, events, the product with the events in it, and processes beside it. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { copyOwnEvents, type EventFile, writeSimulatedEvents } from './bench-events.ts'
import { watchOwnMemory } from './bench-memory.ts'
import type { JobOf, PartAnswer, PartName, PartRequest, ReportOf } from './bench-parts.ts'
import { type BenchProduct, type ImportOutcome, type ProductMemory, startProduct } from './bench-product.ts'
import type { BenchSizes } from './bench-sizes.ts'

/** `JSON.parse` is measured on at most so many of the events. */
export const PARSED_EVENTS_MAX = 300_000

/** What the folder of a run is called; one that stands there when a run begins was left by a crash. */
export const RUN_PREFIX = 'kappa-bench-run-'

/** The product after it took all the events; it goes on running for the cases that read. */
export interface ImportedProduct {
  readonly data: string
  readonly product: BenchProduct
  readonly outcome: ImportOutcome
  /** Most memory while it imported, and what was left of it when it had settled. */
  readonly peak: ProductMemory
  /** Most of its own memory while it imported, MB. */
  readonly ownPeakMb: number | undefined
  readonly settled: ProductMemory
  /** Events a second of `JSON.parse`, the mean of before and after. */
  readonly parsedPerSecond: number
}

export interface BenchContextOptions {
  readonly sizes: BenchSizes
  /** Folder for everything that the bench writes, removed at its end. */
  readonly folder: string
  readonly port: number
  /** The user's own events; undefined for simulated ones. */
  readonly ownFile: string | undefined
  /** Told what is being done, in words. */
  readonly tell: (text: string) => void
}

export class BenchContext {
  readonly sizes: BenchSizes
  readonly folder: string
  readonly tell: (text: string) => void
  readonly #port: number
  readonly #ownFile: string | undefined
  readonly #products = new Set<BenchProduct>()
  readonly #children = new Set<ChildProcess>()
  #events: Promise<EventFile> | undefined
  #imported: Promise<ImportedProduct> | undefined
  #isClosed = false

  constructor({ sizes, folder, port, ownFile, tell }: BenchContextOptions) {
    mkdirSync(folder, { recursive: true })
    this.sizes = sizes
    this.folder = mkdtempSync(join(folder, RUN_PREFIX))
    this.tell = tell
    this.#port = port
    this.#ownFile = ownFile
  }

  /** The events as a file, made at the first call. */
  events(): Promise<EventFile> {
    this.#events ??= this.#makeEvents()
    return this.#events
  }

  /** The product with all events in it, imported at the first call. Only one other may run beside it: ports and cores are shared. */
  imported(): Promise<ImportedProduct> {
    this.#imported ??= this.#import()
    return this.#imported
  }

  /** A product on a folder: a new one without `data`. */
  async start(data: string = mkdtempSync(join(this.folder, 'data-'))): Promise<BenchProduct> {
    const product = await startProduct({ data, port: this.#port })
    this.#products.add(product)
    if (this.#isClosed) await product.stop()
    return product
  }

  /** Calls `use` with a product on an empty folder, which is stopped and removed after it. */
  async withProduct<Result>(use: (product: BenchProduct) => Promise<Result>): Promise<Result> {
    const data = mkdtempSync(join(this.folder, 'data-'))
    const product = await this.start(data)
    try {
      return await use(product)
    } finally {
      await product.stop()
      rmSync(data, { recursive: true, force: true })
    }
  }

  /** Runs a part in a process of its own. Rejects with what it failed with. */
  async part<Name extends PartName>(part: Name, job: JobOf<Name>): Promise<ReportOf<Name>> {
    const child = fork(fileURLToPath(new URL('bench-part.js', import.meta.url)), { execArgv: ['--max-semi-space-size=64'] })
    this.#children.add(child)
    try {
      const answer = await new Promise<PartAnswer>((done, failed) => {
        child.once('message', done)
        child.once('error', failed)
        child.once('exit', (code, signal) => failed(new Error(`the process for ${part} ended with ${code ?? signal}`)))
        child.send({ part, job } satisfies PartRequest<Name>)
      })
      if ('failure' in answer) throw new Error(answer.failure)
      return answer.report as ReportOf<Name>
    } finally {
      this.#children.delete(child)
    }
  }

  /** Events a second of `JSON.parse` over the same events on one core, now. */
  async parsedPerSecond(): Promise<number> {
    return this.part('parse', { path: (await this.events()).path, eventsMax: PARSED_EVENTS_MAX })
  }

  /** Whether it was closed: nothing more is to be measured. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Stops everything that was started, and removes what was written. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all([...this.#products].map((product) => product.stop()))
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #makeEvents(): Promise<EventFile> {
    const path = join(this.folder, 'events.ndjson')
    if (this.#ownFile !== undefined) {
      this.tell(`reading ${this.#ownFile}`)
      return copyOwnEvents(this.#ownFile, path, this.sizes.events)
    }
    this.tell(`simulating ${this.sizes.events.toLocaleString('en-US')} events`)
    return writeSimulatedEvents(path, this.sizes.events)
  }

  async #import(): Promise<ImportedProduct> {
    const { path, events } = await this.events()
    const data = mkdtempSync(join(this.folder, 'imported-'))
    const parsedBefore = await this.parsedPerSecond()
    const product = await this.start(data)
    this.tell(`importing ${events.toLocaleString('en-US')} events`)
    const endWatch = watchOwnMemory(product.pid)
    const outcome = await product.import(path)
    const ownPeakMb = endWatch()
    const peak = await product.memory()
    const parsedAfter = await this.parsedPerSecond()
    await sleep(this.sizes.settleMs)
    const settled = await product.memory()
    return { data, product, outcome, peak, ownPeakMb, settled, parsedPerSecond: (parsedBefore + parsedAfter) / 2 }
  }
}
