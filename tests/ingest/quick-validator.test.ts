import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstantUtc } from '../../ingest/steps/instant.ts'
import { quickValidate } from '../../ingest/steps/quick-validator.ts'
import { incomingEvent } from '../../schemas/events.ts'
import { invite, rum, share, signup } from './ingest-fixture.ts'

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'EUR',
    'eur',
    'sent',
    'a\u0000',
    '\uD800',
    'x'.repeat(200),
    'x'.repeat(201),
    '😀'.repeat(150),
    'Twitter',
    'twitter',
    'İ',
    'x'.repeat(5000),
  ),
  fc.constantFrom(
    '2026-01-31T12:00:00Z',
    '2026-02-29T12:00:00.000Z',
    '2024-02-29T12:00:00.000Z',
    '2026-01-31T12:00:00+02:00',
    '2026-13-01T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-04-31T00:00:00.123Z',
    '2026-01-31T12:00:60Z',
    '2026-01-01t00:00:00z',
  ),
  fc.string({ maxLength: 12 }),
)
const value = fc.oneof(
  text,
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -0,
    -1,
    1.5,
    1e21,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    2 ** 53 - 1,
    8.64e15,
    8.64e15 + 2,
    8.65e15,
    -8.64e15,
    {},
    [],
    { email: 'a' },
    { actor_id: '' },
    { x: 1 },
    [1],
  ),
)
const fields = [...new Set(incomingEvent.options.flatMap((option) => Object.keys(option.shape))), 'role', 'constructor', 'toString', '']
const base = fc.constantFrom<Record<string, unknown>>(
  share(),
  signup(),
  invite(),
  rum(),
  { type: 'click' },
  {},
  signup({ amount_minor: 5, currency: 'EUR' }),
)

describe('quickValidate', () => {
  it('accepts nothing that zod refuses, and changes nothing', () => {
    let accepted = 0
    fc.assert(
      fc.property(base, fc.array(fc.tuple(fc.constantFrom(...fields), value), { maxLength: 4 }), (start, changes) => {
        const event: Record<string, unknown> = { ...start }
        for (const [field, changed] of changes) event[field] = changed
        const quick = quickValidate(event)
        if (quick === undefined) return
        accepted += 1
        const slow = incomingEvent.safeParse(event)
        expect(slow.success).toBe(true)
        // Properties aside, whose __proto__ keys zod leaves out.
        expect({ ...slow.data }).toEqual({ ...quick })
      }),
      { numRuns: 6_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })

  it('accepts the common event, so that zod is the exception', () => {
    const common = { event_id: 'e', occurred_at: '2026-01-31T12:00:00.000Z', channel: 'twitter', properties: { a: 1 } }
    for (const event of [
      share(common),
      signup({ ...common, amount_minor: 5, currency: 'EUR' }),
      invite({ ...common, recipient: { actor_id: 'b' } }),
      rum(common),
    ]) {
      expect(quickValidate(event)).toBe(event)
    }
  })

  it.each([null, 1, 'x', [], [{}], JSON.parse('{"type":"share","actor_id":"a","content_id":"c","__proto__":{"x":1}}')])(
    'leaves %j to zod',
    (odd) => {
      expect(quickValidate(odd)).toBeUndefined()
    },
  )

  it('reads instants as Date does', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          const iso = date.toISOString()
          const quick = parseInstantUtc(iso)
          if (iso.slice(5, 10) !== '02-29') expect(quick).toBe(date.getTime())
          expect(parseInstantUtc(`${iso.slice(0, 19)}Z`) ?? Math.floor(date.getTime() / 1000) * 1000).toBe(
            Math.floor(date.getTime() / 1000) * 1000,
          )
        },
      ),
    )
  })
})
