import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EVENT_ERRORS, REQUEST_ERRORS } from '../../schemas/errors.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import { type IngestFixture, invite, NOW_MS, rum, share, signup, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
beforeEach(async () => {
  ingest = await startIngest()
})
afterEach(() => ingest.close())

const lines = (...events: unknown[]) => events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event))).join('\n')

describe('POST /v1/events: what is accepted', () => {
  it.each([
    ['one object', JSON.stringify(share()), 'application/json', 1],
    ['an array', JSON.stringify([share(), signup(), invite(), rum()]), 'application/json', 4],
    ['an empty array', '[]', 'application/json', 0],
    ['NDJSON', lines(share(), signup()), 'application/x-ndjson', 2],
    [
      'NDJSON with blank lines and CRLF',
      `\r\n${JSON.stringify(share())}\r\n\r\n${JSON.stringify(signup())}\r\n`,
      'application/x-ndjson',
      2,
    ],
    ['NDJSON labelled as JSON', lines(share(), signup()), 'application/json', 2],
    ['NDJSON as text/plain', lines(share(), signup()), 'text/plain;charset=UTF-8', 2],
    ['an object over several lines', JSON.stringify(share(), null, 2), 'application/json; charset=utf-8', 1],
    ['a byte order mark', `\uFEFF${JSON.stringify(share())}`, 'application/json', 1],
  ])('%s', async (_name, body, contentType, accepted) => {
    const { status, body: answer } = await ingest.post(body, { headers: { 'content-type': contentType } })
    expect(status).toBe(202)
    expect(answer).toEqual({ accepted, duplicates: 0, quarantined: [] })
    expect((await ingest.records()).length).toBe(accepted)
  })

  it('a body without Content-Type', async () => {
    const response = await ingest.app.inject({
      method: 'POST',
      url: '/v1/events?key=server-key',
      payload: Buffer.from(JSON.stringify(share())),
    })
    expect(response.statusCode).toBe(202)
  })

  it('gzip', async () => {
    const { status, body } = await ingest.post(gzipSync(lines(share(), signup())), { headers: { 'content-encoding': 'gzip' } })
    expect([status, body.accepted]).toEqual([202, 2])
  })

  it('stores the record with its instants in ms and its made id', async () => {
    await ingest.post(share({ occurred_at: '2026-06-15T13:30:00+02:00', channel: 'WhatsApp', properties: { plan: 'pro', tags: ['a'] } }))
    expect(await ingest.records()).toEqual([
      {
        v: 1,
        type: 'share',
        workspace: 'default',
        received_at: NOW_MS,
        event_id: 'made-1',
        occurred_at: NOW_MS - 30 * 60_000,
        actor_id: 'ada',
        content_id: 'post-1',
        channel: 'whatsapp',
        properties: { plan: 'pro', tags: ['a'] },
      },
    ])
  })

  it('keeps all events of an actor in one partition, in order', async () => {
    await ingest.post(Array.from({ length: 60 }, (_, i) => share({ actor_id: `actor-${i % 7}`, event_id: `e${i}` })))
    const seen = new Map<string, Set<number>>()
    for (const partition of [0, 1, 2]) {
      const mine = (await ingest.log.read(partition, 0, 100)).map(({ value }) => JSON.parse(Buffer.from(value).toString()))
      for (const { actor_id } of mine) seen.set(actor_id, (seen.get(actor_id) ?? new Set()).add(partition))
      for (const actor of seen.keys()) {
        const order = mine.filter((record) => record.actor_id === actor).map((record) => Number(record.event_id.slice(1)))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
    }
    expect([...seen.values()].every((partitions) => partitions.size === 1)).toBe(true)
    expect(new Set([...seen.values()].flatMap((one) => [...one])).size).toBeGreaterThan(1)
  })
})

describe('POST /v1/events: an invalid event gets its code, its neighbours are stored', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) })
  it.each<[string, unknown, keyof typeof EVENT_ERRORS, string]>([
    ['no object', 42, 'event_not_object', ''],
    ['an array inside', [share()], 'event_not_object', ''],
    ['no type', { actor_id: 'a' }, 'type_missing', 'type'],
    ['another type', { type: 'click', actor_id: 'a' }, 'type_unknown', 'type'],
    ['a type of the prototype', { type: 'toString' }, 'type_unknown', 'type'],
    ['a missing field', { type: 'share', actor_id: 'a' }, 'field_missing', 'content_id'],
    ['an unknown field', share({ role: 'admin' }), 'field_unknown', 'role'],
    ['a foreign workspace', share({ workspace: 'other' }), 'field_unknown', 'workspace'],
    ['__proto__', JSON.parse('{"type":"share","actor_id":"a","content_id":"c","__proto__":{"x":1}}'), 'field_unknown', '__proto__'],
    ['constructor', share({ constructor: { prototype: { x: 1 } } }), 'field_unknown', 'constructor'],
    [
      '__proto__ in properties',
      share({ properties: JSON.parse('{"a":{"__proto__":{"x":1}}}') }),
      'field_unknown',
      'properties.a.__proto__',
    ],
    ['constructor in properties', share({ properties: { constructor: {} } }), 'field_unknown', 'properties.constructor'],
    ['an unknown field inside', invite({ recipient: { name: 'x' } }), 'field_unknown', 'recipient.name'],
    ['null', share({ channel: null }), 'field_invalid', 'channel'],
    ['an empty id', share({ actor_id: '' }), 'field_invalid', 'actor_id'],
    ['an id of 201', share({ actor_id: 'x'.repeat(201) }), 'field_invalid', 'actor_id'],
    ['NUL', share({ actor_id: 'a\u0000b' }), 'field_invalid', 'actor_id'],
    ['a lone surrogate', share({ actor_id: 'a\uD800' }), 'field_invalid', 'actor_id'],
    ['negative money', signup({ amount_minor: -1, currency: 'EUR' }), 'field_invalid', 'amount_minor'],
    ['money above 2^53', signup({ amount_minor: 2 ** 53 + 2, currency: 'EUR' }), 'field_invalid', 'amount_minor'],
    ['money without currency', signup({ amount_minor: 1 }), 'field_missing', 'currency'],
    ['no such instant', share({ occurred_at: '2026-02-30T00:00:00Z' }), 'time_invalid', 'occurred_at'],
    ['an instant without zone', share({ occurred_at: '2026-02-20T00:00:00' }), 'time_invalid', 'occurred_at'],
    ['half a millisecond', share({ occurred_at: 1.5 }), 'time_invalid', 'occurred_at'],
    ['seconds for ms', share({ occurred_at: NOW_MS / 1000 }), 'time_too_early', 'occurred_at'],
    ['the year 1900', share({ occurred_at: '1900-01-01T00:00:00Z' }), 'time_too_early', 'occurred_at'],
    ['the year 9999', share({ occurred_at: '9999-01-01T00:00:00Z' }), 'time_in_future', 'occurred_at'],
    ['24 h and 1 ms ahead', share({ occurred_at: NOW_MS + 86_400_001 }), 'time_in_future', 'occurred_at'],
    ['properties of 33 KB', share({ properties: { a: 'x'.repeat(33 * 1024) } }), 'properties_too_large', 'properties'],
    ['properties of 9 levels', share({ properties: deep(9) }), 'properties_too_deep', 'properties'],
    ['an event of 20 levels', { type: 'share', actor_id: 'a', content_id: deep(20) }, 'event_too_deep', ''],
  ])('%s', async (_name, bad, code, path) => {
    const { status, body } = await ingest.post([share({ event_id: 'before' }), bad, share({ event_id: 'after' })])
    expect(status).toBe(202)
    expect(body).toMatchObject({ accepted: 2, duplicates: 0, quarantined: [{ index: 1, code, path }] })
    const records = await ingest.records()
    expect(records.filter((record) => record.type === 'share').length).toBe(2)
    expect(records.filter((record) => record.type === 'quarantined')).toMatchObject([{ code, path, workspace: 'default' }])
  })

  it.each([
    ['1e400', '{"type":"rum","name":"LCP","page":"/","value":1e400}', 'field_invalid', 'value'],
    ['-1', '{"type":"rum","name":"LCP","page":"/","value":-1}', 'field_invalid', 'value'],
    [
      '1e400 in properties',
      '{"type":"share","actor_id":"a","content_id":"c","properties":{"n":[1,1e400]}}',
      'field_invalid',
      'properties.n.1',
    ],
    ['a line cut short', '{"type":"share","actor', 'event_malformed', ''],
    ['a line nested 100,000 deep', '['.repeat(100_000), 'event_too_deep', ''],
    ['a line of 200 KB', `{"type":"share","url":"${'x'.repeat(200_000)}"}`, 'event_too_large', ''],
  ])('as a line: %s', async (_name, line, code, path) => {
    const { status, body } = await ingest.post(lines(share(), line, share()), { headers: { 'content-type': 'application/x-ndjson' } })
    expect(status).toBe(202)
    expect(body).toMatchObject({ accepted: 2, quarantined: [{ index: 1, code, path }] })
  })

  it('a line that is not UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from(`${JSON.stringify(share())}\n{"type":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`"}\n${JSON.stringify(share())}`),
    ])
    const answer = await ingest.post(body, { headers: { 'content-type': 'application/x-ndjson' } })
    expect(answer.body).toMatchObject({ accepted: 2, quarantined: [{ index: 1, code: 'event_malformed' }] })
  })

  it('takes properties of exactly 8 levels and 32 KB', async () => {
    const filler = 'x'.repeat(32 * 1024 - '{"a":""}'.length)
    expect((await ingest.post([share({ properties: deep(8) }), share({ properties: { a: filler } })])).body).toMatchObject({ accepted: 2 })
  })

  it('names the event id of what it quarantined, and keeps a retry of it once', async () => {
    const bad = share({ event_id: 'bad-1', channel: null })
    const first = await ingest.post(bad)
    expect(first.body.quarantined).toMatchObject([{ event_id: 'bad-1' }])
    expect((await ingest.post(bad)).body.quarantined).toMatchObject([{ event_id: 'bad-1' }])
    expect((await ingest.records()).length).toBe(1)
    expect((await ingest.post(share({ event_id: 'bad-1' }))).body).toMatchObject({ accepted: 1 })
  })
})

describe('POST /v1/events: what can not be read is a problem document', () => {
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))
  it.each<[string, string | Buffer, Record<string, string>, keyof typeof REQUEST_ERRORS]>([
    ['nothing', '', {}, 'body_empty'],
    ['white space', ' \n\t ', {}, 'body_empty'],
    ['no JSON', '{"type":', {}, 'body_malformed'],
    ['two broken lines', '{"type":\n{}', {}, 'body_malformed'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), {}, 'body_malformed'],
    ['UTF-16', Buffer.from('{"type":"share"}', 'utf16le'), {}, 'body_malformed'],
    ['400,000 levels', '['.repeat(400_000) + ']'.repeat(400_000), {}, 'body_too_deep'],
    ['10,001 events', `[${'{},'.repeat(10_000)}{}]`, {}, 'batch_too_long'],
    ['10,001 lines', '{}\n'.repeat(10_001), { 'content-type': 'application/x-ndjson' }, 'batch_too_long'],
    ['11 MB', 'x'.repeat(11 * 1024 * 1024), {}, 'body_too_large'],
    ['a gzip bomb', bomb, { 'content-encoding': 'gzip' }, 'body_too_large'],
    ['no gzip', 'plain', { 'content-encoding': 'gzip' }, 'body_undecodable'],
    ['gzip cut short', gzipSync('{"type":"share"}').subarray(0, 20), { 'content-encoding': 'gzip' }, 'body_undecodable'],
    ['brotli', 'x', { 'content-encoding': 'br' }, 'encoding_unsupported'],
    ['two encodings', 'x', { 'content-encoding': 'gzip, gzip' }, 'encoding_unsupported'],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, 'content_type_unsupported'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 'content_type_unsupported'],
    ['an odd Content-Type', '{}', { 'content-type': 'application/json\u0020x/y;;;' }, 'content_type_unsupported'],
    ['no key', '{}', { authorization: '' }, 'key_missing'],
    ['an unknown key', '{}', { authorization: 'Bearer nobody' }, 'key_unknown'],
    ['a read key', '{}', { authorization: 'Bearer read-key' }, 'key_scope'],
  ])('%s', async (_name, body, headers, code) => {
    const answer = await ingest.post(body, { headers })
    expect(answer.body).toMatchObject({ code, status: REQUEST_ERRORS[code].status, type: `urn:kappa:error:${code}` })
    expect(answer.status).toBe(REQUEST_ERRORS[code].status)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(await ingest.records()).toEqual([])
    expect(ingest.committer.waitingBytes).toBe(0)
  })
})

describe('keys', () => {
  it.each([
    ['Basic user name', { authorization: `Basic ${Buffer.from('server-key:').toString('base64')}` }, ''],
    ['query', { authorization: '' }, '?key=server-key'],
  ])('as %s', async (_name, headers, query) => {
    expect((await ingest.post(share(), { headers, query })).status).toBe(202)
  })

  it('yields the workspace; an admin key may name another', async () => {
    await ingest.post(share(), { headers: { authorization: 'Bearer other-write-key' } })
    await ingest.post(share(), { kind: 'admin', query: '?workspace=other' })
    expect((await ingest.records()).map((record) => record.workspace)).toEqual(['other', 'other'])
    expect((await ingest.post(share(), { query: '?workspace=other' })).body).toMatchObject({ code: 'key_scope' })
    expect((await ingest.post(share(), { kind: 'admin', query: '?workspace=nowhere' })).body).toMatchObject({ code: 'parameter_invalid' })
  })

  it.each([
    [signup({ amount_minor: 5, currency: 'EUR' }), 'amount_minor'],
    [signup({ order_id: 'o1' }), 'order_id'],
    [signup({ kind: 'refund' }), 'kind'],
  ])('write keys send no money: %j', async (event, path) => {
    expect((await ingest.post(event, { kind: 'write' })).body.quarantined).toMatchObject([{ code: 'event_not_allowed', path }])
    expect((await ingest.post(event, { kind: 'server' })).body).toMatchObject({ accepted: 1 })
  })
})

describe('clock correction', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  it.each([
    ['an hour behind', NOW_MS - 3_600_000, 3_600_000],
    ['a year ahead', NOW_MS + 365 * 86_400_000, -365 * 86_400_000],
    ['within 5 minutes', NOW_MS - 300_000, 0],
  ])('shifts all events of a request by one difference: %s', async (_name, sentAtMs, shiftMs) => {
    await ingest.post([
      share({ event_id: '1', occurred_at: at(sentAtMs - 60_000) }),
      share({ event_id: '2', occurred_at: at(sentAtMs - 30_000), sent_at: at(sentAtMs) }),
      share({ event_id: '3' }),
    ])
    const times = new Map(
      (await ingest.records()).map((record) => ('occurred_at' in record ? [record.event_id, record.occurred_at] : ['', 0])),
    )
    expect(times.get('1')).toBe(sentAtMs - 60_000 + shiftMs)
    expect(times.get('2')).toBe(sentAtMs - 30_000 + shiftMs)
    expect(times.get('3')).toBe(NOW_MS)
  })
})

describe('when the log can not take it', () => {
  it('answers 503 with Retry-After, stores nothing, and takes the retry as new', async () => {
    const append = ingest.log.append
    ingest.log.append = async () => {
      throw new LogUnavailableError('disk full')
    }
    const refused = await ingest.post(share({ event_id: 'x' }))
    expect(refused.status).toBe(503)
    expect(refused.body.code).toBe('log_unavailable')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    ingest.log.append = append
    expect((await ingest.post(share({ event_id: 'x' }))).body).toMatchObject({ accepted: 1, duplicates: 0 })
  })

  it('answers 503 before memory grows', async () => {
    await ingest.close()
    ingest = await startIngest({ waitingBytesMax: 2_000 })
    const append = ingest.log.append.bind(ingest.log)
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    ingest.log.append = async (...args) => {
      await gate
      return append(...args)
    }
    const many = Array.from({ length: 50 }, (_, i) => ingest.post(share({ event_id: `e${i}` })))
    while (ingest.committer.waitingBytes < 1_500) await new Promise((resolve) => setImmediate(resolve))
    expect(ingest.committer.waitingBytes).toBeLessThanOrEqual(2_000)
    open()
    const statuses = (await Promise.all(many)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([202, 503]))
    expect((await ingest.records()).length).toBe(statuses.filter((status) => status === 202).length)
    expect(ingest.committer.waitingBytes).toBe(0)
  })
})

describe('group commit', () => {
  it('requests that arrive during a commit share the next; an idle log commits at once', async () => {
    const append = ingest.log.append.bind(ingest.log)
    let commits = 0
    ingest.log.append = async (...args) => {
      commits += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
      return append(...args)
    }
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => ingest.post(share({ event_id: `e${i}` }))))
    expect(answers.every(({ body }) => body.accepted === 1)).toBe(true)
    expect(commits).toBeLessThan(100)
    const before = commits
    await ingest.post(share())
    await ingest.post(share())
    expect(commits).toBe(before + 2)
  })
})

describe('browsers', () => {
  it('may send from any origin', async () => {
    const preflight = await ingest.app.inject({
      method: 'OPTIONS',
      url: '/v1/events',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-origin']).toBe('*')
    expect(preflight.headers['access-control-allow-headers']).toContain('authorization')
    for (const kind of ['write', 'read'] as const)
      expect((await ingest.post(share(), { kind })).headers['access-control-allow-origin']).toBe('*')
  })

  it('get the SDK, cached', async () => {
    const first = await ingest.app.inject({ method: 'GET', url: '/kappa.js' })
    expect(first.statusCode).toBe(200)
    expect(first.headers['content-type']).toMatch(/^text\/javascript/)
    expect(first.headers['cache-control']).toContain('max-age')
    const again = await ingest.app.inject({ method: 'GET', url: '/kappa.js', headers: { 'if-none-match': String(first.headers.etag) } })
    expect(again.statusCode).toBe(304)
  })

  it('other methods are refused', async () => {
    const response = await ingest.app.inject({ method: 'GET', url: '/v1/events' })
    expect([response.statusCode, response.json<{ code: string }>().code, response.headers.allow]).toEqual([
      405,
      'method_not_allowed',
      'POST, OPTIONS',
    ])
  })
})
