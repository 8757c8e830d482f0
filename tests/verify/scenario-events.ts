/** Short forms for small event histories: each makes one record of the log. */
import type { ConversionRecord, InviteRecord, LogRecord, RumRecord, ShareRecord } from '../../schemas/log-records.ts'

/** The first day of every scenario, a Monday. */
export const DAY_ZERO = '2026-03-02'
export const WORKSPACE = 'scenario'
/** Without `received` a record is received this long after it occurred, or with its predecessor if that came later. */
const TRANSIT_MS = 1_000

/** Epoch ms of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm` on a day counted from day zero (UTC). */
export function instant(day: number, time: string): number {
  return Date.parse(`${DAY_ZERO}T${time}Z`) + day * 86_400_000
}

export function iso(day: number, time: string): string {
  return new Date(instant(day, time)).toISOString()
}

/** A record without what its place in the history gives it. */
type Draft<Type> = Type extends LogRecord ? Omit<Type, 'v' | 'workspace' | 'received_at' | 'event_id'> & Placement : never

interface Placement {
  readonly event_id?: string
  readonly received_at?: number
  readonly workspace?: string
}

export type ScenarioEvent = Draft<ShareRecord> | Draft<InviteRecord> | Draft<ConversionRecord> | Draft<RumRecord>

type Extra<Type extends ScenarioEvent> = Partial<Omit<Type, 'type' | 'occurred_at' | 'actor_id'>>

export function share(actor: string, occurredAt: number, extra: Extra<Draft<ShareRecord>> = {}): ScenarioEvent {
  return { type: 'share', actor_id: actor, occurred_at: occurredAt, content_id: 'story', ...extra }
}

/** An invite that was sent, unless `extra` names another action. */
export function invite(actor: string, occurredAt: number, inviteId: string, extra: Extra<Draft<InviteRecord>> = {}): ScenarioEvent {
  return { type: 'invite', actor_id: actor, occurred_at: occurredAt, action: 'sent', invite_id: inviteId, ...extra }
}

export function convert(actor: string, occurredAt: number, kind: string, extra: Extra<Draft<ConversionRecord>> = {}): ScenarioEvent {
  return { type: 'conversion', actor_id: actor, occurred_at: occurredAt, kind, ...extra }
}

export function signup(actor: string, occurredAt: number, extra: Extra<Draft<ConversionRecord>> = {}): ScenarioEvent {
  return convert(actor, occurredAt, 'signup', extra)
}

/** `purchase('ann', at, 1200, 'EUR')`; a refund by `kind`. */
export function money(
  actor: string,
  occurredAt: number,
  kind: 'purchase' | 'refund',
  minor: number,
  currency: string,
  extra = {},
): ScenarioEvent {
  return convert(actor, occurredAt, kind, { amount_minor: minor, currency, ...extra })
}

/**
 * Records in log order. Event ids are `e1`, `e2`, ... where none is given. A last tick moves the watermark past
 * `settledMs`, so that every window up to it is final.
 */
export function recordsOf(events: readonly ScenarioEvent[], settledMs: number): LogRecord[] {
  let receivedAtMs = Number.NEGATIVE_INFINITY
  const records = events.map((event, index): LogRecord => {
    receivedAtMs = event.received_at ?? Math.max(receivedAtMs, event.occurred_at + TRANSIT_MS)
    return { v: 1, workspace: WORKSPACE, event_id: `e${index + 1}`, ...event, received_at: receivedAtMs } as LogRecord
  })
  records.push({ v: 1, workspace: WORKSPACE, type: 'tick', received_at: Math.max(receivedAtMs, settledMs) + 60_000 })
  return records
}
