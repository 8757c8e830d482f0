/**
 * The live numbers of one workspace, for all who watch it: keeps the running windows as they are now, numbers each
 * message, and remembers the last ones for those who come back. A message is made into bytes once, however many watch.
 */
import type { LiveGrowth } from '../../schemas/growth-api.ts'
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import { LIVE_WINDOWS, type LiveWindowName } from '../../schemas/windows.ts'
import { type PublishedWindow, readRunningWindow } from '../queries/growth-published.ts'
import { emptyAnswer, publishedAnswer } from './growth-answer.ts'

export interface LiveHubLimits {
  /** Messages kept for `Last-Event-ID`; who missed more gets the whole state. */
  readonly messagesKept: number
  /** What changes after a quiet time is told at once, and then nothing for so long: commits may come many times a second. */
  readonly restMs: number
  /** With many who watch the rest is longer, so that telling them never takes all of the process. */
  readonly restMsPerListener: number
  /** So many are told in one go; other work of the process comes between. */
  readonly listenersAtOnce: number
}
const LIMITS: LiveHubLimits = { messagesKept: 64, restMs: 40, restMsPerListener: 0.01, listenersAtOnce: 500 }
const LIVE_DIMENSION = 'channel'

export interface LiveMessage {
  readonly id: string
  /** As it goes to every client: one event of the stream, with its fields and the empty line. */
  readonly bytes: Buffer
}
export type LiveListener = (message: LiveMessage) => void

export class LiveHub {
  readonly #workspace: string
  readonly #limits: LiveHubLimits
  readonly #reader: WarehouseReader
  /** Tells the ids of this hub from those of an earlier one. */
  readonly #era: string
  readonly #windows = new Map<string, PublishedWindow>()
  readonly #changed = new Set<string>()
  readonly #listeners = new Set<LiveListener>()
  readonly #messages: { readonly sequence: number; readonly message: LiveMessage }[] = []
  readonly #unsubscribe: () => void
  #sequence = 0
  /** Set while a change waits to be told in the next turn; while listeners are told; while the hub rests. */
  #telling: NodeJS.Immediate | undefined
  #restTimer: NodeJS.Timeout | undefined
  #current: LiveMessage | undefined
  #watermarkMs: number | null = null
  #loading: Promise<void> | undefined

  constructor(workspace: string, bus: LiveBus, reader: WarehouseReader, era: string, limits: Partial<LiveHubLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
    this.#workspace = workspace
    this.#reader = reader
    this.#era = era
    this.#unsubscribe = bus.subscribe(workspace, (event) => this.#take(event))
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  /** Resolves once the published windows are known. Rejects with `WarehouseUnavailableError`; call again then. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  /** Adds a listener; returns what removes it. */
  listen(listener: LiveListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** All live windows as they are now, under the id of the last message. */
  current(): LiveMessage {
    // After a restart thousands may come back at once.
    this.#current ??= this.#message(LIVE_WINDOWS.map((window) => window.name))
    return this.#current
  }

  /** Messages after the one with this id, or undefined when they are not all known: then `current()` is needed. */
  since(id: string): LiveMessage[] | undefined {
    const [era, sequenceText] = id.split('-', 2)
    const sequence = Number(sequenceText)
    if (era !== this.#era || !Number.isInteger(sequence) || sequence > this.#sequence) return undefined
    const oldest = this.#messages[0]?.sequence ?? this.#sequence + 1
    if (sequence + 1 < oldest) return undefined
    return this.#messages.filter((kept) => kept.sequence > sequence).map((kept) => kept.message)
  }

  close(): void {
    clearImmediate(this.#telling)
    clearTimeout(this.#restTimer)
    this.#unsubscribe()
    this.#listeners.clear()
  }

  async #load(): Promise<void> {
    for (const { name } of LIVE_WINDOWS) {
      const published = await readRunningWindow(this.#reader, this.#workspace, name, LIVE_DIMENSION)
      if (published === undefined) continue
      // What the bus brought in the meantime is newer, and stays.
      if (!this.#windows.has(name)) this.#replace(published.whole, published.slices)
    }
  }

  #take(event: LiveEvent): void {
    this.#watermarkMs = Math.max(this.#watermarkMs ?? event.watermarkMs, event.watermarkMs)
    this.#current = undefined
    for (const whole of event.rows) {
      if (whole.dimension !== '') continue
      const slices = event.rows.filter(
        (row) => row.window === whole.window && row.end_ms === whole.end_ms && row.dimension === LIVE_DIMENSION,
      )
      if (this.#replace(whole, slices)) this.#changed.add(whole.window)
    }
    // In the next turn: what comes together is one message.
    if (this.#changed.size > 0 && this.#restTimer === undefined) this.#telling ??= setImmediate(() => this.#flush())
  }

  /** Takes a window as it is now; false when a later one is known. */
  #replace(whole: GrowthRow, slices: readonly GrowthRow[]): boolean {
    const known = this.#windows.get(whole.window)?.whole
    if (known !== undefined && (known.end_ms > whole.end_ms || (known.end_ms === whole.end_ms && known.version > whole.version)))
      return false
    this.#watermarkMs = Math.max(this.#watermarkMs ?? whole.watermark_ms, whole.watermark_ms)
    this.#current = undefined
    this.#windows.set(whole.window, { whole, slices: slices.filter((row) => row.counts.active_users > 0) })
    return true
  }

  #flush(): void {
    this.#sequence += 1
    this.#current = undefined
    const names = LIVE_WINDOWS.map((window) => window.name).filter((name) => this.#changed.has(name))
    this.#changed.clear()
    const message = this.#message(names)
    this.#messages.push({ sequence: this.#sequence, message })
    if (this.#messages.length > this.#limits.messagesKept) this.#messages.shift()
    // Who comes while the others are told starts with a state that has this message in it.
    this.#tell(message, [...this.#listeners], 0)
  }

  #tell(message: LiveMessage, listeners: readonly LiveListener[], from: number): void {
    const to = from + this.#limits.listenersAtOnce
    for (const listener of listeners.slice(from, to)) if (this.#listeners.has(listener)) listener(message)
    if (to < listeners.length) {
      this.#telling = setImmediate(() => this.#tell(message, listeners, to))
      return
    }
    this.#telling = undefined
    this.#restTimer = setTimeout(
      () => {
        this.#restTimer = undefined
        if (this.#changed.size > 0) this.#flush()
      },
      Math.max(this.#limits.restMs, listeners.length * this.#limits.restMsPerListener),
    )
  }

  #id(sequence: number): string {
    return `${this.#era}-${sequence}`
  }

  #message(names: readonly LiveWindowName[]): LiveMessage {
    const windows = names.map((name) => {
      const known = this.#windows.get(name)
      return known === undefined ? emptyAnswer(name) : publishedAnswer(name, known, LIVE_DIMENSION)
    })
    const live: LiveGrowth = { watermark: this.#watermarkMs === null ? null : new Date(this.#watermarkMs).toISOString(), windows }
    const id = this.#id(this.#sequence)
    return { id, bytes: Buffer.from(`id: ${id}\nevent: growth\ndata: ${JSON.stringify(live)}\n\n`) }
  }
}
