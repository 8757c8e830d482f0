/** The HTTP server of ingest for Fastify: plain requests for events go the short way, everything else Node's. */
import { Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyServerFactory } from 'fastify'
import type { Clock } from '../schemas/ports/clock.ts'
import { ANSWER_HEADERS, EventsDesk, type EventsDeskDeps } from './events-desk.ts'
import { createEventsListener } from './events-listener.ts'
import type { BodyRoom } from './incoming-body.ts'
import { PlainConnection, type PlainConnectionDeps } from './plain-connection.ts'
import { PlainHeads } from './plain-head.ts'

export interface EventsServerDeps extends EventsDeskDeps {
  readonly committer: BodyRoom
}

const SECOND_MS = 1_000

/** Where Node's server takes connections. */
type ConnectionListener = (socket: Socket) => void

/** A server whose new connections are read by `PlainConnection` until they bring something else. */
class EventsServer extends Server {
  readonly #plain = new Map<Socket, PlainConnection>()

  /** From now on; `deps` without what this knows itself. */
  readPlainly(deps: Omit<PlainConnectionDeps, 'handOver'>): void {
    const nodes = this.listeners('connection') as ConnectionListener[]
    this.removeAllListeners('connection')
    const forget = (socket: Socket) => this.#plain.delete(socket)
    const handOver = (socket: Socket) => {
      forget(socket)
      for (const listener of nodes) listener.call(this, socket)
    }
    this.on('connection', (socket: Socket) => {
      socket.once('close', () => forget(socket))
      this.#plain.set(socket, new PlainConnection(socket, { ...deps, handOver }))
    })
  }

  /** Who keeps a connection, or sends on and on, does not keep the server from stopping. */
  override close(callback?: (error?: Error) => void): this {
    for (const connection of this.#plain.values()) connection.finish()
    return super.close(callback)
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    for (const socket of this.#plain.keys()) socket.destroy()
  }
}

/** A server for Fastify that answers `POST /v1/events` before it. */
export function createEventsServer(deps: EventsServerDeps): FastifyServerFactory {
  const desk = new EventsDesk(deps)
  const { committer } = deps
  const listener = createEventsListener(desk, committer)
  return (handler, { keepAliveTimeout, requestTimeout, connectionTimeout }) => {
    const server = new EventsServer((request, response) => {
      // What comes while the server stops, Fastify refuses.
      const isTaken = server.listening && listener(request, response, () => !server.listening)
      if (!isTaken) handler(request, response)
    })
    // As Fastify does for a server of its own.
    if (typeof keepAliveTimeout === 'number') server.keepAliveTimeout = keepAliveTimeout
    if (typeof requestTimeout === 'number') server.requestTimeout = requestTimeout
    server.setTimeout(typeof connectionTimeout === 'number' ? connectionTimeout : 0)
    const { keepAliveTimeout: idleMs, requestTimeout: bodyMs } = server
    server.readPlainly({ desk, committer, heads: new PlainHeads(), idleMs, bodyMs, answerText: answerWriter(deps.clock, idleMs) })
    return server
  }
}

/** Writes answers as Node's server would; what stays the same for a second is made once. */
function answerWriter(clock: Clock, keepAliveMs: number): PlainConnectionDeps['answerText'] {
  const fields: string[] = []
  for (let at = 0; at < ANSWER_HEADERS.length; at += 2) fields.push(`${ANSWER_HEADERS[at]}: ${ANSWER_HEADERS[at + 1]}\r\n`)
  const always = fields.join('')
  const keepAlive = keepAliveMs > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveMs / SECOND_MS)}\r\n` : ''
  const keptOpen = `Connection: keep-alive\r\n${keepAlive}\r\n`
  let second = Number.NaN
  let date = ''
  return ({ status, contentType, text, retryAfterSeconds }, isLast) => {
    const now = Math.floor(clock.nowMs() / SECOND_MS)
    if (now !== second) {
      second = now
      date = `Date: ${new Date(now * SECOND_MS).toUTCString()}\r\n`
    }
    const end = isLast ? 'Connection: close\r\n\r\n' : keptOpen
    const retryAfter = retryAfterSeconds === undefined ? '' : `retry-after: ${retryAfterSeconds}\r\n`
    const length = Buffer.byteLength(text)
    return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${retryAfter}${always}content-type: ${contentType}\r\ncontent-length: ${length}\r\n${date}${end}${text}`
  }
}
