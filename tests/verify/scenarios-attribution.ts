/** Attribution: which cause wins, how far it reaches, and that an actor signs up once. */
import { type Scenario, scenario } from './scenario.ts'
import { instant, invite, iso, share, signup } from './scenario-events.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const noon = (minutes = 0) => instant(0, '12:00') + minutes * MINUTE
const evening = { window: '24h', at: iso(0, '18:00') } as const
const day40 = { window: '24h', at: iso(40, '18:00') } as const
const later = instant(40, '12:00')

export const attributionScenarios: readonly Scenario[] = [
  scenario(
    'cause priority: invite, code, share, referrer',
    [
      invite('ida', noon(), 'i1', { channel: 'by-invite' }),
      share('cas', noon(1), { referral_code: 'CODE', channel: 'by-code' }),
      share('sam', noon(2), { share_id: 's1', channel: 'by-share' }),
      signup('u1', noon(3), { invite_id: 'i1', referral_code: 'CODE', share_id: 's1', referrer_id: 'rob', channel: 'own' }),
      signup('u2', noon(3), { referral_code: 'CODE', share_id: 's1', referrer_id: 'rob', channel: 'own' }),
      signup('u3', noon(3), { share_id: 's1', referrer_id: 'rob', channel: 'own' }),
      signup('u4', noon(3), { referrer_id: 'rob', channel: 'own' }),
      signup('u5', noon(3), { invite_id: 'lost', referral_code: 'NONE', share_id: 'gone', referrer_id: 'rob', channel: 'own' }),
    ],
    [
      {
        ...evening,
        counts: { new_users: 5, via_invite: 1, via_code: 1, via_share: 1, via_referrer: 2 },
        k: { credits: 5, credits_squared: 7 },
      },
      { ...evening, slice: { dimension: 'channel', value: 'by-invite' }, counts: { new_users: 1, via_invite: 1, active_users: 2 } },
      { ...evening, slice: { dimension: 'channel', value: 'by-code' }, counts: { new_users: 1, via_code: 1 } },
      { ...evening, slice: { dimension: 'channel', value: 'by-share' }, counts: { new_users: 1, via_share: 1 } },
      { ...evening, slice: { dimension: 'channel', value: 'own' }, counts: { new_users: 2, via_referrer: 2 } },
    ],
  ),
  scenario(
    'a code re-shared: its first actor owns it, the cause is the latest carrying event of the owner',
    [
      share('own', noon(), { referral_code: 'C', campaign: 'first' }),
      share('other', noon(10), { referral_code: 'C', campaign: 'foreign' }),
      invite('own', noon(20), 'i1', { referral_code: 'C', campaign: 'second' }),
      share('other', noon(30), { referral_code: 'C', campaign: 'foreign' }),
      signup('ann', noon(14), { referral_code: 'C' }),
      signup('bob', noon(40), { referral_code: 'C' }),
      signup('cem', noon(15), { referral_code: 'C' }),
      signup('other', noon(50), { referral_code: 'C' }),
      signup('own', noon(60), { referral_code: 'C' }),
    ],
    [
      { ...evening, counts: { new_users: 5, via_code: 4 }, k: { credits: 4, credits_squared: 16 } },
      { ...evening, slice: { dimension: 'campaign', value: 'first' }, counts: { via_code: 1 } },
      { ...evening, slice: { dimension: 'campaign', value: 'second' }, counts: { via_code: 3 } },
      { ...evening, slice: { dimension: 'campaign', value: 'foreign' }, counts: { via_code: 0, active_users: 1 } },
    ],
  ),
  scenario(
    'the owner of a code is the first by time, not by arrival; its latest carrying event may have been too long ago',
    [
      share('late-in-log', noon(5), { referral_code: 'C', channel: 'second' }),
      share('early', noon(), { referral_code: 'C', channel: 'first' }),
      signup('ann', noon(6), { referral_code: 'C' }),
      share('late-in-log', later, { referral_code: 'C', channel: 'second' }),
      signup('bob', later + MINUTE, { referral_code: 'C' }),
      share('early', later + 2 * MINUTE, { referral_code: 'C', channel: 'third' }),
      signup('cem', later + 3 * MINUTE, { referral_code: 'C' }),
      signup('dee', later - 3 * MINUTE - 1, { referral_code: 'C' }),
    ],
    [
      { ...evening, slice: { dimension: 'channel', value: 'first' }, counts: { via_code: 1 } },
      { ...day40, counts: { via_code: 2, new_users: 3 } },
      { ...day40, slice: { dimension: 'channel', value: 'third' }, counts: { via_code: 2 } },
      { ...day40, slice: { dimension: 'channel', value: 'second' }, counts: { via_code: 0 } },
    ],
  ),
  scenario(
    'of two carrying events of one instant the bytewise later id is the latest',
    [
      share('own', noon(), { referral_code: 'C', event_id: 'x2', channel: 'two' }),
      share('own', noon(), { referral_code: 'C', event_id: 'x10', channel: 'ten' }),
      signup('ann', noon(1), { referral_code: 'C' }),
    ],
    [
      { ...evening, slice: { dimension: 'channel', value: 'two' }, counts: { via_code: 1 } },
      { ...evening, slice: { dimension: 'channel', value: 'ten' }, counts: { via_code: 0 } },
    ],
  ),
  scenario(
    'self-referral is never credited and falls through to the next cause',
    [
      invite('ann', noon(), 'mine'),
      share('bob', noon(1), { share_id: 's1' }),
      share('cem', noon(1), { share_id: 's2' }),
      signup('ann', noon(2), { invite_id: 'mine', share_id: 's1' }),
      signup('bob', noon(2), { share_id: 's1', referrer_id: 'bob' }),
      signup('cem', noon(2), { share_id: 's2', referrer_id: 'ann' }),
    ],
    [{ ...evening, counts: { new_users: 3, via_invite: 0, via_share: 1, via_referrer: 1 } }],
  ),
  scenario(
    'a cause counts from 5 minutes after the conversion to 30 days before it',
    [
      invite('ida', later - 31 * DAY, 'd31'),
      invite('ida', later - 30 * DAY - 1, 'd30-and'),
      invite('ida', later - 30 * DAY, 'd30'),
      share('sam', later - 31 * DAY, { share_id: 's31' }),
      share('sam', later - 30 * DAY, { share_id: 's30' }),
      signup('u1', later, { invite_id: 'd31' }),
      signup('u2', later, { invite_id: 'd30-and' }),
      signup('u3', later, { invite_id: 'd30' }),
      signup('u4', later, { invite_id: 'd31', share_id: 's31', referrer_id: 'rob' }),
      signup('u5', later, { share_id: 's30' }),
      signup('u6', later, { invite_id: 'm4' }),
      signup('u7', later, { invite_id: 'm5' }),
      signup('u8', later, { invite_id: 'm5-and' }),
      signup('u9', later, { invite_id: 'm6' }),
      invite('ida', later + 4 * MINUTE, 'm4'),
      invite('ida', later + 5 * MINUTE, 'm5'),
      invite('ida', later + 5 * MINUTE + 1, 'm5-and'),
      invite('ida', later + 6 * MINUTE, 'm6'),
    ],
    [{ ...day40, counts: { new_users: 9, via_invite: 3, via_share: 1, via_referrer: 1 }, k: { cycles: 4 } }],
  ),
  scenario(
    'sending an invite again restarts nothing',
    [
      invite('ann', later - 31 * DAY, 'i1'),
      invite('ann', later - DAY, 'i1'),
      invite('eva', later - MINUTE, 'i1'),
      signup('bob', later, { invite_id: 'i1' }),
    ],
    [{ ...day40, counts: { new_users: 1, via_invite: 0, invites_sent: 1 } }],
  ),
  scenario(
    'a cause may lie after the end of the window that holds its conversion',
    [signup('bob', noon(), { invite_id: 'i1' }), invite('ann', noon(4), 'i1', { channel: 'twitter' })],
    [
      {
        window: '1h',
        at: iso(0, '12:02'),
        counts: { active_users: 1, inviters: 0, new_users: 1, via_invite: 1 },
        k: { people: 2, credits: 1, cycles: 0 },
      },
      {
        window: '1h',
        at: iso(0, '12:02'),
        slice: { dimension: 'channel', value: 'twitter' },
        counts: { active_users: 1, via_invite: 1, inviters: 0 },
      },
      { window: '1h', at: iso(0, '12:10'), counts: { active_users: 2, inviters: 1, via_invite: 1 }, k: { people: 2, cycles: 0 } },
    ],
  ),
  scenario(
    'a conversion that arrives before its cause waits for it',
    [
      signup('bob', noon(), { invite_id: 'i1' }),
      signup('cem', noon(), { referral_code: 'C' }),
      signup('dee', noon(), { share_id: 's1' }),
      share('eva', noon(60)),
      invite('ann', noon(-30), 'i1'),
      share('ann', noon(-20), { referral_code: 'C' }),
      share('ann', noon(-10), { share_id: 's1' }),
    ],
    [{ ...evening, counts: { new_users: 3, via_invite: 1, via_code: 1, via_share: 1 }, k: { cycles: 3 } }],
  ),
  scenario(
    'an actor signs up once: the earliest counts, whatever came first',
    [
      signup('ann', noon(10), { referrer_id: 'rob' }),
      signup('ann', noon(5)),
      signup('bob', noon(5), { referrer_id: 'rob' }),
      signup('bob', noon(10), { referrer_id: 'eva' }),
      signup('bob', noon(20)),
    ],
    [
      { ...evening, counts: { active_users: 2, new_users: 2, via_referrer: 1 }, k: { credits: 1, people: 3 } },
      { window: '1h', at: iso(0, '13:07'), counts: { active_users: 2, new_users: 0, via_referrer: 0 } },
    ],
  ),
  scenario(
    'ties of one instant go by event_id, bytewise in UTF-8',
    [
      signup('ann', noon(), { event_id: 'a2' }),
      signup('ann', noon(), { event_id: 'a10', referrer_id: 'rob' }),
      signup('bob', noon(), { event_id: '\u{1f600}' }),
      signup('bob', noon(), { event_id: '\ufffd', referrer_id: 'rob' }),
      signup('cem', noon(), { event_id: 'Z', referrer_id: 'rob' }),
      signup('cem', noon(), { event_id: 'a' }),
      invite('eva', noon(1), 'i1', { event_id: 'i-b' }),
      invite('dee', noon(1), 'i1', { event_id: 'i-a' }),
      signup('eva', noon(2), { invite_id: 'i1' }),
      signup('dee', noon(2), { invite_id: 'i1' }),
    ],
    [{ ...evening, counts: { new_users: 5, via_referrer: 3, via_invite: 1 }, k: { credits_squared: 10 } }],
  ),
]
