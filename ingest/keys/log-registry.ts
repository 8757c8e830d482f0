/**
 * Workspaces and keys that instances share through a log of one partition. A record is JSON in UTF-8, a whole workspace
 * or a whole key, of which a later one of the same id wins: `{"v":1,"workspace":{...}}` or `{"v":1,"key":{...}}`.
 * Nothing in it is secret: of keys it holds digests, and the secrets of digests and hashes follow from that of the
 * installation. Each instance reads the log from its start, and reads on as long as it is open.
 */
import { z } from 'zod'
import { KEY_KINDS, workspaceName } from '../../schemas/config.ts'
import { type Log, LogUnavailableError, type StoredMessage } from '../../schemas/ports/log.ts'
import { keyDigestSecret, personalDataSecret } from './derived-secrets.ts'
import type { RegistryStore, StoredKey, StoredWorkspace, StoreListener } from './registry-store.ts'
import { openRegistry, type RegistryOptions, type WorkspaceRegistry } from './workspace-registry.ts'

export interface LogRegistryOptions extends RegistryOptions {
  /** Its one partition is kept for ever. It stays open when the registry closes. */
  readonly log: Log
  /** That of the installation, the same for all its instances. */
  readonly secret: string
  /** One instance settles the keys of the default workspace (see `openRegistry`); the others know none until it did. */
  readonly makesStartKeys: boolean
  /** Told of a record that can't be read, which is skipped, and when the log can't be read on. */
  readonly onTrouble: (message: string, error: unknown) => void
}

/** Others are heard of at once where the log tells of them, and after so long where it doesn't. */
const FOLLOW_MS = 500
const READ_RECORDS = 1_000

const instantMs = z.number().int().min(0)
const record = z.union([
  z.object({ v: z.literal(1), workspace: z.object({ name: workspaceName, createdAtMs: instantMs }) }),
  z.object({
    v: z.literal(1),
    key: z.object({
      id: z.string().regex(/^[0-9A-Za-z]{1,64}$/),
      workspace: workspaceName,
      kind: z.enum(KEY_KINDS),
      prefix: z.string().max(100),
      createdAtMs: instantMs,
      revokedAtMs: instantMs.nullable(),
      digest: z.string().regex(/^[0-9a-f]{64}$/),
      origin: z.enum(['start', 'fixed', 'made']),
    }),
  }),
])

/**
 * Opens the registry, read to the end of the log. A write resolves when it was read back, so that it holds here; it
 * holds on the other instances within a second.
 * @throws LogUnavailableError when the log can't be read or written, as its writes do later: they may be in the log all
 *   the same, and can be tried again. RangeError for a log of several partitions.
 */
export async function openLogRegistry(options: LogRegistryOptions): Promise<WorkspaceRegistry> {
  const { partitions } = options.log
  if (partitions !== 1) throw new RangeError(`the log of workspaces has ${partitions} partitions, not 1: their order would be lost`)
  return openRegistry(new LogStore(options), options)
}

interface Waiter {
  readonly offset: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

class LogStore implements RegistryStore {
  readonly keySecret: Uint8Array
  readonly #log: Log
  readonly #secret: string
  readonly #onTrouble: LogRegistryOptions['onTrouble']
  readonly #unsubscribe: () => void
  /** Hashing secret of each workspace, and the offset of the record that made it. */
  readonly #workspaces = new Map<string, { readonly hashingSecret: Uint8Array; readonly offset: number }>()
  #next = 0
  #waiters: Waiter[] = []
  #following: Promise<void> | undefined
  /** Something may have come since the last read began. */
  #isWoken = false
  #endPause: (() => void) | undefined
  #isClosed = false

  constructor({ log, secret, onTrouble }: LogRegistryOptions) {
    this.#log = log
    this.#secret = secret
    this.#onTrouble = onTrouble
    this.keySecret = keyDigestSecret(secret)
    this.#unsubscribe = log.onAppend(() => this.#wake())
  }

  async follow(listener: StoreListener): Promise<void> {
    this.#next = await this.#log.startOffset(0)
    const end = await this.#log.endOffset(0)
    while (this.#next < end && (await this.#readOn(listener))) {}
    this.#following = this.#follow(listener)
  }

  async addWorkspace(workspace: StoredWorkspace): Promise<boolean> {
    const offset = await this.#write({ v: 1, workspace })
    return this.#workspaces.get(workspace.name)?.offset === offset
  }

  async putKey(key: StoredKey): Promise<void> {
    await this.#write({ v: 1, key })
  }

  hashingSecret(workspace: string): Uint8Array | undefined {
    return this.#workspaces.get(workspace)?.hashingSecret
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unsubscribe()
    this.#wake()
    await this.#following
    this.#refuseWaiters(new LogUnavailableError('the registry is closed'))
  }

  /** Appends and waits until it was read back; resolves with its offset. */
  async #write(value: z.infer<typeof record>): Promise<number> {
    this.#refuseClosed()
    const [offset = 0] = await this.#log.append([{ partition: 0, value: Buffer.from(JSON.stringify(value)) }])
    this.#refuseClosed()
    if (offset < this.#next) return offset
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ offset, resolve, reject })
      this.#wake()
    })
    return offset
  }

  async #follow(listener: StoreListener): Promise<void> {
    let isInTrouble = false
    while (!this.#isClosed) {
      let isRead = false
      this.#isWoken = false
      try {
        isRead = await this.#readOn(listener)
        isInTrouble = false
      } catch (error) {
        // What was appended is in the log; but whether it holds here can't be told.
        this.#refuseWaiters(error)
        if (!isInTrouble) this.#onTrouble('the log of workspaces and keys can not be read: changes by other instances are not seen', error)
        isInTrouble = true
      }
      if (!isRead && !this.#isWoken) await this.#pause()
    }
  }

  /** Takes what comes next in the log; false at its end. */
  async #readOn(listener: StoreListener): Promise<boolean> {
    const messages = await this.#log.read(0, this.#next, READ_RECORDS)
    for (const message of messages) {
      this.#take(message, listener)
      this.#next = message.offset + 1
    }
    const isReadBack = ({ offset }: Waiter) => offset < this.#next
    for (const { resolve } of this.#waiters.filter(isReadBack)) resolve()
    this.#waiters = this.#waiters.filter((waiter) => !isReadBack(waiter))
    return messages.length > 0
  }

  #take({ offset, value }: StoredMessage, listener: StoreListener): void {
    let read: z.infer<typeof record>
    try {
      read = record.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)))
      if ('key' in read && !this.#workspaces.has(read.key.workspace)) throw new Error(`there is no workspace ${read.key.workspace}`)
    } catch (error) {
      this.#onTrouble(`the record at offset ${offset} of the log of workspaces and keys can not be read and is skipped`, error)
      return
    }
    if ('key' in read) {
      listener.key(read.key)
      return
    }
    const { name } = read.workspace
    if (!this.#workspaces.has(name)) this.#workspaces.set(name, { hashingSecret: personalDataSecret(this.#secret, name), offset })
    listener.workspace(read.workspace)
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new LogUnavailableError('the registry is closed')
  }

  #refuseWaiters(error: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  #wake(): void {
    this.#isWoken = true
    this.#endPause?.()
  }

  /** Resolves when there may be something to read. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, FOLLOW_MS)
      this.#endPause = done
      function done() {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
