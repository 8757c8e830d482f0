/**
 * The live bus of several instances: Redis pub/sub, a channel a workspace. Listeners of this process are told at once and
 * whatever Redis does. Towards the others a slow, full or absent Redis costs intermediate states only: what waits is the
 * newest state of each workspace, and who comes back asks for it.
 */
import { Redis } from 'ioredis'
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'
import { createInProcessBus } from './in-process-bus.ts'
import { LiveBacklog } from './live-backlog.ts'

export interface RedisBusOptions {
  /** `redis://` or `rediss://`, with user, password and database as usual. */
  readonly url: string
  /** Tells this instance from the others: what it sent itself it does not hear again. */
  readonly instanceId: string
  /** Told once when the connection is lost, or a message is refused, and then again after it worked. */
  readonly onTrouble?: (message: string, error: unknown) => void
}

export interface RedisBusCounts {
  /** States sent to Redis, and of others' told here. */
  sent: number
  received: number
  /** States that a newer one replaced before they were sent. */
  superseded: number
  /** States that nobody else will hear of: too large, of too many workspaces, or not readable here. */
  dropped: number
}

export interface RedisBus extends LiveBus {
  readonly counts: Readonly<RedisBusCounts>
  readonly isConnected: boolean
  close(): void
}

const CHANNEL = 'kappa:live:'
/** Who comes back names here the workspaces that it watches. No workspace has a name with a capital letter. */
const ASK_CHANNEL = `${CHANNEL}ASK`
const MESSAGE_VERSION = 1
/** Redis cuts off a listener that is 32 MB behind. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const WORKSPACES_MAX = 1_000
/** Messages on their way to Redis at a time: with their size, the bound of what waits in the socket. */
const SENDING_MAX = 4
/** Redis that does not answer within this is hanging: the connection, and what waits in it, is given up. */
const ANSWER_MS_MAX = 2_000
const RECONNECT_MS_MAX = 1_000
/** After a message that was refused: so long nothing is sent. */
const BREATH_MS = 1_000
const PING_EVERY_MS = 5_000
const SILENCE_MS_MAX = 15_000

const CONNECTION = {
  // Nothing waits within the client: what waits is ours to bound.
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(50 * times, RECONNECT_MS_MAX),
}

interface Message {
  readonly v: number
  readonly from: string
  readonly event?: LiveEvent
  readonly workspaces?: readonly string[]
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'v' in value && value.v === MESSAGE_VERSION && 'from' in value
}

function isLiveEvent(value: unknown, workspace: string): value is LiveEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'workspace' in value &&
    value.workspace === workspace &&
    'rows' in value &&
    Array.isArray(value.rows)
  )
}

/** Connects in the background: never throws for a server that is away. */
export function createRedisBus(options: RedisBusOptions): RedisBus {
  return new RedisLiveBus(options)
}

class RedisLiveBus implements RedisBus {
  readonly counts: RedisBusCounts = { sent: 0, received: 0, superseded: 0, dropped: 0 }
  readonly #local = createInProcessBus()
  readonly #instanceId: string
  readonly #onTrouble: (message: string, error: unknown) => void
  readonly #publisher: Redis
  readonly #subscriber: Redis
  /** Not yet sent; and what was last said of each workspace, for those who ask. */
  readonly #waiting = new LiveBacklog(WORKSPACES_MAX)
  readonly #said = new LiveBacklog(WORKSPACES_MAX)
  readonly #watched = new Map<string, number>()
  readonly #pinging: NodeJS.Timeout
  #sending = 0
  #breath: NodeJS.Timeout | undefined
  #isInTrouble = false
  #isClosed = false

  constructor({ url, instanceId, onTrouble = () => undefined }: RedisBusOptions) {
    this.#instanceId = instanceId
    this.#onTrouble = onTrouble
    this.#publisher = new Redis(url, { ...CONNECTION, commandTimeout: ANSWER_MS_MAX })
    this.#publisher.on('error', (error) => this.#trouble(error))
    this.#publisher.on('ready', () => {
      this.#isInTrouble = false
      this.#ask([...this.#watched.keys()])
      this.#send()
    })
    // A connection of which the other end is gone without a word is found by its silence.
    this.#subscriber = new Redis(url, { ...CONNECTION, socketTimeout: SILENCE_MS_MAX })
    this.#subscriber.on('error', (error) => this.#trouble(error))
    this.#subscriber.on('ready', () => void this.#listen([...this.#watched.keys()]))
    this.#subscriber.on('message', (channel: string, text: string) => this.#take(channel, text))
    this.#pinging = setInterval(() => void this.#subscriber.ping().catch(() => undefined), PING_EVERY_MS)
    this.#pinging.unref()
  }

  get isConnected(): boolean {
    return this.#publisher.status === 'ready' && this.#subscriber.status === 'ready'
  }

  publish(event: LiveEvent): void {
    this.#local.publish(event)
    this.#said.add(event)
    if (this.#waiting.add(event)) this.counts.superseded += 1
    this.#countOverflow()
    this.#send()
  }

  subscribe(workspace: string, listener: (event: LiveEvent) => void): () => void {
    const unsubscribe = this.#local.subscribe(workspace, listener)
    const listeners = this.#watched.get(workspace) ?? 0
    this.#watched.set(workspace, listeners + 1)
    if (listeners === 0 && this.#subscriber.status === 'ready') void this.#listen([workspace])
    let isSubscribed = true
    return () => {
      unsubscribe()
      if (isSubscribed) this.#unwatch(workspace)
      isSubscribed = false
    }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#pinging)
    clearTimeout(this.#breath)
    this.#publisher.disconnect()
    this.#subscriber.disconnect()
  }

  #unwatch(workspace: string): void {
    const listeners = (this.#watched.get(workspace) ?? 1) - 1
    if (listeners > 0) {
      this.#watched.set(workspace, listeners)
      return
    }
    this.#watched.delete(workspace)
    this.#subscriber.unsubscribe(CHANNEL + workspace).catch(() => undefined)
  }

  /** Hears of the workspaces from now on, and asks for what was said before. */
  async #listen(workspaces: readonly string[]): Promise<void> {
    try {
      await this.#subscriber.subscribe(ASK_CHANNEL, ...workspaces.map((workspace) => CHANNEL + workspace))
      this.#ask(workspaces)
    } catch (error) {
      this.#trouble(error)
    }
  }

  #ask(workspaces: readonly string[]): void {
    if (workspaces.length === 0 || !this.isConnected) return
    this.#publisher.publish(ASK_CHANNEL, this.#encode({ workspaces })).catch((error: unknown) => this.#trouble(error))
  }

  #take(channel: string, text: string): void {
    const message = decode(text)
    if (message === undefined) {
      this.counts.dropped += 1
      return
    }
    if (message.from === this.#instanceId) return
    if (channel === ASK_CHANNEL) {
      for (const workspace of message.workspaces ?? []) {
        const said = this.#said.get(workspace)
        if (said !== undefined) this.#waiting.addOlder(said)
      }
      this.#countOverflow()
      this.#send()
      return
    }
    if (!isLiveEvent(message.event, channel.slice(CHANNEL.length))) {
      this.counts.dropped += 1
      return
    }
    this.counts.received += 1
    this.#local.publish(message.event)
  }

  /** Sends what waits, a few at a time; what fails waits again behind what came meanwhile. */
  #send(): void {
    while (this.#sending < SENDING_MAX && this.#breath === undefined && this.#publisher.status === 'ready') {
      const event = this.#waiting.shift()
      if (event === undefined) return
      const text = this.#encode({ event })
      if (text.length > MESSAGE_BYTES_MAX) {
        this.counts.dropped += 1
        continue
      }
      this.#sending += 1
      void this.#sendOne(event, text)
    }
  }

  async #sendOne(event: LiveEvent, text: string): Promise<void> {
    try {
      await this.#publisher.publish(CHANNEL + event.workspace, text)
      this.counts.sent += 1
      this.#isInTrouble = false
    } catch (error) {
      this.#waiting.addOlder(event)
      this.#takeBreath(error)
    } finally {
      this.#sending -= 1
    }
    this.#send()
  }

  #takeBreath(error: unknown): void {
    this.#trouble(error)
    if (this.#isClosed) return
    // No answer at all: what waits in the socket must not grow. A refusal leaves nothing there.
    const isRefusal = error instanceof Error && error.name === 'ReplyError'
    if (!isRefusal && this.#publisher.status === 'ready') this.#publisher.disconnect(true)
    this.#breath ??= setTimeout(() => {
      this.#breath = undefined
      this.#send()
    }, BREATH_MS)
  }

  #encode(message: Omit<Message, 'v' | 'from'>): string {
    return JSON.stringify({ v: MESSAGE_VERSION, from: this.#instanceId, ...message })
  }

  #countOverflow(): void {
    this.counts.dropped += this.#waiting.overflowed
    this.#waiting.overflowed = 0
  }

  #trouble(error: unknown): void {
    if (this.#isInTrouble || this.#isClosed) return
    this.#isInTrouble = true
    this.#onTrouble('Redis does not answer: live updates stay within this process until it does', error)
  }
}

function decode(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isMessage(value) ? value : undefined
  } catch {
    return undefined
  }
}
