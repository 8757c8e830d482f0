/** Lateness, repetition, order in the log, and what belongs to others. */
import { type Scenario, scenario } from './scenario.ts'
import { instant, invite, iso, money, share, signup } from './scenario-events.ts'

const DAY = 86_400_000
const now = instant(10, '12:00')
/** The watermark once an event of `now` is in. */
const watermark = now - 5_000
const oldDay = { window: '24h', at: iso(4, '00:00') } as const

export const timeScenarios: readonly Scenario[] = [
  scenario(
    'late inside the lateness counts everywhere, to the last millisecond',
    [
      share('ann', instant(3, '06:00')),
      share('now', now),
      share('bob', watermark - 7 * DAY),
      invite('cem', instant(3, '13:00'), 'i1'),
      signup('dee', instant(3, '14:00'), { invite_id: 'i1' }),
    ],
    [
      { ...oldDay, counts: { active_users: 4, shares: 2, new_users: 1, via_invite: 1, inviters: 1 }, k: { people: 4, cycles: 1 } },
      { window: '7d', at: iso(10, '13:00'), counts: { active_users: 2, shares: 1, inviters: 0, new_users: 1 } },
    ],
  ),
  scenario(
    'beyond the lateness an event counts nowhere, not even as a cause',
    [
      share('ann', instant(3, '06:00')),
      share('now', now),
      share('bob', watermark - 7 * DAY - 1),
      invite('cem', instant(3, '05:00'), 'i1'),
      signup('eva', instant(2, '05:00'), { referrer_id: 'rob' }),
      money('eva', instant(3, '04:00'), 'purchase', 100, 'EUR'),
      signup('dee', instant(10, '12:00:01'), { invite_id: 'i1' }),
      signup('eva', instant(10, '12:00:02')),
    ],
    [
      { ...oldDay, counts: { active_users: 1, shares: 1, inviters: 0, new_users: 0, revenue: {} } },
      { window: '30d', at: iso(10, '13:00'), counts: { active_users: 4, new_users: 2, via_invite: 0, via_referrer: 0 }, k: { people: 4 } },
    ],
  ),
  scenario(
    'a clock that runs ahead does not make others late',
    [
      share('ahead', now + 20 * 3_600_000, { received_at: now }),
      share('bob', now - 7 * DAY, { received_at: now + 1_000 }),
      share('cem', now - 7 * DAY - 5_001, { received_at: now + 2_000 }),
    ],
    [{ window: '30d', at: iso(11, '12:00'), counts: { active_users: 2, shares: 2 } }],
  ),
  scenario(
    'an import is never late, and importing a late event clears its flag',
    [
      share('now', now),
      share('bob', instant(2, '12:00'), { event_id: 'was-late' }),
      share('cem', instant(2, '13:00'), { import_id: 'm1' }),
      share('bob', instant(2, '12:00'), {
        event_id: 'was-late',
        import_id: 'm1',
        supersedes: { partition: 0, offset: 1, occurred_at: instant(2, '12:00') },
      }),
      share('dee', instant(2, '14:00')),
    ],
    [{ window: '24h', at: iso(3, '00:00'), counts: { active_users: 2, shares: 2 }, k: { people: 2 } }],
  ),
  scenario(
    'an event id that is sent again changes nothing, whatever it says',
    [
      share('ann', instant(0, '12:00'), { event_id: 'x' }),
      share('ann', instant(0, '12:00'), { event_id: 'x' }),
      share('bob', instant(0, '11:00'), { event_id: 'x' }),
      signup('cem', instant(0, '12:00'), { event_id: 'y' }),
      signup('cem', instant(0, '12:00'), { event_id: 'y', referrer_id: 'ann' }),
    ],
    [{ window: '24h', at: iso(0, '18:00'), counts: { active_users: 2, shares: 1, new_users: 1, via_referrer: 0 } }],
  ),
  scenario(
    'another workspace moves nothing, not even with the same ids',
    [
      share('ann', instant(0, '12:00'), { event_id: 'x', workspace: 'foreign' }),
      invite('ann', instant(0, '12:00'), 'i1', { event_id: 'z', workspace: 'foreign' }),
      share('far', instant(30, '12:00'), { event_id: 'w', workspace: 'foreign', received_at: instant(0, '12:00:01') }),
      share('bob', instant(0, '12:01'), { event_id: 'x', received_at: instant(0, '12:01:01') }),
      signup('cem', instant(0, '12:02'), { event_id: 'y', invite_id: 'i1', received_at: instant(0, '12:02:01') }),
    ],
    [
      {
        window: '24h',
        at: iso(0, '18:00'),
        counts: { active_users: 2, shares: 1, inviters: 0, new_users: 1, via_invite: 0 },
        k: { people: 2 },
      },
    ],
  ),
  scenario(
    'order in the log does not matter inside the lateness',
    [
      signup('dee', instant(1, '12:00'), { referral_code: 'C' }),
      share('bob', instant(1, '11:00'), { referral_code: 'C', channel: 'late' }),
      signup('ann', instant(1, '12:00'), { invite_id: 'i1' }),
      invite('bob', instant(0, '10:00'), 'i1', { referral_code: 'C', channel: 'early' }),
      signup('bob', instant(0, '09:00')),
    ],
    [
      {
        window: '7d',
        at: iso(2, '00:00'),
        counts: { active_users: 3, new_users: 3, via_code: 1, via_invite: 1 },
        k: { cycles: 2, credits_squared: 4 },
      },
      { window: '7d', at: iso(2, '00:00'), slice: { dimension: 'channel', value: 'late' }, counts: { via_code: 1, active_users: 2 } },
      { window: '7d', at: iso(2, '00:00'), slice: { dimension: 'channel', value: 'early' }, counts: { via_invite: 1, active_users: 2 } },
    ],
  ),
]
