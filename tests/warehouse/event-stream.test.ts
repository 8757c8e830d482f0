/** Backpressure of one live connection, on a response whose socket is full when the test says so; and what a hub keeps. */
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { LiveEvent } from '../../schemas/ports/live.ts'
import { openEventStream } from '../../warehouse/api/event-stream.ts'
import { LiveHub, type LiveHubLimits, type LiveMessage } from '../../warehouse/api/live-hub.ts'
import { StreamRounds } from '../../warehouse/api/stream-rounds.ts'

afterEach(() => {
  vi.useRealTimers()
})

class FillingResponse extends EventEmitter {
  readonly written: string[] = []
  useChunkedEncodingByDefault = true
  isFull = false
  isDestroyed = false
  writeHead(): this {
    return this
  }
  write(bytes: Buffer): boolean {
    this.written.push(bytes.toString())
    return !this.isFull
  }
  end(): void {
    this.emit('close')
  }
  destroy(): void {
    this.isDestroyed = true
    this.emit('close')
  }
}

function openHub(limits: Partial<LiveHubLimits> = {}) {
  let publish: (event: LiveEvent) => void = () => {}
  const bus = {
    publish: () => {},
    subscribe: (_: string, listener: (event: LiveEvent) => void) => {
      publish = listener
      return () => {}
    },
  }
  const hub = new LiveHub('acme', bus, { select: async () => [] }, 'era', { messagesKept: 3, restMs: 1, ...limits })
  return { hub, publish: (event: LiveEvent) => publish(event) }
}

function change(version: number): LiveEvent {
  const counts = { ...EMPTY_COUNTS, active_users: version }
  const row = {
    workspace: 'acme',
    window: '24h',
    dimension: '',
    value: '',
    end_ms: 1,
    final: false,
    version,
    watermark_ms: 1,
    counts,
    k: null,
  } as const
  return { kind: 'growth', workspace: 'acme', watermarkMs: 1, rows: [row] }
}

test('a client that does not keep up gets the latest state once it can take more, not what piled up', async () => {
  const { hub, publish } = openHub()
  const response = new FillingResponse()
  let closed = 0
  const close = openEventStream(response as unknown as ServerResponse, {
    hub,
    rounds: new StreamRounds(),
    credentials: 'key',
    lastEventId: undefined,
    headers: {},
    mayContinue: () => true,
    onClose: () => {
      closed += 1
    },
  })
  const flushed = () => new Promise<void>((resolve) => hub.listen(() => resolve()))
  response.isFull = true
  for (let version = 1; version <= 4; version += 1) {
    publish(change(version))
    await flushed()
  }
  const messages = () => response.written.filter((text) => text.includes('event: growth'))
  expect(messages()).toHaveLength(2) // the state, and the change that filled the socket
  response.isFull = false
  response.emit('drain')
  expect(messages()).toHaveLength(3)
  expect(messages()[2]).toContain('id: era-4\n')
  expect(messages()[2]).toContain('"active_users":{"value":4}')
  response.emit('drain')
  expect(messages()).toHaveLength(3)

  response.isFull = true
  publish(change(5))
  await flushed()
  close()
  expect(response.isDestroyed).toBe(true)
  expect(closed).toBe(1)
  hub.close()
})

test('the last messages are kept for who comes back; who missed more needs the whole state', async () => {
  const { hub, publish } = openHub()
  for (let version = 1; version <= 5; version += 1) {
    const flushed = new Promise<void>((resolve) => hub.listen(() => resolve()))
    publish(change(version))
    await flushed
  }
  const ids = (id: string) => hub.since(id)?.map((message) => message.id)
  expect(ids('era-5')).toEqual([])
  expect(ids('era-2')).toEqual(['era-3', 'era-4', 'era-5'])
  expect(ids('era-1')).toBeUndefined()
  expect(ids('era-6')).toBeUndefined()
  expect(ids('other-5')).toBeUndefined()
  hub.close()
})

test('a quiet stream beats every 15 s, and ends within 5 s of its key', () => {
  vi.useFakeTimers()
  const { hub } = openHub()
  const response = new FillingResponse()
  let mayContinue = true
  let isClosed = false
  openEventStream(response as unknown as ServerResponse, {
    hub,
    rounds: new StreamRounds(),
    credentials: 'key',
    lastEventId: undefined,
    headers: {},
    mayContinue: () => mayContinue,
    onClose: () => {
      isClosed = true
    },
  })
  const before = response.written.length
  vi.advanceTimersByTime(31_000)
  expect(response.written.slice(before)).toEqual([': still here\n\n', ': still here\n\n'])
  mayContinue = false
  vi.advanceTimersByTime(5_000)
  expect(isClosed).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
  expect(hub.listenerCount).toBe(0)
})

test('a change after a quiet time is told at once; what follows waits for the rest, and the last state is told after it', async () => {
  vi.useFakeTimers()
  const { hub, publish } = openHub({ restMs: 40, restMsPerListener: 30 })
  const heard: string[] = []
  hub.listen(({ id }) => heard.push(id))
  hub.listen(() => {})
  publish(change(1))
  publish(change(2))
  vi.advanceTimersByTime(0)
  expect(heard).toEqual(['era-1'])
  publish(change(3))
  publish(change(4))
  // Two listeners, 30 ms each.
  vi.advanceTimersByTime(59)
  expect(heard).toEqual(['era-1'])
  vi.advanceTimersByTime(1)
  expect(heard).toEqual(['era-1', 'era-2'])
  expect(hub.current().bytes.toString()).toContain('"active_users":{"value":4}')
  vi.advanceTimersByTime(1_000)
  publish(change(5))
  vi.advanceTimersByTime(0)
  expect(heard).toEqual(['era-1', 'era-2', 'era-3'])
  hub.close()
  expect(vi.getTimerCount()).toBe(0)
})

test('many are told a few at a time, all the same bytes; who comes or goes meanwhile misses nothing and hears nothing twice', () => {
  vi.useFakeTimers()
  const { hub, publish } = openHub({ listenersAtOnce: 2 })
  const heard: LiveMessage[][] = [[], [], [], [], []]
  const leave = heard.map((messages) => hub.listen((message) => messages.push(message)))
  publish(change(1))
  vi.advanceTimersToNextTimer()
  expect(heard.map(({ length }) => length)).toEqual([1, 1, 0, 0, 0])
  leave[3]?.()
  const late: LiveMessage[] = []
  const first = hub.current()
  hub.listen((message) => late.push(message))
  vi.advanceTimersToNextTimer()
  vi.advanceTimersToNextTimer()
  expect(heard.map(({ length }) => length)).toEqual([1, 1, 1, 0, 1])
  expect([first.id, first.bytes.toString().includes('"active_users":{"value":1}'), late]).toEqual(['era-1', true, []])
  expect(new Set(heard.flat().map(({ bytes }) => bytes)).size).toBe(1)
  hub.close()
})

test('streams of one key are looked at together, and end together', () => {
  vi.useFakeTimers()
  const rounds = new StreamRounds()
  let looks = 0
  const letIn = new Set(['a', 'b'])
  const closed: string[] = []
  for (const name of ['a1', 'a2', 'b1']) {
    const credentials = name.slice(0, 1)
    const leave = rounds.add({
      credentials,
      mayContinue: () => {
        looks += 1
        return letIn.has(credentials)
      },
      beat: () => {},
      close: () => {
        closed.push(name)
        leave()
      },
    })
  }
  vi.advanceTimersByTime(2_500)
  expect([looks, closed]).toEqual([2, []])
  letIn.delete('a')
  vi.advanceTimersByTime(2_500)
  expect(closed).toEqual(['a1', 'a2'])
  letIn.delete('b')
  vi.advanceTimersByTime(2_500)
  expect(closed).toEqual(['a1', 'a2', 'b1'])
  expect(vi.getTimerCount()).toBe(0)
})
