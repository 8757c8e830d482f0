import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventMap, eventOfMessage, type MappingContext, plainEventName } from '../../ingest/segment/event-map.ts'
import { currencyExponent, minorUnits } from '../../ingest/segment/money-amount.ts'
import { correctedInstant, instantOf, type SdkMessage } from '../../ingest/sdk/sdk-message.ts'
import { segmentItems } from '../../ingest/segment/segment-messages.ts'
import { eventMap } from '../../schemas/event-map-rules.ts'

const NOW_MS = Date.UTC(2026, 5, 15, 12)
const context = (changes: Partial<MappingContext> = {}): MappingContext => ({
  map: createEventMap(),
  mayMoveMoney: true,
  hideId: (id) => (id.includes('@') ? 'hidden' : id),
  newId: () => 'made',
  ...changes,
})

function mapped(message: Record<string, unknown>, changes: Partial<MappingContext> = {}): Record<string, unknown> {
  const [item] = segmentItems({ type: 'track', userId: 'ada', messageId: 'm1', ...message }, undefined, NOW_MS)
  return eventOfMessage(item as SdkMessage, context(changes))
}

describe('names of events', () => {
  it.each(['Invite Sent', 'invite_sent', 'inviteSent', 'INVITE-SENT', ' Invite  sent '])('%j is an invite', (event) => {
    expect(plainEventName(event)).toBe('invite sent')
    expect(mapped({ event })).toMatchObject({ type: 'invite', action: 'sent', invite_id: 'm1', actor_id: 'ada', event_id: 'm1' })
  })

  it.each([
    ['Product Shared', {}, { type: 'share', content_id: 'unknown' }],
    [
      'Product Shared',
      { share_via: 'email', product_id: '507f', url: 'https://a.example/p' },
      { type: 'share', content_id: '507f', channel: 'email', url: 'https://a.example/p' },
    ],
    ['Cart Shared', { cart_id: 'c1', share_via: 'sms' }, { type: 'share', content_id: 'c1', channel: 'sms' }],
    ['Invite Sent', { invite_id: 'i1', invitee_email: 'b@example.com' }, { invite_id: 'i1', recipient: { email: 'b@example.com' } }],
    ['Invite Accepted', { invite_id: 'i1' }, { type: 'invite', action: 'accepted', invite_id: 'i1' }],
    ['Invite Accepted', {}, { type: 'tracked', name: 'Invite Accepted' }],
    ['Email Opened', { invite_id: 'i1' }, { type: 'invite', action: 'opened' }],
    ['Email Opened', { email_id: 'e1' }, { type: 'tracked', kind: 'track', name: 'Email Opened' }],
    [
      'Signed Up',
      { referral_code: 'ADA7', email: 'b@example.com' },
      { type: 'conversion', kind: 'signup', referral_code: 'ADA7', email: 'b@example.com' },
    ],
    ['Signed Up', { referred_by: 'a@example.com' }, { kind: 'signup', referrer_id: 'hidden' }],
    ['Account Created', {}, { type: 'conversion', kind: 'signup' }],
    ['Trial Started', { value: 5 }, { type: 'conversion', kind: 'trial_started', amount_minor: undefined }],
    [
      'Order Completed',
      { order_id: 'o1', revenue: 19.99, total: 25, currency: 'eur' },
      { kind: 'purchase', order_id: 'o1', amount_minor: 1999, currency: 'EUR' },
    ],
    ['Order Completed', { total: '1009' }, { kind: 'purchase', amount_minor: 100_900, currency: 'USD' }],
    ['Order Completed', { total: 1009, currency: 'JPY' }, { amount_minor: 1009, currency: 'JPY' }],
    ['Order Completed', { revenue: 'a lot' }, { kind: 'purchase', amount_minor: undefined, currency: undefined }],
    ['Order Completed', { revenue: 5, currency: 'gold coins' }, { kind: 'purchase', amount_minor: undefined, currency: undefined }],
    ['Order Refunded', { order_id: 'o1', total: 19.99 }, { kind: 'refund', order_id: 'o1', amount_minor: 1999 }],
    ['revenue', { __revenue: 2500, currency: 'EUR' }, { kind: 'purchase', amount_minor: 2500, currency: 'EUR' }],
    ['Report Submitted', { pages: 3 }, { type: 'tracked', kind: 'track', name: 'Report Submitted', properties: { pages: 3 } }],
  ])('%s %j', (event, properties, expected) => {
    const { ...found } = mapped({ event, properties })
    for (const [field, value] of Object.entries(expected)) expect(found[field], field).toEqual(value)
  })

  it('takes campaign, channel, device, session and address from the context', () => {
    const found = mapped({
      event: 'Signed Up',
      context: {
        ip: '8.8.8.8',
        userAgent: 'Mozilla/5.0',
        device: { id: 'd1' },
        sessionId: 42,
        campaign: { name: 'Spring', source: 'Newsletter', medium: 'email' },
        traits: { email: 'b@example.com', referral_code: 'ADA7' },
      },
    })
    expect(found).toMatchObject({
      ip: '8.8.8.8',
      user_agent: 'Mozilla/5.0',
      device_id: 'd1',
      session_id: '42',
      campaign: 'Spring',
      channel: 'Newsletter',
      email: 'b@example.com',
      referral_code: 'ADA7',
    })
  })

  it('a write key moves no money: its orders count without, its refunds are stored', () => {
    const properties = { order_id: 'o1', revenue: 19.99 }
    const order = mapped({ event: 'Order Completed', properties }, { mayMoveMoney: false })
    expect(order).toMatchObject({ type: 'conversion', kind: 'purchase', properties })
    expect(order).not.toHaveProperty('amount_minor')
    expect(order).not.toHaveProperty('order_id')
    expect(mapped({ event: 'Order Refunded', properties }, { mayMoveMoney: false })).toMatchObject({ type: 'tracked' })
  })

  it('what nobody did is stored, and so are the other calls with what joins people', () => {
    expect(mapped({ event: 'Signed Up', userId: null })).toMatchObject({ type: 'tracked', name: 'Signed Up' })
    expect(mapped({ event: 'Signed Up', userId: null, anonymousId: 'anon' })).toMatchObject({ type: 'conversion', actor_id: 'anon' })
    expect(mapped({ type: 'identify', anonymousId: 'anon', traits: { plan: 'pro' } })).toMatchObject({
      type: 'tracked',
      kind: 'identify',
      actor_id: 'ada',
      anonymous_id: 'anon',
      properties: { plan: 'pro' },
    })
    expect(mapped({ type: 'alias', previousId: 'jen@example.com' })).toMatchObject({ kind: 'alias', previous_id: 'hidden' })
    expect(mapped({ type: 'group', groupId: 'acme' })).toMatchObject({ kind: 'group', group_id: 'acme' })
  })

  it('a map of one’s own adds, changes and removes rules', () => {
    const file = eventMap.parse({
      defaultCurrency: 'CHF',
      events: {
        'Ticket Bought': { type: 'conversion', kind: 'purchase', fields: { amount: 'fare.gross', order_id: ['ticket.id'] } },
        'Account Created': { type: 'conversion', kind: 'account' },
        'Product Shared': null,
      },
      fields: { conversion: { referral_code: 'promo' } },
    })
    const map = createEventMap(file)
    expect(
      mapped({ event: 'ticket_bought', properties: { fare: { gross: '12.35' }, ticket: { id: 7 }, promo: 'P' } }, { map }),
    ).toMatchObject({
      kind: 'purchase',
      amount_minor: 1235,
      currency: 'CHF',
      order_id: '7',
      referral_code: 'P',
    })
    expect(mapped({ event: 'Account Created' }, { map })).toMatchObject({ kind: 'account' })
    expect(mapped({ event: 'Product Shared' }, { map })).toMatchObject({ type: 'tracked' })
    const alone = createEventMap(eventMap.parse({ extendsDefault: false }))
    expect(mapped({ event: 'Signed Up' }, { map: alone })).toMatchObject({ type: 'tracked' })
  })

  it.each([
    [{ events: { X: { type: 'share', action: 'sent' } } }],
    [{ events: { X: { type: 'share', fields: { amount: 'x' } } } }],
    [{ events: { X: { type: 'invite' } } }],
    [{ events: { X: { type: 'order' } } }],
    [{ currency: 'EUR' }],
  ])('refuses the map %j', (file) => {
    expect(eventMap.safeParse(file).success).toBe(false)
  })
})

describe('time', () => {
  it.each([
    ['2026-06-15T11:00:00.000Z', '2026-06-15T11:30:00.000Z', NOW_MS - 30 * 60_000],
    ['2020-01-01T00:00:00.000Z', '2020-01-01T00:00:10.000Z', NOW_MS - 10_000],
    ['2026-06-15T11:00:00.000Z', undefined, Date.UTC(2026, 5, 15, 11)],
    ['2026-06-15T11:00:00', undefined, Date.UTC(2026, 5, 15, 11)],
    [NOW_MS - 1, undefined, NOW_MS - 1],
    ['yesterday', '2026-06-15T11:00:00Z', undefined],
    [undefined, '2026-06-15T11:00:00Z', undefined],
    [{}, [], undefined],
  ])('%j sent at %j', (timestamp, sentAt, expected) => {
    expect(correctedInstant(NOW_MS, timestamp, sentAt)).toBe(expected)
  })

  it('what a server has corrected already stands', () => {
    const found = mapped({
      event: 'X',
      timestamp: '2015-02-23T22:28:55.111Z',
      sentAt: '2015-02-23T22:28:55.111Z',
      receivedAt: '2015-02-23T22:28:55.387Z',
    })
    expect(found['occurred_at']).toBe(Date.UTC(2015, 1, 23, 22, 28, 55, 111))
  })

  it('no value makes it throw', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const ms = instantOf(value)
        expect(ms === undefined || Number.isSafeInteger(ms)).toBe(true)
      }),
    )
  })
})

describe('money', () => {
  it.each([
    [19.99, 'USD', 1999],
    ['19.99', 'EUR', 1999],
    [0.1 + 0.2, 'EUR', 30],
    ['1.005', 'EUR', 101],
    [1.255, 'EUR', 126],
    [1009, 'JPY', 1009],
    ['1009.5', 'JPY', 1010],
    [1.2345, 'KWD', 1235],
    ['.5', 'EUR', 50],
    ['5.', 'EUR', 500],
    [1e-7, 'EUR', 0],
    ['1e3', 'EUR', 100_000],
    [1e21, 'EUR', undefined],
    ['90071992547409.91', 'EUR', Number.MAX_SAFE_INTEGER],
    ['90071992547409.92', 'EUR', undefined],
    [-1, 'EUR', undefined],
    ['$5', 'EUR', undefined],
    ['1,000', 'EUR', undefined],
    ['', 'EUR', undefined],
    ['.', 'EUR', undefined],
    ['1e999', 'EUR', undefined],
    [Number.NaN, 'EUR', undefined],
    [null, 'EUR', undefined],
    [{}, 'EUR', undefined],
  ])('%j %s', (amount, currency, expected) => {
    expect(minorUnits(amount, currency)).toBe(expected)
  })

  const currency = fc.constantFrom('EUR', 'USD', 'JPY', 'KWD', 'BHD', 'CLP', 'XYZ')

  it('every amount of minor units comes back, as text and as number', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 2 ** 20 }), currency, (low, high, code) => {
        const minor = high * 2 ** 31 + low
        const exponent = currencyExponent(code)
        const digits = String(minor).padStart(exponent + 1, '0')
        const text = exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
        expect(minorUnits(text, code)).toBe(minor)
        // Fifteen digits are what a number holds of any decimal.
        if (digits.length <= 15) expect(minorUnits(Number(text), code)).toBe(minor)
      }),
    )
  })

  it('grows with the amount and never throws', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.double({ min: 0, max: 1e12, noNaN: true }), currency, (a, b, code) => {
        const [less, more] = [minorUnits(Math.min(a, b), code), minorUnits(Math.max(a, b), code)]
        // Amounts too small for sixty digits are none.
        if (less !== undefined && more !== undefined) expect(less).toBeLessThanOrEqual(more)
      }),
    )
    fc.assert(fc.property(fc.string(), currency, (text, code) => void minorUnits(text, code)))
  })
})
