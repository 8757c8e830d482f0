/** The live stream over a real socket: state first, changes, resuming, revoked keys, slow clients. */
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { liveGrowth, type LiveGrowth } from '../../schemas/growth-api.ts'
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import { createApiRoutes } from '../../warehouse/api/api-routes.ts'

const NOON = Date.UTC(2026, 2, 10, 12)

class TestBus implements LiveBus {
  readonly #listeners = new Map<string, Set<(event: LiveEvent) => void>>()
  publish(event: LiveEvent): void {
    for (const listener of this.#listeners.get(event.workspace) ?? []) listener(event)
  }
  subscribe(workspace: string, listener: (event: LiveEvent) => void): () => void {
    const listeners = this.#listeners.get(workspace) ?? new Set()
    this.#listeners.set(workspace, listeners.add(listener))
    return () => listeners.delete(listener)
  }
}

let bus: TestBus
let app: FastifyInstance
let port: number
let isRevoked: boolean
beforeEach(async () => {
  bus = new TestBus()
  isRevoked = false
  app = Fastify()
  await app.register(
    createApiRoutes({
      // The warehouse has nothing: what is watched comes over the bus.
      reader: { select: async () => [] },
      workspaces: { authenticate: (key) => (isRevoked ? undefined : { workspace: key, kind: 'read', keyId: key }), exists: () => true },
      session: () => undefined,
      live: bus,
      clock: { nowMs: () => NOON },
      probes: [],
      sinkLag: () => ({ events: 0, ms: 0 }),
      metrics: new Registry(),
    }),
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
})
afterEach(() => app.close())

interface SseMessage {
  readonly id: string
  readonly live: LiveGrowth
}

/** A client that parses the stream as the standard says; `next` waits for one more message. */
class SseClient {
  readonly messages: SseMessage[] = []
  text = ''
  isEnded = false
  readonly response: IncomingMessage
  #taken = 0
  #wake = () => {}

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      this.text += chunk
      this.#parse()
      this.#wake()
    })
    const onEnd = () => {
      this.isEnded = true
      this.#wake()
    }
    response.on('end', onEnd)
    response.on('close', onEnd)
    response.on('error', onEnd)
  }

  static open(key: string, lastEventId?: string): Promise<SseClient> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}`, ...(lastEventId ? { 'last-event-id': lastEventId } : {}) }
      get({ port, host: '127.0.0.1', path: '/v1/live', headers, agent: false }, (response) => resolve(new SseClient(response))).on(
        'error',
        reject,
      )
    })
  }

  async next(): Promise<SseMessage> {
    await this.until(() => this.messages.length > this.#taken)
    return this.messages[this.#taken++] as SseMessage
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.isEnded) throw new Error('the stream has ended')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async ended(): Promise<void> {
    await this.until(() => this.isEnded).catch(() => undefined)
  }

  close(): void {
    this.response.destroy()
  }

  #parse(): void {
    const blocks = this.text.split('\n\n').slice(0, -1)
    const parsed = blocks.flatMap((block) => {
      const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
      if (fields.get('event') !== 'growth') return []
      return [{ id: fields.get('id') ?? '', live: liveGrowth.parse(JSON.parse(fields.get('data') ?? '')) }]
    })
    this.messages.splice(0, this.messages.length, ...parsed)
  }
}

function row(workspace: string, version: number, activeUsers: number, more: Partial<GrowthRow> = {}): GrowthRow {
  const counts = { ...EMPTY_COUNTS, active_users: activeUsers }
  return {
    workspace,
    window: '24h',
    dimension: '',
    value: '',
    end_ms: NOON,
    final: false,
    version,
    watermark_ms: NOON,
    counts,
    k: null,
    ...more,
  }
}
function publish(workspace: string, ...rows: GrowthRow[]): void {
  bus.publish({ kind: 'growth', workspace, watermarkMs: NOON, rows })
}
const activeUsers = ({ live }: SseMessage, window = '24h') =>
  live.windows.find((each) => each.window === window)?.metrics.active_users.value

test('the state first, then what changes, with its rows by channel', async () => {
  const client = await SseClient.open('acme')
  expect(client.response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  const first = await client.next()
  expect(first.live).toMatchObject({
    watermark: null,
    windows: [{ window: '1h', at: null }, { window: '24h' }, { window: '7d' }, { window: '30d' }],
  })
  expect(client.text).toMatch(/^retry: \d+\n\n/)

  const channel = (value: string, version: number, active: number) => row('acme', version, active, { dimension: 'channel', value })
  publish(
    'acme',
    channel('email', 1, 2),
    row('acme', 1, 5),
    channel('twitter', 1, 3),
    row('acme', 1, 1, { dimension: 'campaign', value: 'x' }),
  )
  const second = await client.next()
  expect(second.live.windows).toHaveLength(1)
  expect(second.live.windows[0]?.rows.map((each) => each.channel)).toEqual(['twitter', 'email'])

  publish('acme', row('acme', 2, 6), channel('email', 2, 4), channel('twitter', 2, 0))
  publish('acme', row('acme', 1, 1))
  const third = await client.next()
  expect(activeUsers(third)).toBe(6)
  expect(third.live.windows[0]?.rows.map((each) => [each.channel, each.metrics.active_users.value])).toEqual([['email', 4]])

  publish('acme', row('acme', 3, 1, { end_ms: NOON + 300_000 }))
  expect((await client.next()).live.windows[0]).toMatchObject({ at: '2026-03-10T12:05:00.000Z', rows: [] })
  client.close()
})

test('a workspace hears only its own changes', async () => {
  const client = await SseClient.open('acme')
  await client.next()
  publish('other', row('other', 1, 9))
  publish('acme', row('acme', 1, 5))
  expect(activeUsers(await client.next())).toBe(5)
  client.close()
})

test('who comes back gets what was missed, and only that', async () => {
  const client = await SseClient.open('acme')
  const first = await client.next()
  publish('acme', row('acme', 1, 1))
  const second = await client.next()
  client.close()
  const watcher = await SseClient.open('acme')
  await watcher.next()
  publish('acme', row('acme', 2, 2))
  await watcher.next()
  publish('acme', row('acme', 3, 3))
  const last = await watcher.next()

  const back = await SseClient.open('acme', second.id)
  expect(activeUsers(await back.next())).toBe(2)
  expect(await back.next()).toEqual(last)
  const fromStart = await SseClient.open('acme', first.id)
  expect([activeUsers(await fromStart.next()), activeUsers(await fromStart.next())]).toEqual([1, 2])
  const upToDate = await SseClient.open('acme', last.id)
  publish('acme', row('acme', 4, 4))
  expect(activeUsers(await upToDate.next())).toBe(4)
  for (const open of [watcher, back, fromStart, upToDate]) open.close()
})

test.each([
  ['of another process', 'abc.1-2'],
  ['that is none', 'nonsense'],
  ['of the future', 'later'],
])('an id %s gives the whole state', async (_, id) => {
  const watcher = await SseClient.open('acme')
  const first = await watcher.next()
  publish('acme', row('acme', 1, 7))
  await watcher.next()
  const client = await SseClient.open('acme', id === 'later' ? first.id.replace(/\d+$/, '99') : id)
  const message = await client.next()
  expect(message.live.windows).toHaveLength(4)
  expect(activeUsers(message)).toBe(7)
  client.close()
  watcher.close()
})

test('changes that come together are one message', async () => {
  const client = await SseClient.open('acme')
  await client.next()
  for (let version = 1; version <= 50; version += 1) publish('acme', row('acme', version, version))
  expect(activeUsers(await client.next())).toBe(50)
  expect(client.messages).toHaveLength(2)
  client.close()
})

test('the stream ends when the key is revoked, and when the server closes', async () => {
  const client = await SseClient.open('acme')
  await client.next()
  isRevoked = true
  await client.ended()
  expect(client.isEnded).toBe(true)
  isRevoked = false
  const another = await SseClient.open('acme')
  await another.next()
  await app.close()
  await another.ended()
  expect(another.isEnded).toBe(true)
})
