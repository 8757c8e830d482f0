/** The watchers that the bench measures with, on a server that tells when it likes. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runLiveClients } from '../../cli/bench/bench-live-clients.ts'
import { runWatched } from '../../cli/bench/bench-watched.ts'

/** From a 202 to the message that counts the event. */
const LATE_MS = 120

let server: Server
let port: number
let people: number
beforeEach(async () => {
  const streams = new Map<ServerResponse, Promise<void>>()
  people = 0
  const tell = (stream: ServerResponse) => {
    const live = { watermark: null, windows: [{ window: '24h', metrics: { active_users: { value: people } } }] }
    const text = `id: x-${people}\nevent: growth\ndata: ${JSON.stringify(live)}\n\n`
    // In two pieces, cut where it hurts.
    const cut = text.indexOf('"value":') + 3
    const before = streams.get(stream)
    const told = async () => {
      await before
      stream.write(text.slice(0, cut))
      await sleep(1)
      stream.write(text.slice(cut))
    }
    streams.set(stream, told())
  }
  const stream = (response: ServerResponse) => {
    // As the product does: without chunks.
    response.useChunkedEncodingByDefault = false
    response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' })
    tell(response)
  }
  const take = (response: ServerResponse) => {
    people += 1
    const body = '{"accepted":1,"duplicates":0,"quarantined":[]}'
    response.writeHead(202, { 'content-length': body.length }).end(body)
    void sleep(LATE_MS).then(() => [...streams.keys()].forEach(tell))
  }
  server = createServer((request, response) => {
    if (request.url === '/metrics') response.end('process_resident_memory_bytes 1000000\n')
    else if (request.url === '/v1/live') stream(response)
    else request.resume().on('end', () => take(response))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  port = (server.address() as AddressInfo).port
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise<void>((closed) => server.close(() => closed()))
})

test('every one of many clients is waited for', async () => {
  const job = { host: '127.0.0.1', port, serverKey: 's', readKey: 'r', clients: 20, rounds: 2 }
  const report = await runLiveClients(job)
  expect(report.p50Ms).toBeGreaterThanOrEqual(LATE_MS - 5)
  expect(report.maxMs).toBeGreaterThanOrEqual(report.p50Ms)
  expect(report.serverKbPerClient).toBe(0)
  expect(people).toBe(3) // one of them before anything is measured
})

test('more clients than the system lets a process have are refused in a sentence', async () => {
  const job = { host: '127.0.0.1', port, serverKey: 's', readKey: 'r', clients: 100_000_000, rounds: 1 }
  await expect(runLiveClients(job)).rejects.toThrow(/files open, and 100000000 clients need 100000100: raise it \(ulimit -Hn\)/)
})

test('an event is seen when the number has grown by it, from what it was before', async () => {
  people = 5
  const job = { host: '127.0.0.1', port, key: 's', readKey: 'r', perSecond: 50, seconds: 0.4, connections: 2, prefix: 'p' }
  const report = await runWatched(job)
  expect(report.events).toBe(20)
  // Nobody was told before the first event was that old; later ones are counted by messages for earlier ones.
  expect(report.maxMs).toBeGreaterThanOrEqual(LATE_MS / 2)
  expect(report.fromSendP99Ms).toBeGreaterThanOrEqual(report.p50Ms)
})
