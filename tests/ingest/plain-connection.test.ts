/** The short way of plain requests against a real socket: answers in order, pieces of any size, and when the connection becomes Node's. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEventsServer } from '../../ingest/events-server.ts'
import { createIntake } from '../../ingest/intake.ts'
import { createPipeline } from '../../ingest/pipeline.ts'
import { createEventMap } from '../../ingest/segment/event-map.ts'
import { createIngestRoutes } from '../../ingest/server.ts'
import { type IngestFixture, share, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
let app: FastifyInstance
const sockets: Socket[] = []

async function listen(keepAliveTimeout = 72_000, forceCloseConnections: boolean | 'idle' = true, requestTimeout = 0): Promise<void> {
  const { clock, workspaces, committer, dedupe, newId } = ingest
  const intake = createIntake({ clock, workspaces, dedupe, committer, partitions: 3, newId })
  const pipeline = createPipeline({ committer, intake })
  const serverFactory = createEventsServer({ clock, workspaces, pipeline, committer, onError: () => {} })
  app = Fastify({ serverFactory, forceCloseConnections, keepAliveTimeout, requestTimeout })
  await app.register(
    createIngestRoutes({ workspaces, pipeline, committer, intake, eventMap: createEventMap(), browserSdkPath: import.meta.filename }),
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
}

async function open(): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.setNoDelay(true)
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  ingest = await startIngest()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await app.close()
  await ingest.close()
})

let made = 0
function post(body: string, fields: readonly string[] = ['Authorization: Bearer server-key']): string {
  return ['POST /v1/events HTTP/1.1', 'Host: x', ...fields, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
}
/** Each of these is a request, and the status and code that it is answered with. */
const REQUESTS: Readonly<Record<string, () => [request: string, answer: string]>> = {
  event: () => [post(JSON.stringify({ ...share(), event_id: `e${made++}` })), '202 1'],
  events: () => {
    const events = Array.from({ length: 3 }, () => ({ ...share(), event_id: `e${made++}` }))
    return [post(JSON.stringify(events)), '202 3']
  },
  text: () => [post('{"type":"sh\u00e4re"}'), '202 type_unknown'],
  malformed: () => [post('{'), '400 body_malformed'],
  chunked: () => [
    `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer server-key\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
    '202 0',
  ],
  stranger: () => [post('{}', ['Authorization: Bearer nobody']), '401 key_unknown'],
  elsewhere: () => ['GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n', '405 method_not_allowed'],
}

/** Status, and code or number of accepted events, of each answer in a stream of them. */
function answersIn(stream: Buffer): string[] {
  const answers: string[] = []
  for (let at = 0; at < stream.length; ) {
    const headEnd = stream.indexOf('\r\n\r\n', at)
    const head = stream.toString('latin1', at, headEnd)
    const end = headEnd + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1])
    if (headEnd < 0 || end > stream.length) return answers
    const body = JSON.parse(stream.toString('utf8', headEnd + 4, end)) as {
      code?: string
      accepted?: number
      quarantined?: { code: string }[]
    }
    answers.push(`${head.slice(9, 12)} ${body.code ?? body.quarantined?.[0]?.code ?? body.accepted}`)
    at = end
  }
  return answers
}

/** Reads until there are so many answers, or the connection ends. */
async function read(socket: Socket, answers: number): Promise<string[]> {
  let stream = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    stream = Buffer.concat([stream, chunk as Buffer])
    if (answersIn(stream).length >= answers) break
  }
  return answersIn(stream)
}

describe('plain requests read from the socket', () => {
  it('any requests one behind the other, cut anywhere, are answered in their order', async () => {
    await listen()
    const kinds = fc.array(fc.constantFrom(...Object.keys(REQUESTS)), { minLength: 1, maxLength: 6 })
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(kinds, cuts, async (names, places) => {
        const wanted = names.map((name) => (REQUESTS[name] as () => [string, string])())
        const bytes = Buffer.from(wanted.map(([request]) => request).join(''))
        const socket = await open()
        const answers = read(socket, wanted.length)
        const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort((a, b) => a - b)
        let from = 0
        for (const end of ends) {
          if (end === from) continue
          socket.write(bytes.subarray(from, end))
          await new Promise((resolve) => setImmediate(resolve))
          from = end
        }
        expect(await answers).toEqual(wanted.map(([, answer]) => answer))
        socket.destroy()
      }),
      { numRuns: 40 },
    )
    expect(ingest.committer.waitingBytes).toBe(0)
  })

  it('says the same in the same words as the server behind it', async () => {
    await listen()
    const [plain, nodes] = [await open(), await open()]
    const [request] = (REQUESTS.event as () => [string, string])()
    // With a field that Node's parser alone takes.
    plain.write(request)
    nodes.write(request.replace('Host: x', 'Host: x\r\nTE: x\r\nTE: y'))
    const [short, long] = await Promise.all([once(plain, 'data'), once(nodes, 'data')])
    const fieldsOf = ([bytes]: unknown[]) =>
      String(bytes)
        .split('\r\n')
        .filter((line) => !line.startsWith('Date'))
        .map((line) => line.replace('"accepted":0,"duplicates":1', '"accepted":1,"duplicates":0'))
    expect(fieldsOf(short)).toEqual(fieldsOf(long))
  })

  it('thousands on one connection that nobody waits for, in order and each once', async () => {
    await listen()
    const socket = await open()
    const wanted = Array.from({ length: 1_500 }, (_, number) =>
      (REQUESTS[number % 500 === 499 ? 'malformed' : 'event'] as () => [string, string])(),
    )
    const answers = read(socket, wanted.length)
    socket.write(wanted.map(([request]) => request).join(''))
    expect(await answers).toEqual(wanted.map(([, answer]) => answer))
    expect((await ingest.records()).length).toBe(1_497)
  })

  it('who does not read its answers is not read any further, and gets them all later', async () => {
    await listen()
    const accepted = once(app.server, 'connection')
    const socket = await open()
    const [served] = (await accepted) as [Socket]
    const bytes = Buffer.from(post('{').repeat(500))
    let sent = 0
    for (; !(served.writableNeedDrain && served.isPaused()); sent += 500) {
      socket.write(bytes)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    let answers = 0
    let tail = ''
    for await (const chunk of socket) {
      const text = tail + (chunk as Buffer).toString('latin1')
      answers += text.split('HTTP/1.1 400').length - 1
      tail = text.slice(-11) // one less than what is counted
      if (answers === sent) break
    }
    expect(answers).toBe(sent)
  })

  it.each([
    ['another protocol', '\x16\x03\x01\x02\0'],
    ['lines that end as they may not', post('{}').replaceAll('\r\n', '\n')],
  ])('is told at once: %s', async (_name, bytes) => {
    await listen()
    const socket = await open()
    socket.write(bytes)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 /)
  })

  it('a connection that is silent is closed, in the middle of a request too, and what it held is given back', async () => {
    await listen(50)
    const [quiet, stuck] = [await open(), await open()]
    const closed = Promise.all([once(quiet, 'close'), once(stuck, 'close')])
    for (const socket of [quiet, stuck]) socket.resume()
    stuck.write(post('x'.repeat(1_000)).slice(0, -10))
    await closed
    while (ingest.committer.waitingBytes > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it('a body that comes too slowly is not waited for, what was sent before it is answered, and what it held is given back', async () => {
    await listen(72_000, true, 200)
    const socket = await open()
    const answers = read(socket, 2)
    const [request, answer] = (REQUESTS.event as () => [string, string])()
    socket.write(request)
    // What is whole in time has as much of it again.
    const whole = post(' '.repeat(1_000))
    socket.write(whole.slice(0, -10))
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.write(whole.slice(-10) + whole.slice(0, -200))
    const drip = setInterval(() => socket.write(' '), 20)
    expect(await answers).toEqual([answer, '400 body_empty'])
    const ended = socket.closed || once(socket.resume(), 'close')
    while (ingest.committer.waitingBytes > 0) await new Promise((resolve) => setImmediate(resolve))
    await ended
    clearInterval(drip)
  })

  it('closing the server ends what is open', async () => {
    await listen()
    const [quiet, busy] = [await open(), await open()]
    busy.write((REQUESTS.event as () => [string, string])()[0])
    await once(busy, 'data')
    const closed = Promise.all([once(quiet, 'close'), once(busy, 'close')])
    await app.close()
    await closed
  })

  describe('a server that stops', () => {
    const POST = post(JSON.stringify(share()))
    /** The same, but for Node's parser. */
    const NODES = POST.replace('Host: x', 'Host: x\r\nTE: x\r\nTE: y')
    const soon = (closed: Promise<unknown>) =>
      Promise.race([closed.then(() => 'stopped'), new Promise((resolve) => setTimeout(resolve, 5_000, 'still there'))])

    beforeEach(() => listen(72_000, 'idle'))

    it.each<[string, string]>([
      ['that sent nothing', ''],
      ['that sent half a head', POST.slice(0, 40)],
      ['that was answered', POST],
      ['that was answered by Node', NODES],
    ])('does not wait for a connection %s', async (_name, bytes) => {
      const socket = await open()
      socket.resume()
      if (bytes.length > 0) socket.write(bytes)
      if (bytes.includes('\r\n\r\n')) await once(socket, 'data')
      else await new Promise((resolve) => setTimeout(resolve, 50))
      expect(await soon(app.close())).toBe('stopped')
    })

    it.each([
      ['its own way', POST, '', 1],
      ["Node's way", NODES, '', 1],
      ['a body that is not whole yet', POST.slice(0, -5), POST.slice(-5), 1],
      ['some that nobody waited for', POST.repeat(20), '', 20],
    ])('answers what it took, says that this is all, and takes no more: %s', async (_name, bytes, rest, requests) => {
      const append = ingest.log.append.bind(ingest.log)
      let goOn: () => void = () => {}
      const gate = new Promise<void>((resolve) => (goOn = resolve))
      ingest.log.append = async (...args) => {
        await gate
        return append(...args)
      }
      const socket = await open()
      let stream = ''
      const ended = new Promise((resolve) => socket.on('close', resolve))
      socket.on('data', (chunk: Buffer) => {
        stream += chunk.toString('latin1')
        // As a client that never has enough.
        if (!socket.destroyed) socket.write(POST)
      })
      socket.write(bytes)
      while (ingest.committer.waitingBytes === 0) await new Promise((resolve) => setImmediate(resolve))
      const closed = app.close()
      await new Promise((resolve) => setTimeout(resolve, 50))
      socket.write(rest + POST)
      goOn()
      expect(await soon(closed)).toBe('stopped')
      await ended
      expect(stream.match(/HTTP\/1\.1 202/g)?.length).toBe(requests)
      expect(stream.match(/connection: close/gi)?.length).toBe(1)
      expect((await ingest.records()).length).toBe(requests)
    })
  })
})
