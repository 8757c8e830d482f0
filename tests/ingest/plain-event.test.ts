import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Admission } from '../../ingest/admission.ts'
import { admitBody } from '../../ingest/admit-body.ts'
import { type AdmissionContext, validateItem } from '../../ingest/admit-event.ts'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { PersonalDataHasher } from '../../ingest/personal-data.ts'
import { requestShiftMs } from '../../ingest/steps/event-time.ts'
import { parseInstantUtc } from '../../ingest/steps/instant.ts'
import { InstantScanner } from '../../ingest/steps/instant-scanner.ts'
import { NumberScanner } from '../../ingest/steps/number-scanner.ts'
import { readLine, splitBody } from '../../ingest/steps/split-body.ts'
import type { KeyKind } from '../../schemas/config.ts'
import { RequestError } from '../../schemas/errors.ts'
import { incomingEvent } from '../../schemas/events.ts'
import { invite, NOW_MS, rum, share, signup } from './ingest-fixture.ts'

const seeded = (length: number) => createHash('sha512').update('seed').digest().subarray(0, length)
const dedupe = await DedupeStep.open(createMemoryLog({ partitions: 1 }), { nowMs: () => NOW_MS }, seeded)
const hasher = new PersonalDataHasher(createHash('sha256').update('secret').digest())

function contextOf(fields: Partial<AdmissionContext> = {}): AdmissionContext {
  let ids = 0
  return {
    workspace: 'default',
    keyKind: 'server',
    receivedAtMs: NOW_MS,
    shiftMs: 0,
    importId: undefined,
    connectionIp: undefined,
    hasher,
    partitions: 7,
    dedupe,
    newId: () => `made-${++ids}`,
    ...fields,
  }
}

/** Everything that a commit and the sender would get. */
function outcomeOf(admission: Admission) {
  const { batch } = admission
  const records = Array.from({ length: batch.size }, (_, record) => {
    const keys: number[][] = []
    const claim = ({ h0, h1, h2 }: { h0: number; h1: number; h2: number }) => keys.push([h0 | 0, h1 | 0, h2 | 0]) > 0
    batch.claim(record, { claim, claimWords: (h0, h1, h2) => claim({ h0, h1, h2 }) })
    const { partition, value } = batch.message(record)
    return { partition, text: Buffer.from(value).toString('utf8'), keys }
  })
  return { records, response: admission.response(new Uint8Array(batch.size)) }
}

/** The event of some text from its bytes; undefined when it is not plain. */
function fast(text: string, fields?: Partial<AdmissionContext>) {
  const admission = new Admission(contextOf(fields))
  // Something stands before and behind, as in a body of many.
  const bytes = Buffer.from(`[${text},{"type":"share"}]`)
  const end = admission.scan(bytes, 1)
  if (end < 0) return undefined
  expect(bytes.toString('utf8', 1, end)).toBe(text)
  return admission.takeScanned() ? outcomeOf(admission) : undefined
}

/** The same by parsing, validating and writing it. */
function slow(text: string, fields?: Partial<AdmissionContext>) {
  const admission = new Admission(contextOf(fields))
  const item = readLine(text)
  admission.takeItem(item, validateItem(item))
  return outcomeOf(admission)
}

const names = [...new Set(incomingEvent.options.flatMap((option) => Object.keys(option.shape)))]
const instants = [
  NOW_MS,
  NOW_MS - 1,
  NOW_MS + 86_400_001,
  '2026-01-31T12:00:00.000Z',
  '2026-06-15T11:59:59Z',
  '2024-02-29T00:00:00.000Z',
].map((instant) => JSON.stringify(instant))
const odd = [
  ...['1e400', '-0', '0', '9007199254740993', '9007199254740991', '123456789012345', '1234567890123456', '1.0', '1.50', '0.1', '0.000001'],
  ...['0.0000001', '1234.5678', '1E2', '1e-7', '-1', '-1.5', '200', '0.3', '12345678.90123456', '00', '1.', '.5', '+1', '1 ', 'Infinity'],
  ...['null', 'true', '[]', '{}', '{"actor_id":"bob"}', '{"actor_id":"bob","email":"a@b.example"}', '{"actor_id":""}', '{"actor_id" :"b"}'],
  ...['"a\\u0041"', '"\\ud800"', '"\\u0000"', '"a\\"b"', '"\u007f\u2028"', '"Twitter"', '"twitter"', '"İ"', '"EUR"', '"refund"', '"sent"'],
  ...['"https://a.example/?to=ada@example.org"', '"/u/ada%40example.org"', '"https://a.example/x"', '"\ttab"', '"', '"open'],
  ...[
    '""',
    JSON.stringify('x'.repeat(128)),
    JSON.stringify('x'.repeat(201)),
    JSON.stringify('😀'.repeat(150)),
    JSON.stringify('ä'.repeat(90)),
  ],
]
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).map((raw) => JSON.stringify(raw.toWellFormed()))
const value = fc.oneof(
  fc.constantFrom(...instants),
  fc.constantFrom(...odd),
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e9 }).map(String),
)
const propertyNames = [
  'plan',
  'a',
  'b',
  'utm-source',
  '$set',
  'a_1',
  'email',
  'ip',
  'zip',
  'user_agent',
  '1',
  '01',
  '__proto__',
  'constructor',
  'ä',
  'a b',
  '',
]
const propertyTexts = [
  ...['pro', 'v1.2.3', '2026-01-01', '3:15', 'dead.beef', '192.0.2.1', '::1', ' 192.0.2.1', '[2001:db8::1]', '\u00a0::1', '1.2', '0', ''],
  ...['+49 170 1234567', '0049 170 1234567', '\u00a0+49 170 1234567', '0170/1234567', 'ada@example.org', 'ada%40example.org', '50%', 'a+b'],
  ...['Chrome/120.0.0.0', 'x'.repeat(70), '12.34.56.78'.padEnd(70, ' '), 'ä', '😀', 'İ::1'],
].map((held) => JSON.stringify(held))
/** Text of free properties, in which names may stand twice. */
const { properties } = fc.letrec<{ properties: string; property: string; list: string }>((tie) => ({
  properties: fc
    .array(fc.tuple(fc.constantFrom(...propertyNames.slice(0, 6), ...propertyNames), tie('property')), { maxLength: 4 })
    .map((members) => `{${members.map(([key, held]) => `"${key}":${held}`).join(',')}}`),
  property: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...propertyTexts) },
    { weight: 3, arbitrary: fc.constantFrom(...odd, '-7', '-0.5', '-0.0', 'false', '"plain"', '"plain"', '[1,2]', '[1, 2]') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}',
        '{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}',
        '[[[[[[[1]]]]]]]',
        '[[[[[[[[1]]]]]]]]',
      ),
    },
    { weight: 2, arbitrary: tie('properties') },
    { weight: 1, arbitrary: tie('list') },
  ),
  list: fc.array(tie('property'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
}))

const name = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'role', '', 'ty\\u0070e') },
)
const member = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(name, value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('properties'), properties) },
)
const base = fc.constantFrom(
  share(),
  signup(),
  invite(),
  rum(),
  signup({ amount_minor: 5, currency: 'EUR' }),
  invite({ recipient: { actor_id: 'bob' } }),
  share({ occurred_at: NOW_MS }),
  share({ occurred_at: NOW_MS, sent_at: NOW_MS - 3_600_000 }),
)
const blank = fc.constantFrom('', '', '', ' ', '\t ', '\n')

/** JSON of an event, nearly always: its members in any order, some changed, some twice, with blanks between. */
const eventText = fc
  .tuple(base, fc.array(member, { maxLength: 4 }), blank, blank, fc.boolean())
  .map(([start, changes, before, after, isReversed]) => {
    const members = Object.entries(start).map(([key, held]): [string, string] => [key, JSON.stringify(held)])
    for (const [key, changed] of changes) {
      const at = members.findIndex(([known]) => known === key)
      if (at >= 0 && changed !== '0') members[at] = [key, changed]
      else members.push([key, changed])
    }
    if (isReversed) members.reverse()
    return `{${members.map(([key, held]) => `${before}"${key}"${after}:${before}${held}`).join(`${after},`)}${after}}`
  })

describe('a plain event from its bytes', () => {
  it('gives the very record, place and key that parsing it would give', () => {
    let plain = 0
    fc.assert(
      fc.property(
        eventText,
        fc.constantFrom<KeyKind>('server', 'write', 'admin'),
        fc.constantFrom(0, 0, 400_000),
        fc.constantFrom(undefined, 'import "1"'),
        (event, keyKind, shiftMs, importId) => {
          const fields = { keyKind, shiftMs, importId, connectionIp: keyKind === 'write' ? '192.0.2.7' : undefined }
          const quick = fast(event, fields)
          if (quick === undefined) return
          plain += 1
          expect(quick).toEqual(slow(event, fields))
        },
      ),
      { numRuns: 3_000 },
    )
    expect(plain).toBeGreaterThan(300)
  })

  it.each([
    share({ event_id: 'e1', occurred_at: '2026-01-31T12:00:00.000Z', channel: 'twitter', url: 'https://a.example/x', session_id: 's' }),
    signup({ event_id: 'e1', occurred_at: NOW_MS, sent_at: NOW_MS, amount_minor: 1200, currency: 'EUR', order_id: 'o1' }),
    invite({ event_id: 'ä', recipient: { actor_id: 'bob' }, user_agent: 'Mozilla/5.0 (X11; Linux x86_64)' }),
    rum({ value: 1234.5, sample_rate: 0.25, status: 200 }),
    share({
      properties: { plan: 'pro', seats: 3, ratio: -0.5, tags: ['a', 'b'], trial: false, none: null, nested: { version: 'v1.2.3', at: {} } },
    }),
  ])('the common event is plain: %j', (event) => {
    const common = JSON.stringify(event)
    expect(fast(common)).toEqual(slow(common))
    const spaced = common.replaceAll('":', '": ').replaceAll(',"', ', "')
    if (!('recipient' in event || 'properties' in event)) expect(fast(spaced)).toEqual(slow(spaced))
  })

  it.each([
    ['personal data', share({ ip: '192.0.2.1' })],
    ['a device', share({ device_id: 'd' })],
    ['an address in a link', share({ url: 'https://a.example/?to=ada@example.org' })],
    ['personal data in properties', share({ properties: { a: '192.0.2.1' } })],
    ['a telling name in properties', share({ properties: { nested: { email: 'x' } } })],
    ['properties of 33 KB', share({ properties: { a: 'x'.repeat(33 * 1024) } })],
    ['an unknown field', share({ role: 'admin' })],
    ['a type of the prototype', { type: 'toString', actor_id: 'a' }],
  ])('is not taken with %s', (_name, event) => {
    expect(fast(JSON.stringify(event))).toBeUndefined()
  })

  it('is not taken when money comes with a key of a web page', () => {
    for (const money of [signup({ kind: 'refund' }), signup({ order_id: 'o' }), signup({ amount_minor: 1, currency: 'EUR' })]) {
      expect(fast(JSON.stringify(money), { keyKind: 'write' })).toBeUndefined()
      expect(fast(JSON.stringify(money), { keyKind: 'server' })).toBeDefined()
    }
  })
})

describe('free properties from their bytes', () => {
  it('are taken as the guard would leave them, or not at all', () => {
    let plain = 0
    fc.assert(
      fc.property(properties, (free) => {
        const event = `{"type":"share","actor_id":"ada","content_id":"c","properties":${free}}`
        const quick = fast(event)
        if (quick === undefined) return
        plain += 1
        expect(quick).toEqual(slow(event))
      }),
      { numRuns: 4_000 },
    )
    expect(plain).toBeGreaterThan(400)
  })
})

describe('a body from its bytes', () => {
  const element = fc.oneof(
    { weight: 4, arbitrary: eventText },
    { weight: 4, arbitrary: base.map((event) => JSON.stringify(event)) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  )
  const separators = fc.constantFrom(',', ', ', ',\n', '\n', ' \r\n', ',,', '')
  const frames = fc.constantFrom<[string, string]>(
    ['[', ']'],
    ['[', ']'],
    ['', ''],
    ['', ''],
    ['[ ', ' ]\n'],
    ['[', ''],
    ['\uFEFF[', '] x'],
    ['\n', '\n'],
  )

  function bySlowWay(body: Buffer, ndjson: boolean) {
    const items = splitBody(body, ndjson).map((item) => ({ item, validated: validateItem(item) }))
    const first = items.flatMap(({ validated }) => ('event' in validated ? (validated.event.sent_at ?? []) : []))[0]
    const admission = new Admission(contextOf({ shiftMs: requestShiftMs(first, NOW_MS) }))
    for (const { item, validated } of items) admission.takeItem(item, validated)
    return admission
  }

  /** Without ids that were made here: they count differently when something was read twice. */
  function told(admit: () => Admission) {
    try {
      const { records, response } = outcomeOf(admit())
      return { response, records: records.map(({ text: record, keys }) => ({ keys, record: record.replaceAll(/"made-\d+"/g, '"made"') })) }
    } catch (error) {
      if (error instanceof RequestError) return error.code
      throw error
    }
  }

  it('gives what reading it whole would give: records, answer or refusal', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), separators, frames, fc.boolean(), (elements, separator, [open, close], ndjson) => {
        const body = Buffer.from(`${open}${elements.join(separator)}${close}`)
        const whole = told(() => bySlowWay(body, ndjson))
        expect(
          told(() =>
            admitBody(body, {
              ndjson,
              receivedAtMs: NOW_MS,
              open: (shiftMs) => new Admission(contextOf({ shiftMs: shiftMs ?? 0 }), { firstTellsShift: shiftMs === undefined }),
            }),
          ),
        ).toEqual(whole)
        if (typeof whole !== 'string') accepted += whole.response.accepted
      }),
      { numRuns: 1_200 },
    )
    expect(accepted).toBeGreaterThan(200)
  })
})

describe('numbers and instants from their bytes', () => {
  it('reads numbers that JSON would write the same, and no others', () => {
    const scanner = new NumberScanner()
    const literal = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.integer({ min: 0 }).map(String),
      fc.tuple(fc.nat(99_999), fc.nat(99_999)).map(([whole, fraction]) => `${whole}.${fraction}`),
      fc.stringMatching(/^[0-9.eE+-]{1,18}$/),
    )
    fc.assert(
      fc.property(literal, (number) => {
        if (scanner.scan(Buffer.from(`${number},`), 0) !== number.length) return
        expect(JSON.stringify(JSON.parse(number))).toBe(number)
        expect([scanner.value, scanner.isInteger]).toEqual([Number(number), !number.includes('.')])
      }),
      { numRuns: 2_000 },
    )
    for (const common of ['0', '7', '1200', '0.25', '99.9', '1234.5678', '1767225600000'])
      expect(scanner.scan(Buffer.from(`${common}}`), 0)).toBe(common.length)
  })

  it('reads instants as text would be read', () => {
    const scanner = new InstantScanner()
    const date = fc.date({ min: new Date('1990-01-01T00:00:00Z'), max: new Date('2040-12-31T23:59:59.999Z'), noInvalidDate: true })
    const damage = fc.tuple(fc.nat(24), fc.constantFrom('', '0', '3', '9', 'x', ':', '-', ' '))
    fc.assert(
      fc.property(date, fc.boolean(), fc.option(damage), (at, isShort, damaged) => {
        let instant = at.toISOString()
        if (isShort) instant = `${instant.slice(0, 19)}Z`
        if (damaged) instant = instant.slice(0, damaged[0]) + damaged[1] + instant.slice(damaged[0] + 1)
        expect(scanner.scan(Buffer.from(`"${instant}"`), 1, instant.length + 1)).toBe(parseInstantUtc(instant) ?? Number.NaN)
      }),
      { numRuns: 3_000 },
    )
  })
})
