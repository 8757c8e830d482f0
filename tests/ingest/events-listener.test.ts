import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEventsServer } from '../../ingest/events-server.ts'
import { createIngestRoutes } from '../../ingest/server.ts'
import { REQUEST_ERRORS } from '../../schemas/errors.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { createEventMap } from '../../ingest/segment/event-map.ts'
import { createIntake } from '../../ingest/intake.ts'
import { createPipeline } from '../../ingest/pipeline.ts'
import { type IngestFixture, share, signup, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
let app: FastifyInstance
let port: number
let errors: unknown[]
/** Requests that the application behind the listener got to see. */
let passedOn: number

beforeEach(async () => {
  ingest = await startIngest()
  errors = []
  passedOn = 0
  const { clock, workspaces, committer, dedupe, newId } = ingest
  const intake = createIntake({ clock, workspaces, dedupe, committer, partitions: 3, newId })
  const pipeline = createPipeline({ committer, intake })
  const onError = (error: unknown) => errors.push(error)
  app = Fastify({ serverFactory: createEventsServer({ clock, workspaces, pipeline, committer, onError }), forceCloseConnections: true })
  app.addHook('onRequest', async () => {
    passedOn += 1
  })
  await app.register(
    createIngestRoutes({ workspaces, pipeline, committer, intake, eventMap: createEventMap(), browserSdkPath: import.meta.filename }),
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
})
afterEach(async () => {
  await app.close()
  await ingest.close()
})

type Headers = Record<string, string>
const JSON_TYPE = { 'content-type': 'application/json' }

async function post(body: string | Buffer, headers: Headers = { authorization: 'Bearer server-key', ...JSON_TYPE }, path = '/v1/events') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}

describe('POST /v1/events before the application', () => {
  it.each<[string, string | Buffer, Headers, string]>([
    ['one event', JSON.stringify(share()), { authorization: 'Bearer server-key', ...JSON_TYPE }, ''],
    ['gzip', gzipSync(JSON.stringify([share()])), { authorization: 'Bearer server-key', ...JSON_TYPE, 'content-encoding': 'gzip' }, ''],
    ['a key in the address', JSON.stringify(share()), { 'content-type': 'text/plain;charset=UTF-8' }, '?key=write-key'],
    ['NDJSON', `${JSON.stringify(share())}\n`, { authorization: 'Bearer admin-key', 'content-type': 'Application/X-NDJSON' }, ''],
  ])('answers itself: %s', async (_name, body, headers, query) => {
    const answer = await post(body, headers, `/v1/events${query}`)
    expect([answer.status, answer.body]).toEqual([202, { accepted: 1, duplicates: 0, quarantined: [] }])
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(passedOn).toBe(0)
    expect((await ingest.records()).length).toBe(1)
    expect(ingest.committer.waitingBytes).toBe(0)
  })

  it.each<[string, string, Headers, string, keyof typeof REQUEST_ERRORS]>([
    ['no key', '{}', JSON_TYPE, '/v1/events', 'key_missing'],
    ['an unknown key', '{}', { authorization: 'Bearer nobody', ...JSON_TYPE }, '/v1/events', 'key_unknown'],
    ['a read key', '{}', { authorization: 'Bearer read-key', ...JSON_TYPE }, '/v1/events', 'key_scope'],
    [
      'another media type',
      '<a/>',
      { authorization: 'Bearer server-key', 'content-type': 'text/html' },
      '/v1/events',
      'content_type_unsupported',
    ],
    ['a foreign workspace', '{}', { authorization: 'Bearer server-key', ...JSON_TYPE }, '/v1/events?workspace=other', 'key_scope'],
  ])('leaves to the application: %s', async (_name, body, headers, path, code) => {
    const answer = await post(body, headers, path)
    expect([answer.status, answer.body.code, passedOn]).toEqual([REQUEST_ERRORS[code].status, code, 1])
  })

  it.each<[string, string | Buffer, Headers, keyof typeof REQUEST_ERRORS]>([
    ['no JSON', '{"type":', {}, 'body_malformed'],
    ['white space', ' \n', {}, 'body_empty'],
    ['no gzip', 'plain', { 'content-encoding': 'gzip' }, 'body_undecodable'],
    ['brotli', 'x', { 'content-encoding': 'br' }, 'encoding_unsupported'],
  ])('refuses what can not be read: %s', async (_name, body, headers, code) => {
    const answer = await post(body, { authorization: 'Bearer server-key', ...JSON_TYPE, ...headers })
    expect([answer.status, answer.body.code, passedOn]).toEqual([REQUEST_ERRORS[code].status, code, 0])
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(ingest.committer.waitingBytes).toBe(0)
  })

  it('tells a log that can not be written, and a bug without its details', async () => {
    const append = ingest.log.append
    ingest.log.append = async () => {
      throw new LogUnavailableError('disk full')
    }
    const refused = await post(JSON.stringify(share()))
    expect([refused.status, refused.body.code, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, 'log_unavailable', true])
    ingest.log.append = async () => {
      throw new TypeError('a bug of ours')
    }
    const failed = await post(JSON.stringify(share()))
    expect([failed.status, failed.body.code, JSON.stringify(failed.body).includes('a bug of ours')]).toEqual([500, 'internal', false])
    expect(errors).toMatchObject([{ message: 'a bug of ours' }])
    ingest.log.append = append
    expect((await post(JSON.stringify(share()))).status).toBe(202)
  })

  it('names what it quarantined, and hashes the address of a browser', async () => {
    const answer = await post(JSON.stringify([share(), signup({ kind: 'refund' })]), { authorization: 'Bearer write-key', ...JSON_TYPE })
    expect(answer.body).toMatchObject({ accepted: 1, quarantined: [{ index: 1, code: 'event_not_allowed', path: 'kind' }] })
    const hash = (await ingest.records()).map((record) => ('ip_hash' in record ? record.ip_hash : undefined))
    expect(hash.filter((one) => one !== undefined).length).toBe(1)
  })

  it('takes a body in pieces, and many requests on one connection at once', async () => {
    const body = JSON.stringify(share())
    const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer server-key\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(head + body.slice(0, 10))
    await new Promise((resolve) => setImmediate(resolve))
    socket.write(body.slice(10) + head + body + head + body)
    let text = ''
    for await (const chunk of socket) {
      text += String(chunk)
      if (text.split('"accepted":1').length === 4) break
    }
    expect(text.match(/HTTP\/1\.1 202/g)?.length).toBe(3)
    expect((await ingest.records()).length).toBe(3)
  })

  it('gives back what it counted when the sender goes in the middle of a body', async () => {
    const request = httpRequest({
      port,
      method: 'POST',
      path: '/v1/events',
      headers: { authorization: 'Bearer server-key', 'content-length': 1_000 },
    })
    request.on('error', () => {})
    request.write('{"type"')
    while (ingest.committer.waitingBytes === 0) await new Promise((resolve) => setImmediate(resolve))
    request.destroy()
    while (ingest.committer.waitingBytes > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ingest.records()).toEqual([])
  })

  it('stores what was sent whole, though the sender does not wait for the answer', async () => {
    const append = ingest.log.append.bind(ingest.log)
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    ingest.log.append = async (...args) => {
      await gate
      return append(...args)
    }
    const body = JSON.stringify(share())
    const headers = { authorization: 'Bearer server-key', 'content-length': body.length, ...JSON_TYPE }
    const request = httpRequest({ port, method: 'POST', path: '/v1/events', headers })
    request.on('error', () => {})
    request.end(body)
    const gone = new Promise<void>((resolve) => app.server.on('connection', (socket) => socket.on('close', () => resolve())))
    while (ingest.committer.waitingBytes <= body.length) await new Promise((resolve) => setImmediate(resolve))
    request.destroy()
    await gone
    open()
    while (ingest.committer.waitingBytes > 0) await new Promise((resolve) => setImmediate(resolve))
    expect((await ingest.records()).length).toBe(1)
    expect((await post(JSON.stringify(share()))).status).toBe(202)
    expect(errors).toEqual([])
  })

  it('a key that is revoked stops within 5 seconds', async () => {
    const { authenticate } = ingest.workspaces
    expect((await post(JSON.stringify(share()))).status).toBe(202)
    ingest.workspaces.authenticate = () => undefined
    ingest.clock.set(ingest.clock.nowMs() + 5_000)
    expect((await post(JSON.stringify(share()))).status).toBe(401)
    ingest.workspaces.authenticate = authenticate
    expect((await post(JSON.stringify(share()))).status).toBe(202)
  })
})
