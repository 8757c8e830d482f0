/** What bodies that are on their way may hold, on each of the ways that a request can take: read from the socket, by Node, by Fastify. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEventsServer } from '../../ingest/events-server.ts'
import { IncomingBody } from '../../ingest/incoming-body.ts'
import { createIntake } from '../../ingest/intake.ts'
import { createPipeline } from '../../ingest/pipeline.ts'
import { createEventMap } from '../../ingest/segment/event-map.ts'
import { createIngestRoutes } from '../../ingest/server.ts'
import { type IngestFixture, share, startIngest } from './ingest-fixture.ts'

const MIB = 1024 * 1024
const ROOM_BYTES = 4 * MIB
let ingest: IngestFixture
let app: FastifyInstance
const sockets: Socket[] = []

beforeEach(async () => {
  ingest = await startIngest({ waitingBytesMax: ROOM_BYTES })
  const { clock, workspaces, committer, dedupe, newId } = ingest
  const intake = createIntake({ clock, workspaces, dedupe, committer, partitions: 3, newId })
  const pipeline = createPipeline({ committer, intake })
  const serverFactory = createEventsServer({ clock, workspaces, pipeline, committer, onError: () => {} })
  app = Fastify({ serverFactory, forceCloseConnections: true })
  await app.register(
    createIngestRoutes({ workspaces, pipeline, committer, intake, eventMap: createEventMap(), browserSdkPath: import.meta.filename }),
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await app.close()
  await ingest.close()
})

const WAYS: readonly [string, string][] = [
  ['plain', 'POST /v1/events HTTP/1.1\r\nAuthorization: Bearer write-key'],
  ["Node's", 'POST /v1/events HTTP/1.1\r\nTE: a\r\nTE: b\r\nAuthorization: Bearer write-key'],
  ["Fastify's", 'POST /v1/events?workspace=default HTTP/1.1\r\nAuthorization: Bearer write-key'],
  ["another product's, where nobody has a key yet", 'POST /v1/batch HTTP/1.1\r\nContent-Type: text/plain'],
]

async function send(way: string, declaredBytes: number, body: string): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'connect')
  socket.write(`${way}\r\nHost: x\r\nContent-Length: ${declaredBytes}\r\n\r\n${body}`)
  return socket
}

async function postShare(): Promise<number> {
  const { port } = app.server.address() as AddressInfo
  const headers = { authorization: 'Bearer server-key' }
  return (await fetch(`http://127.0.0.1:${port}/v1/events`, { method: 'POST', headers, body: JSON.stringify(share()) })).status
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

describe('bodies on their way', () => {
  it.each(WAYS)('who only promises a body takes no room from others: %s', async (_name, way) => {
    for (let sender = 0; sender < 5; sender += 1) await send(way, MIB - 1, '{')
    await until(() => ingest.committer.waitingBytes >= 5)
    expect(ingest.committer.waitingBytes).toBe(5)
    expect(await postShare()).toBe(202)
    for (const socket of sockets) socket.destroy()
    await until(() => ingest.committer.waitingBytes === 0)
  })

  it.each(WAYS)('a body for which there is no room any more is refused, and gives back what it had: %s', async (_name, way) => {
    const socket = await send(way, 3 * MIB, 'x'.repeat(MIB))
    await until(() => ingest.committer.waitingBytes >= MIB)
    const others = ingest.committer.reserve(ROOM_BYTES - ingest.committer.waitingBytes)
    socket.write('x'.repeat(2 * MIB - 1))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 503 .*"code":"overloaded"/s)
    others()
    await until(() => ingest.committer.waitingBytes === 0)
    expect(await postShare()).toBe(202)
  })

  it.each(WAYS)('a body that is larger than what is left is refused before it comes: %s', async (_name, way) => {
    const others = ingest.committer.reserve(ROOM_BYTES - MIB)
    const [answer] = (await once(await send(way, 2 * MIB, ''), 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 503 .*"code":"overloaded"/s)
    others()
  })
})

describe('a body in pieces', () => {
  it('is what came, and never counts more than twice that, nor more than it may be', () => {
    let counted = 0
    const reserve = (bytes: number) => {
      counted += bytes
      return () => {
        counted -= bytes
      }
    }
    const body = new IncomingBody({ reserve }, 1_000)
    const text = Array.from({ length: 1_000 }, (_, at) => String(at % 10)).join('')
    for (const piece of text) {
      body.add(Buffer.from(piece))
      expect(counted).toBeGreaterThanOrEqual(body.length)
      expect(counted).toBeLessThanOrEqual(Math.min(1_000, 2 * body.length))
    }
    expect(body.bytes.toString()).toBe(text)
    expect(() => body.add(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'body_too_large' }))
    body.release()
    expect(counted).toBe(0)
  })
})
