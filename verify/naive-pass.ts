/**
 * The naive pass: one walk over the log that keeps every event that counts, with nothing clever about it. It shares
 * no code with the stream, so that an agreement of the two says something.
 */
import { EVERY_WORKSPACE, type LogRecord } from '../schemas/log-records.ts'
import { compareBytewise } from './bytewise-order.ts'
import type { LogEntry } from './log-entries.ts'
import { creditSignups } from './naive-attribution.ts'
import type { Fact, Facts } from './naive-facts.ts'
import { NaiveLateness } from './naive-lateness.ts'

interface Kept {
  readonly fact: Fact | null
  readonly isLate: boolean
}

/**
 * Reads entries in log order and keeps what counts in `workspace`: the first record of each event id, unless it is
 * late beyond the lateness in its own partition. An imported record that supersedes a late one takes its place. In which
 * partition an event stands does not matter otherwise. Entries must hold the ticks of whole partitions too.
 */
export async function collectFacts(entries: AsyncIterable<LogEntry> | Iterable<LogEntry>, workspace: string): Promise<Facts> {
  const lateness = new NaiveLateness()
  const kept = new Map<string, Kept>()
  let records = 0
  let duplicates = 0
  for await (const { partition, record } of entries) {
    if (!concerns(record, workspace)) continue
    lateness.observe(partition, record)
    if (!('occurred_at' in record) || record.type === 'tracked') continue
    records += 1
    const known = kept.get(record.event_id)
    if (known !== undefined && !(known.isLate && record.supersedes !== undefined)) {
      duplicates += 1
      continue
    }
    kept.set(record.event_id, { fact: factOf(record), isLate: lateness.isLate(partition, record) })
  }

  const ordered: Fact[] = []
  let late = 0
  for (const { fact, isLate } of kept.values()) {
    if (isLate) late += 1
    else if (fact !== null) ordered.push(fact)
  }
  ordered.sort((left, right) => left.occurredAtMs - right.occurredAtMs || compareBytewise(left.eventId, right.eventId))

  const firstActivityMs = new Map<string, number>()
  for (const fact of ordered) {
    if (!firstActivityMs.has(fact.actorId)) firstActivityMs.set(fact.actorId, fact.occurredAtMs)
  }
  return { ordered, signups: creditSignups(ordered), firstActivityMs, tally: { records, duplicates, late } }
}

/** Whether the record is one of the workspace's, or moves the time of every workspace. */
export function concerns(record: LogRecord, workspace: string): boolean {
  return record.workspace === workspace || (record.type === 'tick' && record.workspace === EVERY_WORKSPACE)
}

/** Null for what is no activity: RUM, and what happens to an invite after it was sent. */
function factOf(record: LogRecord): Fact | null {
  if (record.type !== 'share' && record.type !== 'conversion' && !(record.type === 'invite' && record.action === 'sent')) return null
  return {
    type: record.type,
    eventId: record.event_id,
    occurredAtMs: record.occurred_at,
    actorId: record.actor_id,
    channel: record.channel ?? '',
    campaign: record.campaign ?? '',
    variant: record.variant ?? '',
    inviteId: record.type === 'share' ? '' : (record.invite_id ?? ''),
    shareId: record.type === 'invite' ? '' : (record.share_id ?? ''),
    referralCode: record.referral_code ?? '',
    referrerId: record.type === 'conversion' ? (record.referrer_id ?? '') : '',
    kind: record.type === 'conversion' ? record.kind : '',
    amountMinor: record.type === 'conversion' ? (record.amount_minor ?? 0) : 0,
    currency: record.type === 'conversion' && record.amount_minor !== undefined ? (record.currency ?? '') : '',
  }
}
