/** The APIs of other products' SDKs over HTTP: where the key may stand, how bodies may come, what is answered and stored. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type IngestFixture, NOW_MS, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
beforeEach(async () => {
  ingest = await startIngest()
})
afterEach(() => ingest.close())

interface Posted {
  readonly url: string
  readonly body: unknown
  readonly headers?: Record<string, string>
}

async function post({ url, body, headers = {} }: Posted) {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const answer = await ingest.app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, payload })
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), headers: answer.headers }
}

const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`
const SIGNED_UP = { type: 'track', event: 'Signed Up', userId: 'ada', messageId: 'm1' }

describe('keys', () => {
  it.each<[string, Posted]>([
    ['Basic', { url: '/v1/track', body: SIGNED_UP, headers: { authorization: basic('server-key') } }],
    ['Bearer', { url: '/v1/track', body: SIGNED_UP, headers: { authorization: 'Bearer server-key' } }],
    ['?key=', { url: '/v1/track?key=server-key', body: SIGNED_UP }],
    ['?writeKey=', { url: '/beacon/v1/batch?writeKey=server-key', body: { batch: [SIGNED_UP] } }],
    ['writeKey in the body', { url: '/v1/t', body: { ...SIGNED_UP, writeKey: 'write-key' } }],
    ['writeKey of the batch', { url: '/v1/batch', body: { writeKey: 'write-key', batch: [SIGNED_UP] } }],
    ['writeKey of the first message', { url: '/v1/b', body: { batch: [{ ...SIGNED_UP, writeKey: 'write-key' }] } }],
    ['api_key', { url: '/batch/', body: { api_key: 'write-key', batch: [{ event: 'Signed Up', distinct_id: 'ada' }] } }],
    ['api_key of an event', { url: '/capture', body: { api_key: 'write-key', event: 'Signed Up', distinct_id: 'ada' } }],
    ['token among the properties', { url: '/e/', body: [{ event: 'Signed Up', properties: { token: 'write-key', distinct_id: 'ada' } }] }],
    [
      'client id',
      {
        url: '/track',
        body: { type: 'track', payload: { name: 'signed_up', profileId: 'ada' } },
        headers: { 'openpanel-client-id': 'write-key' },
      },
    ],
    [
      'client secret',
      {
        url: '/track',
        body: { type: 'track', payload: { name: 'signed_up', profileId: 'ada' } },
        headers: { 'openpanel-client-id': 'my-shop', 'openpanel-client-secret': 'server-key' },
      },
    ],
  ])('%s', async (_place, request) => {
    expect(await post(request)).toMatchObject({ status: 200, body: { accepted: 1, duplicates: 0, quarantined: [] } })
    const records = await ingest.records()
    expect(records).toMatchObject([{ type: 'conversion', kind: 'signup', actor_id: 'ada', workspace: 'default' }])
    expect(JSON.stringify(records)).not.toMatch(/write-key|server-key/)
  })

  it.each<[string, Posted, number, string]>([
    ['none', { url: '/v1/track', body: SIGNED_UP }, 401, 'key_missing'],
    ['unknown', { url: '/v1/track', body: { ...SIGNED_UP, writeKey: 'nobody' } }, 401, 'key_unknown'],
    ['unknown before the body', { url: '/v1/track', body: '{', headers: { authorization: basic('nobody') } }, 401, 'key_unknown'],
    ['one that reads', { url: '/v1/track', body: SIGNED_UP, headers: { authorization: basic('read-key') } }, 403, 'key_scope'],
    ['another workspace', { url: '/v1/track?key=write-key&workspace=other', body: SIGNED_UP }, 403, 'key_scope'],
    ['unknown client', { url: '/track', body: {}, headers: { 'openpanel-client-id': 'nobody' } }, 401, 'key_unknown'],
  ])('refuses %s', async (_case, request, status, code) => {
    expect(await post(request)).toMatchObject({ status, body: { code } })
    expect(await ingest.records()).toEqual([])
  })
})

describe('bodies', () => {
  const batch = { batch: [SIGNED_UP] }
  const json = JSON.stringify(batch)
  const capture = { api_key: 'server-key', event: 'Signed Up', distinct_id: 'ada', uuid: 'm1' }
  const base64 = Buffer.from(JSON.stringify(capture)).toString('base64')

  it.each<[string, Posted]>([
    ['text/plain', { url: '/v1/batch', body: json, headers: { 'content-type': 'text/plain;charset=UTF-8' } }],
    ['another media type', { url: '/v1/batch', body: json, headers: { 'content-type': 'application/octet-stream' } }],
    [
      'gzip labelled as a form',
      {
        url: '/v1/batch',
        body: gzipSync(json),
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' },
      },
    ],
    ['gzip without a label', { url: '/v1/batch', body: gzipSync(json) }],
    ['plain labelled as gzip', { url: '/v1/batch', body: json, headers: { 'content-encoding': 'gzip' } }],
    ['gzip twice', { url: '/v1/batch', body: gzipSync(gzipSync(json)), headers: { 'content-encoding': 'gzip' } }],
    ['a byte order mark', { url: '/v1/batch', body: `\uFEFF${json}` }],
    ['an array', { url: '/v1/batch', body: [SIGNED_UP] }],
    ['one message to batch', { url: '/v1/batch', body: SIGNED_UP }],
    ['gzip-js', { url: '/e/?compression=gzip-js', body: gzipSync(JSON.stringify([capture])), headers: { 'content-type': 'text/plain' } }],
    [
      'a form in base64',
      {
        url: '/e/?compression=base64',
        body: `data=${encodeURIComponent(base64)}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
    ],
    ['a form in JSON', { url: '/capture/', body: `data=${encodeURIComponent(JSON.stringify(capture))}` }],
    ['bare base64', { url: '/capture/', body: base64 }],
  ])('%s', async (_form, { url, body, headers }) => {
    const answer = await post({ url, body, headers: { authorization: basic('server-key'), ...headers } })
    expect(answer).toMatchObject({ status: 200, body: { accepted: 1 } })
    expect(await ingest.records()).toMatchObject([{ type: 'conversion', kind: 'signup', actor_id: 'ada', event_id: 'm1' }])
  })

  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['nothing', '', {}, 400, 'body_empty'],
    ['blanks', ' \n', {}, 400, 'body_empty'],
    ['no JSON', '{"event":', {}, 400, 'body_malformed'],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x7b]), {}, 400, 'body_malformed'],
    ['broken gzip', gzipSync(json).subarray(0, 20), {}, 400, 'body_undecodable'],
    ['a bomb', gzipSync(Buffer.alloc(50 * 1024 * 1024, 32)), { 'content-encoding': 'gzip' }, 413, 'body_too_large'],
    ['depth', `${'['.repeat(100_000)}`, {}, 400, 'body_too_deep'],
    ['brotli', json, { 'content-encoding': 'br' }, 415, 'encoding_unsupported'],
    ['too many', JSON.stringify({ batch: new Array(10_001).fill(1) }), {}, 413, 'batch_too_long'],
  ])('%s is refused with a reason', async (_case, body, headers, status, code) => {
    const answer = await post({ url: '/v1/batch?key=write-key', body, headers })
    expect(answer).toMatchObject({ status, body: { code } })
    expect(answer.headers['content-type']).toMatch('application/problem+json')
    expect(await ingest.records()).toEqual([])
  })

  it('nothing anybody sends is a fault of ours, and what is no message is kept with its reason', { timeout: 60_000 }, async () => {
    const urls = ['/v1/batch', '/v1/track', '/v1/i', '/batch/', '/e/', '/capture', '/track']
    const message = fc.dictionary(
      fc.constantFrom(
        'type',
        'event',
        'userId',
        'messageId',
        'timestamp',
        'sentAt',
        'context',
        'properties',
        'payload',
        'distinct_id',
        '__proto__',
      ),
      fc.oneof(fc.jsonValue(), fc.constantFrom('track', 'Signed Up', 'Order Completed', 'Invite Sent', '\u0000', '\ud800')),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...urls),
        fc.oneof(message, fc.jsonValue(), fc.record({ batch: fc.array(fc.oneof(message, fc.jsonValue()), { maxLength: 5 }) })),
        async (url, body) => {
          const { status } = await post({ url: `${url}?key=server-key`, body: JSON.stringify(body) })
          expect(status).toBe(200)
        },
      ),
      { numRuns: 400 },
    )
    const before = (await ingest.records()).length
    expect(await post({ url: '/v1/batch?key=server-key', body: { batch: [1, null, 'x', SIGNED_UP] } })).toMatchObject({
      status: 200,
      body: { quarantined: [{ code: 'event_not_object' }, { code: 'event_not_object' }, { code: 'event_not_object' }] },
    })
    expect((await ingest.records()).length).toBeGreaterThanOrEqual(before + 3)
  })
})

describe('what is kept', () => {
  it('each call of Segment’s by its path, long and short', async () => {
    const calls = [
      ['/v1/track', 'track'],
      ['/v1/identify', 'identify'],
      ['/v1/page', 'page'],
      ['/v1/screen', 'screen'],
      ['/v1/group', 'group'],
      ['/v1/alias', 'alias'],
      ['/v1/t', 'track'],
      ['/v1/i', 'identify'],
      ['/v1/p', 'page'],
      ['/v1/s', 'screen'],
      ['/v1/g', 'group'],
      ['/v1/a', 'alias'],
    ] as const
    for (const [index, [url]] of calls.entries()) {
      const body = { userId: 'ada', messageId: `m${index}`, event: 'Anything', name: 'Home', previousId: 'older', groupId: 'acme' }
      expect(await post({ url: `${url}?key=write-key`, body })).toMatchObject({ status: 200, body: { success: true } })
    }
    const kinds = new Map((await ingest.records()).map((record) => [String('event_id' in record && record.event_id), record]))
    for (const [index, [, kind]] of calls.entries())
      expect(kinds.get(`m${index}`)).toMatchObject({ type: 'tracked', kind, actor_id: 'ada' })
  })

  it('retried messages once; personal data hashed wherever it stands', async () => {
    const traits = { email: 'ada@example.com', phone: '+41 44 668 18 00', plan: 'pro', address: { street: 'Main St' } }
    const body = {
      batch: [
        { type: 'identify', userId: 'ada@example.com', traits, messageId: 'm1', context: { ip: '8.8.8.8', device: { id: 'device-7' } } },
        { type: 'alias', userId: 'ada', previousId: 'ada@example.com', messageId: 'm2' },
        { type: 'track', event: 'Note to ada@example.com', userId: 'ada', properties: { text: 'mail ada@example.com' }, messageId: 'm3' },
        { type: 'track', event: 'Invite Sent', userId: 'ada', properties: { invitee_email: 'bob@example.com' }, messageId: 'm4' },
      ],
    }
    expect(await post({ url: '/v1/batch?key=server-key', body })).toMatchObject({ body: { accepted: 4 } })
    expect(await post({ url: '/v1/batch?key=server-key', body })).toMatchObject({ body: { accepted: 0, duplicates: 4 } })
    const records = await ingest.records()
    expect(records).toHaveLength(4)
    const text = JSON.stringify(records)
    for (const raw of ['ada@example.com', 'bob@example.com', '668', '8.8.8.8', 'device-7', 'Main St']) expect(text).not.toContain(raw)
    expect(text).toContain('"plan":"pro"')
    // The user under the address and the older name are the same one.
    const byId = new Map(records.map((record) => [String('event_id' in record && record.event_id), record]))
    const identified = byId.get('m1')
    const aliased = byId.get('m2')
    expect(identified?.type === 'tracked' && aliased?.type === 'tracked' && identified.actor_id === aliased.previous_id).toBe(true)
  })

  it('the calls of PostHog and OpenPanel in the words of Segment’s spec', async () => {
    const sentAt = new Date(NOW_MS + 3_600_000).toISOString()
    const batch = [
      { event: '$pageview', distinct_id: 'ada', uuid: 'p1', properties: { title: 'Home', $session_id: 's1' } },
      { event: '$identify', distinct_id: 'ada', uuid: 'p2', properties: { $anon_distinct_id: 'anon', $set: { plan: 'pro' } } },
      { event: '$create_alias', distinct_id: 'ada', uuid: 'p3', properties: { alias: 'older' } },
      { event: '$groupidentify', distinct_id: 'ada', uuid: 'p4', properties: { $group_key: 'acme', $group_set: { size: 3 } } },
      { event: 'invite_sent', distinct_id: 'ada', uuid: 'p5', timestamp: new Date(NOW_MS + 3_599_000).toISOString(), properties: {} },
    ]
    expect(await post({ url: '/batch/', body: { api_key: 'server-key', sent_at: sentAt, batch } })).toMatchObject({
      status: 200,
      body: { status: 1, accepted: 5 },
    })
    const headers = { 'openpanel-client-id': 'server-key' }
    const panel = (type: string, payload: object) => post({ url: '/track', body: { type, payload }, headers })
    expect(await panel('track', { name: 'screen_view', profileId: 'ada', properties: { __path: '/home' } })).toMatchObject({ status: 200 })
    await panel('identify', { profileId: 'ada', firstName: 'Ada', email: 'ada@example.com', properties: { plan: 'pro' } })
    await panel('increment', { profileId: 'ada', property: 'visits', value: 2 })
    await panel('assign_group', { profileId: 'ada', groupIds: ['acme'] })
    await panel('track', { name: 'invite_sent', properties: {} })
    await panel('replay', { chunk: 'x' })
    const records = await ingest.records()
    expect(records.filter(({ type }) => type === 'quarantined')).toEqual([])
    const find = (fields: object) =>
      records.filter((record) => Object.entries(fields).every(([field, value]) => (record as Record<string, unknown>)[field] === value))
    expect(find({ event_id: 'p1', kind: 'page', name: 'Home', session_id: 's1' })).toHaveLength(1)
    expect(find({ event_id: 'p2', kind: 'identify', anonymous_id: 'anon' })).toHaveLength(1)
    expect(find({ event_id: 'p3', kind: 'alias', previous_id: 'older' })).toHaveLength(1)
    expect(find({ event_id: 'p4', kind: 'group', group_id: 'acme' })).toHaveLength(1)
    expect(find({ event_id: 'p5', type: 'invite', invite_id: 'p5', occurred_at: NOW_MS - 1_000 })).toHaveLength(1)
    expect(find({ kind: 'page', name: '' })).toHaveLength(1)
    expect(find({ kind: 'identify', actor_id: 'ada' })).toHaveLength(2)
    expect(find({ kind: 'track', name: 'increment' })).toHaveLength(1)
    expect(find({ kind: 'group', group_id: 'acme' })).toHaveLength(2)
    // An invite without any id, of a visitor without a profile.
    expect(find({ type: 'invite' })).toHaveLength(2)
    expect(records).toHaveLength(10)
  })
})

describe('browsers', () => {
  it('may send from any origin, with any header, without credentials', async () => {
    const preflight = await ingest.app.inject({
      method: 'OPTIONS',
      url: '/v1/batch',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,anonymousid,content-type',
      },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization,anonymousid,content-type',
    })
    expect(preflight.headers).not.toHaveProperty('access-control-allow-credentials')
    const refused = await post({ url: '/v1/batch', body: {} })
    expect(refused.headers['access-control-allow-origin']).toBe('*')
  })

  it.each([
    [
      '/v1/projects/abc/settings',
      { integrations: { 'Segment.io': { apiKey: 'abc', apiHost: 'kappa.example:5272/v1', protocol: 'http' } } },
    ],
    ['/sourceConfig/?writeKey=abc', { source: { writeKey: 'abc', enabled: true, destinations: [] } }],
    ['/array/abc/config', { supportedCompression: ['gzip', 'gzip-js'], sessionRecording: false }],
  ])('%s', async (url, expected) => {
    const answer = await ingest.app.inject({ method: 'GET', url, headers: { host: 'kappa.example:5272' } })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject(expected)
    expect(answer.headers['access-control-allow-origin']).toBe('*')
  })

  it('a key in a script stays text', async () => {
    const answer = await ingest.app.inject({ method: 'GET', url: `/array/${encodeURIComponent('"]</script>')}/config.js` })
    expect(answer.body).toContain('["\\"]\\u003c/script>"]')
  })
})

const DATA = join(import.meta.dirname, '../../../shared/data/segment-payloads')
function readGzip(name: string): unknown {
  try {
    return JSON.parse(gunzipSync(readFileSync(join(DATA, `${name}.json.gz`))).toString('utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    console.warn(`${DATA} is not there: the messages of Segment's docs are not tested`)
    return undefined
  }
}
const examples = (readGzip('segment-docs-examples') ?? []) as { file: string; line: number; payload: Record<string, unknown> }[]
const messages = (readGzip('spec-messages-posthog') ?? []) as { case: string; message: Record<string, unknown> }[]
const snippets = (readGzip('segment-docs-unparsable-snippets') ?? []) as { text: string }[]

/** What each name becomes; every other message is stored as `tracked`. */
const MAPPED_NAMES: Readonly<Record<string, object>> = {
  'Signed Up': { type: 'conversion', kind: 'signup', actor_id: '019mr8mf4r' },
  'Invite Sent': { type: 'invite', action: 'sent', actor_id: '019mr8mf4r' },
  'Trial Started': { type: 'conversion', kind: 'trial_started' },
  'Application Installed': { type: 'conversion', kind: 'install' },
  'Item Purchased': { type: 'conversion', kind: 'purchase', amount_minor: 1999, currency: 'USD' },
  'order completed': { type: 'conversion', kind: 'purchase' },
}

describe.skipIf(examples.length === 0)('every message of Segment’s docs and of the spec', () => {
  const all = [
    ...examples.map(({ file, line, payload }) => [`${file}:${line}`, payload] as const),
    ...messages.map(({ case: name, message }, index) => [`${index} ${name}`, message] as const),
  ]
  it.each(all)('%s', async (_place, message) => {
    const answer = await post({ url: '/v1/batch', body: { batch: [message] }, headers: { authorization: basic('server-key') } })
    expect(answer).toMatchObject({ status: 200, body: { success: true, accepted: 1, quarantined: [] } })
    const name = String(message['event'] ?? message['name'] ?? '')
    const hasActor = Boolean(message['userId'] ?? message['anonymousId'])
    const kind = message['type'] ?? message['action'] ?? 'track'
    const expected = (hasActor && kind === 'track' ? MAPPED_NAMES[name] : undefined) ?? { type: 'tracked', kind }
    const records = await ingest.records()
    expect(records).toMatchObject([{ workspace: 'default', ...expected }])
    expect(JSON.stringify(records)).not.toMatch(/pgibbons@|peter@example|jen@email|410-555/)
  })

  it('all at once, those with the same id once', async () => {
    const batch = all.map(([, message]) => message)
    const { status, body } = await post({ url: '/v1/batch', body: { batch, writeKey: 'server-key' } })
    const ids = batch.flatMap((message) => (message['messageId'] === undefined ? [] : [message['messageId']]))
    const repeated = ids.length - new Set(ids).size
    expect({ status, ...body }).toMatchObject({ status: 200, accepted: batch.length - repeated, duplicates: repeated, quarantined: [] })
  })

  it.each(snippets.map(({ text }) => [text]))('what is no JSON is told so: %j', async (text) => {
    expect(await post({ url: '/v1/track?key=write-key', body: text })).toMatchObject({ status: 400, body: { code: 'body_malformed' } })
  })
})
