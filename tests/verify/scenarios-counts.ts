/** Counting: who is active, where an event stands, money, the edges of a window. */
import { type Scenario, scenario } from './scenario.ts'
import { convert, instant, invite, iso, money, share, signup } from './scenario-events.ts'

const noon = (minutes = 0) => instant(0, '12:00') + minutes * 60_000
const evening = { window: '24h', at: iso(0, '18:00') } as const

export const countScenarios: readonly Scenario[] = [
  scenario(
    'nothing happened in the window',
    [share('ann', noon())],
    [{ window: '1h', at: iso(0, '14:00'), counts: { active_users: 0, shares: 0, new_users: 0, revenue: {} }, kFactor: 'too_few_cycles' }],
  ),
  scenario(
    'participation below 1',
    [
      signup('ann', noon()),
      signup('bob', noon(1)),
      convert('cem', noon(2), 'activation'),
      share('dee', noon(3)),
      share('dee', noon(4)),
      invite('eva', noon(5), 'i1'),
      invite('eva', noon(6), 'i2'),
      share('eva', noon(7)),
    ],
    [{ ...evening, counts: { active_users: 5, new_users: 2, inviters: 1, sharers: 2, spreaders: 2, invites_sent: 2, shares: 3 } }],
  ),
  scenario(
    'only the sending of an invite is activity, and RUM never is',
    [
      invite('ann', noon(), 'i1', { action: 'opened' }),
      invite('bob', noon(1), 'i2'),
      invite('bob', noon(2), 'i2', { action: 'clicked' }),
      invite('bob', noon(3), 'i2', { action: 'accepted' }),
      { type: 'rum', actor_id: 'cem', occurred_at: noon(4), name: 'LCP', value: 1200, page: '/' },
    ],
    [{ ...evening, counts: { active_users: 1, inviters: 1, spreaders: 1, invites_sent: 1 }, k: { people: 1 } }],
  ),
  scenario(
    'an invite sent twice is one invite of one inviter',
    [invite('ann', noon(), 'i1'), invite('ann', noon(9), 'i1')],
    [{ ...evening, counts: { inviters: 1, invites_sent: 1 } }],
  ),
  scenario(
    'filters and (none)',
    [
      share('ann', noon(), { channel: 'twitter', campaign: 'spring' }),
      share('ann', noon(1), { channel: 'email' }),
      share('ann', noon(2)),
      invite('bob', noon(3), 'i1', { channel: 'twitter', variant: 'b' }),
      signup('cem', noon(4)),
    ],
    [
      { ...evening, counts: { active_users: 3, shares: 3, spreaders: 2 } },
      {
        ...evening,
        slice: { dimension: 'channel', value: 'twitter' },
        counts: { active_users: 2, shares: 1, inviters: 1, spreaders: 2, invites_sent: 1 },
      },
      { ...evening, slice: { dimension: 'channel', value: 'email' }, counts: { active_users: 1, shares: 1, new_users: 0 } },
      { ...evening, slice: { dimension: 'channel', value: '' }, counts: { active_users: 2, shares: 1, new_users: 1, invites_sent: 0 } },
      { ...evening, slice: { dimension: 'campaign', value: 'spring' }, counts: { active_users: 1, shares: 1 } },
      { ...evening, slice: { dimension: 'campaign', value: '' }, counts: { active_users: 3, shares: 2, new_users: 1 } },
      { ...evening, slice: { dimension: 'variant', value: 'b' }, counts: { active_users: 1, invites_sent: 1, shares: 0 } },
      { ...evening, slice: { dimension: 'variant', value: '' }, counts: { active_users: 2, shares: 3 } },
    ],
  ),
  scenario(
    'a credited signup stands where its cause says, else where it says itself',
    [
      invite('ann', noon(), 'i1', { channel: 'twitter', campaign: 'spring' }),
      signup('bob', noon(1), { invite_id: 'i1', channel: 'email', campaign: 'autumn', variant: 'b' }),
      signup('cem', noon(2), { referrer_id: 'ann', channel: 'email' }),
      signup('dee', noon(3), { invite_id: 'unknown', channel: 'email' }),
    ],
    [
      { ...evening, counts: { active_users: 4, new_users: 3, via_invite: 1, via_referrer: 1 } },
      { ...evening, slice: { dimension: 'channel', value: 'twitter' }, counts: { active_users: 2, new_users: 1, via_invite: 1 } },
      {
        ...evening,
        slice: { dimension: 'channel', value: 'email' },
        counts: { active_users: 2, new_users: 2, via_invite: 0, via_referrer: 1 },
      },
      { ...evening, slice: { dimension: 'campaign', value: 'spring' }, counts: { active_users: 2, new_users: 1, via_invite: 1 } },
      { ...evening, slice: { dimension: 'campaign', value: 'autumn' }, counts: { active_users: 0, new_users: 0, via_invite: 0 } },
      { ...evening, slice: { dimension: 'variant', value: 'b' }, counts: { active_users: 1, new_users: 1, via_invite: 1 } },
      { ...evening, slice: { dimension: 'variant', value: '' }, counts: { active_users: 3, new_users: 2, via_invite: 0, via_referrer: 1 } },
    ],
  ),
  scenario(
    'a later claim is activity where it says itself',
    [
      invite('ann', noon(), 'i1', { channel: 'twitter' }),
      signup('bob', noon(1), { invite_id: 'i1' }),
      signup('bob', noon(2), { invite_id: 'i1', channel: 'email' }),
    ],
    [
      { ...evening, slice: { dimension: 'channel', value: 'twitter' }, counts: { active_users: 2, new_users: 1, via_invite: 1 } },
      { ...evening, slice: { dimension: 'channel', value: 'email' }, counts: { active_users: 1, new_users: 0, via_invite: 0 } },
      { ...evening, slice: { dimension: 'channel', value: '' }, counts: { active_users: 0, new_users: 0 } },
    ],
  ),
  scenario(
    'revenue by currency, refunds subtracted, of all and of referred actors',
    [
      money('bob', noon(-30), 'purchase', 100, 'EUR'),
      signup('bob', noon(), { referrer_id: 'ann' }),
      money('bob', noon(1), 'purchase', 2_000, 'EUR', { channel: 'shop' }),
      money('bob', noon(2), 'refund', 500, 'EUR', { channel: 'shop' }),
      money('cem', noon(3), 'purchase', 900, 'USD'),
      money('dee', noon(4), 'purchase', 700, 'JPY'),
      money('dee', noon(5), 'refund', 700, 'JPY'),
      convert('dee', noon(6), 'purchase'),
      signup('eva', noon(7), { referrer_id: 'ann', amount_minor: 300, currency: 'USD', channel: 'shop' }),
    ],
    [
      { ...evening, counts: { revenue: { EUR: 1_600, USD: 1_200 }, referred_revenue: { EUR: 1_600, USD: 300 } } },
      {
        ...evening,
        slice: { dimension: 'channel', value: 'shop' },
        counts: { revenue: { EUR: 1_500, USD: 300 }, referred_revenue: { EUR: 1_500, USD: 300 } },
      },
      { window: '1h', at: iso(0, '11:45'), counts: { revenue: { EUR: 100 }, referred_revenue: {} } },
      { window: '1h', at: iso(0, '12:03'), counts: { revenue: { EUR: 1_600, USD: 900 }, referred_revenue: { EUR: 1_600 } } },
    ],
  ),
  scenario(
    'the edges of a window: its start is outside, its end inside',
    [
      share('start', instant(0, '11:00')),
      share('after', instant(0, '11:00:00.001')),
      share('end', instant(0, '12:00')),
      share('beyond', instant(0, '12:00:00.001')),
      signup('new', instant(0, '12:00'), { referrer_id: 'end' }),
    ],
    [
      {
        window: '1h',
        at: iso(0, '12:00'),
        counts: { active_users: 3, shares: 2, new_users: 1, via_referrer: 1 },
        k: { people: 4, credits: 1 },
      },
      { window: '1h', at: iso(0, '12:01'), counts: { active_users: 3, shares: 2 } },
      { window: '1h', at: iso(0, '13:00'), counts: { active_users: 1, shares: 1, new_users: 0 } },
      { window: '24h', at: iso(1, '11:00'), counts: { active_users: 4, shares: 3 } },
      { window: '7d', at: iso(7, '11:00'), counts: { active_users: 4 } },
      { window: '30d', at: iso(30, '11:00'), counts: { active_users: 4 } },
      { window: '30d', at: iso(30, '12:00'), counts: { active_users: 1 } },
    ],
  ),
]
