/** The statistics behind K: arrivals as of the end, cycles, the cohort, and when there is no K. */
import { type Scenario, scenario } from './scenario.ts'
import { instant, iso, type ScenarioEvent, share, signup } from './scenario-events.ts'

const MINUTE = 60_000
const midnight = instant(0, '00:00')

/** `count` people who sign up by themselves at `atMs`: p1, p2, ... */
function seeds(count: number, atMs: number): ScenarioEvent[] {
  return Array.from({ length: count }, (_, index) => signup(`p${index + 1}`, atMs))
}

/** One child each for p1 to p`count`, at `atMs`. */
function children(count: number, atMs: number, prefix = 'c'): ScenarioEvent[] {
  return Array.from({ length: count }, (_, index) => signup(`${prefix}${index + 1}`, atMs, { referrer_id: `p${index + 1}` }))
}

export const kScenarios: readonly Scenario[] = [
  scenario(
    'first share, then signup: the arrival is that as of the end of the window',
    [share('ann', instant(0, '09:00')), signup('bob', instant(0, '10:00'), { referrer_id: 'ann' }), signup('ann', instant(0, '11:00'))],
    [
      {
        window: '24h',
        at: iso(0, '10:30'),
        counts: { new_users: 1, via_referrer: 1 },
        k: { people: 2, cycles: 1, credits: 1, exposure: null },
      },
      {
        window: '24h',
        at: iso(0, '11:30'),
        counts: { new_users: 2, via_referrer: 1 },
        k: { people: 2, cycles: 0, credits: 1, exposure: null },
      },
    ],
  ),
  scenario(
    'a parent never seen, or seen later, keeps the credit and gives no cycle',
    [
      signup('bob', instant(0, '10:00'), { referrer_id: 'ghost' }),
      signup('cem', instant(0, '10:00'), { referrer_id: 'ann' }),
      signup('dee', instant(0, '10:00'), { referrer_id: 'ann' }),
      share('ann', instant(0, '12:00')),
    ],
    [
      { window: '24h', at: iso(0, '11:00'), counts: { via_referrer: 3 }, k: { credits: 3, credits_squared: 5, people: 5, cycles: 0 } },
      { window: '24h', at: iso(0, '13:00'), counts: { via_referrer: 3 }, k: { credits: 3, credits_squared: 5, people: 5, cycles: 0 } },
    ],
  ),
  scenario(
    'a parent of the same instant gives a cycle of one minute',
    [share('ann', instant(0, '10:00')), signup('bob', instant(0, '10:00'), { referrer_id: 'ann' })],
    [{ window: '24h', at: iso(0, '11:00'), k: { cycles: 1 } }],
  ),
  scenario(
    '29 cycles are too few',
    [...seeds(40, midnight), ...children(29, midnight + 60 * MINUTE)],
    [
      {
        window: '24h',
        at: iso(0, '02:00'),
        counts: { new_users: 69, via_referrer: 29 },
        k: { cycles: 29, exposure: null, people: 69 },
        kFactor: 'too_few_cycles',
      },
    ],
  ),
  scenario(
    '30 cycles of one delay: K by hand',
    [...seeds(40, midnight), ...children(30, midnight + 60 * MINUTE)],
    [
      // All delays are 60 min: L is the 40 + 30 who arrived an hour before the end, less nobody before the first credit.
      {
        window: '24h',
        at: iso(0, '02:00'),
        counts: { new_users: 70, via_referrer: 30 },
        k: { credits: 30, credits_squared: 30, people: 70, cycles: 30, exposure: 70 },
        kFactor: 31 / 70.2,
      },
      // The window opens at 02:00: nobody arrived between 01:00 and 02:00, and nobody was brought.
      { window: '1h', at: iso(0, '03:00'), k: { credits: 0, cycles: 30, exposure: 0, people: 70 }, kFactor: 'too_few_signups' },
      // Before any child could have come of age the hour before the first credit is not in the window.
      { window: '24h', at: iso(0, '01:00'), k: { credits: 30, exposure: 40 }, kFactor: 31 / 40.2 },
    ],
  ),
  scenario(
    'ten credits are too few for an interval, eleven are enough',
    [
      ...seeds(40, midnight),
      ...children(30, midnight + 60 * MINUTE),
      ...children(10, midnight + 24 * 60 * MINUTE, 'd'),
      ...children(11, midnight + 48 * 60 * MINUTE, 'e'),
    ],
    [
      { window: '1h', at: iso(1, '00:30'), k: { credits: 10, credits_squared: 10, cycles: 40 }, kFactor: 'too_few_signups' },
      // Delays 60 min (30 of the 80 who are old enough) and 1 day (10 of the 70): L adds up what came of age since 23:30.
      { window: '1h', at: iso(2, '00:30'), k: { credits: 11, credits_squared: 11, cycles: 51 } },
    ],
  ),
  scenario(
    'no delay that 30 people have reached',
    [
      ...seeds(1, midnight),
      ...Array.from({ length: 31 }, (_, index) => signup(`c${index}`, midnight + 60 * MINUTE, { referrer_id: 'p1' })),
    ],
    [
      {
        window: '24h',
        at: iso(0, '01:30'),
        k: { cycles: 31, credits: 31, credits_squared: 961, people: 32, exposure: null },
        kFactor: 'too_few_cycles',
      },
      { window: '24h', at: iso(0, '02:00'), k: { cycles: 31, exposure: 32 }, kFactor: 32 / 32.2 },
    ],
  ),
  scenario(
    'delays are rounded up: to the minute, and above 100 minutes to the grid of 1 %',
    [...seeds(40, midnight), ...children(30, midnight + 101 * MINUTE + 1)],
    [
      // 102 minutes stand at ceil(100 x 1.01^2) = 103: at 01:42 nobody has reached that age, at 01:43 all 40 have.
      { window: '1h', at: iso(0, '01:42'), k: { cycles: 30, credits: 30, exposure: null } },
      { window: '1h', at: iso(0, '01:43'), k: { cycles: 30, credits: 30, exposure: 40 }, kFactor: 31 / 40.2 },
    ],
  ),
  scenario(
    'the cohort begins after the start of the UTC day 90 days ago',
    [
      share('p1', midnight),
      share('p2', midnight + 1),
      signup('c1', instant(90, '10:00'), { referrer_id: 'p1' }),
      signup('c2', instant(90, '10:00'), { referrer_id: 'p2' }),
    ],
    [
      { window: '24h', at: iso(90, '12:00'), k: { credits: 2, credits_squared: 2, cycles: 1, people: 4 } },
      { window: '24h', at: iso(91, '00:00'), k: { credits: 2, cycles: 0, people: 4 } },
      { window: '1h', at: iso(91, '12:00'), k: { credits: 0, cycles: 0, people: 2 } },
    ],
  ),
]
