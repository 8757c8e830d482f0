/** A few hundred events over ten days in two workspaces, with everything in them that a planted bug may get wrong. */
import { simulate } from '../../simulate/simulate-growth.ts'
import { createRandom } from '../../simulate/random.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { invite, money, type ScenarioEvent, share, signup } from './scenario-events.ts'

export const START_MS = Date.UTC(2026, 2, 2)
const END_MS = START_MS + 10 * DAY_MS
export const SHOP = 'shop'
export const CLUB = 'club'

/** Events named so that a case can take hold of them. */
export const PLANTED = {
  /** A share in the middle of everything. */
  plain: 'plain-share',
  /** A signup that came three days late, after its windows were closed. */
  late: 'late-signup',
  /** A share beyond the allowed lateness. */
  tooLate: 'too-late-share',
} as const

/** Records of both workspaces by time of receipt, each event id once; the last ones are ticks that settle every window. */
export function plantedHistory(): LogRecord[] {
  const records = [...simulated(SHOP, 11, 24, 10), ...simulated(CLUB, 12, 8, 3), ...crafted()]
  records.sort((a, b) => a.received_at - b.received_at)
  const settled = END_MS + 3 * HOUR_MS
  return [...records, ...[SHOP, CLUB].map((workspace): LogRecord => ({ v: 1, workspace, type: 'tick', received_at: settled }))]
}

/** People as `kappa simulate` makes them; some instants on the hour, some events hours or days late. */
function simulated(workspace: string, seed: number, users: number, days: number): LogRecord[] {
  const random = createRandom(seed)
  const { events } = simulate({ users, days, k: 0.6, seed, startMs: START_MS, generationMeanMs: 8 * HOUR_MS })
  return events.map((event): LogRecord => {
    const { occurred_at, ...rest } = event
    const exactMs = awakeMs(Date.parse(String(occurred_at)))
    const occurredAtMs = random.uniform() < 0.15 ? Math.ceil(exactMs / HOUR_MS) * HOUR_MS : exactMs
    const delayMs = random.uniform() < 0.08 ? random.uniform() * 5 * DAY_MS : 1_000
    const { channel, ...others } = rest
    // One value beside none: each value has a row at every end.
    return record(workspace, Math.min(occurredAtMs, END_MS), delayMs, channel === 'email' ? rest : others)
  })
}

/** All that happens in six hours happens in the first half hour of them: as eventful, with fewer window ends to compute. */
function awakeMs(atMs: number): number {
  const restMs = atMs % (6 * HOUR_MS)
  return atMs - restMs + Math.round(restMs / 12)
}

function crafted(): LogRecord[] {
  const day = (days: number, hours = 0) => START_MS + days * DAY_MS + hours * HOUR_MS
  const at = (event: ScenarioEvent, eventId: string, delayMs = 1_000): LogRecord => {
    const { occurred_at, ...rest } = event
    return record(SHOP, occurred_at, delayMs, { event_id: eventId, ...rest })
  }
  return [
    at(share('plain', day(5), { channel: 'email' }), PLANTED.plain),
    at(invite('late-parent', day(3), 'late-invite', { channel: 'email' }), 'late-parent-1'),
    at(signup('late-child', day(4), { invite_id: 'late-invite' }), PLANTED.late, 3 * DAY_MS),
    at(share('too-late', day(0, 6)), PLANTED.tooLate, 9 * DAY_MS),
    // An invite that is answered after 30 days and 12 hours: no cause any more.
    at(invite('old-parent', day(-25), 'old-invite'), 'old-parent-1'),
    at(signup('old-child', day(5, 12), { invite_id: 'old-invite' }), 'old-child-1'),
    // Somebody who answers its own invite.
    at(invite('selfish', day(6), 'own-invite'), 'selfish-1'),
    at(signup('selfish', day(6, 1), { invite_id: 'own-invite' }), 'selfish-2'),
    // Active for days before it signs up: as of an end between, it had arrived by its first share.
    ...Array.from({ length: 6 }, (_, index) => [
      at(share(`slow-${index}`, day(1) + index * MINUTE_MS), `slow-${index}-1`),
      at(signup(`slow-${index}`, day(8) + index * MINUTE_MS, { referrer_id: 'plain' }), `slow-${index}-2`),
    ]).flat(),
    // Two signups of one instant, which name different causes: the first by event id counts.
    at(signup('tied', day(7), { referrer_id: 'plain' }), 'tied-a'),
    at(signup('tied', day(7)), 'tied-b'),
    at(money('tied', day(7, 2), 'purchase', 900, 'EUR'), 'tied-c'),
    at(money('tied', day(7, 3), 'refund', 200, 'EUR'), 'tied-d'),
    at(share('edge', Math.ceil(day(9, 20) / HOUR_MS) * HOUR_MS + MINUTE_MS), 'edge-1'),
  ]
}

/** What a client sends, as ingest stores it: without personal data, by which nothing counts, and with one dimension only, to keep it short. */
function record(workspace: string, occurredAtMs: number, delayMs: number, event: object): LogRecord {
  const { email: _, recipient: __, variant: ___, campaign: ____, ...kept } = event as Record<string, unknown>
  return { v: 1, workspace, occurred_at: occurredAtMs, received_at: Math.round(occurredAtMs + delayMs), ...kept } as LogRecord
}
