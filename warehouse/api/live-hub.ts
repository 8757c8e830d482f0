/**
 * The live numbers of one workspace, for all who watch it: keeps the running windows as they are now, numbers each
 * message, and remembers the last ones for those who come back.
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
  /** Commits may come many times a second; watchers hear of them together. */
  readonly flushAfterMs: number
}
const LIMITS: LiveHubLimits = { messagesKept: 64, flushAfterMs: 100 }
const LIVE_DIMENSION = 'channel'

export interface LiveMessage {
  readonly id: string
  readonly data: string
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
  #flushTimer: NodeJS.Timeout | undefined
  #watermarkMs: number | null = null
  #loading: Promise<void> | undefined

  constructor(workspace: string, bus: LiveBus, reader: WarehouseReader, era: string, limits: LiveHubLimits = LIMITS) {
    this.#limits = limits
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
    return { id: this.#id(this.#sequence), data: this.#data(LIVE_WINDOWS.map((window) => window.name)) }
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
    clearTimeout(this.#flushTimer)
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
    for (const whole of event.rows) {
      if (whole.dimension !== '') continue
      const slices = event.rows.filter(
        (row) => row.window === whole.window && row.end_ms === whole.end_ms && row.dimension === LIVE_DIMENSION,
      )
      if (this.#replace(whole, slices)) this.#changed.add(whole.window)
    }
    if (this.#changed.size > 0) this.#flushTimer ??= setTimeout(() => this.#flush(), this.#limits.flushAfterMs)
  }

  /** Takes a window as it is now; false when a later one is known. */
  #replace(whole: GrowthRow, slices: readonly GrowthRow[]): boolean {
    const known = this.#windows.get(whole.window)?.whole
    if (known !== undefined && (known.end_ms > whole.end_ms || (known.end_ms === whole.end_ms && known.version > whole.version)))
      return false
    this.#watermarkMs = Math.max(this.#watermarkMs ?? whole.watermark_ms, whole.watermark_ms)
    this.#windows.set(whole.window, { whole, slices: slices.filter((row) => row.counts.active_users > 0) })
    return true
  }

  #flush(): void {
    this.#flushTimer = undefined
    this.#sequence += 1
    const names = LIVE_WINDOWS.map((window) => window.name).filter((name) => this.#changed.has(name))
    this.#changed.clear()
    const message = { id: this.#id(this.#sequence), data: this.#data(names) }
    this.#messages.push({ sequence: this.#sequence, message })
    if (this.#messages.length > this.#limits.messagesKept) this.#messages.shift()
    for (const listener of this.#listeners) listener(message)
  }

  #id(sequence: number): string {
    return `${this.#era}-${sequence}`
  }

  #data(names: readonly LiveWindowName[]): string {
    const windows = names.map((name) => {
      const known = this.#windows.get(name)
      return known === undefined ? emptyAnswer(name) : publishedAnswer(name, known, LIVE_DIMENSION)
    })
    const live: LiveGrowth = { watermark: this.#watermarkMs === null ? null : new Date(this.#watermarkMs).toISOString(), windows }
    return JSON.stringify(live)
  }
}
