/**
 * SQL that stands in front of every query of the recomputation: which events count, and who brought whom, from the
 * raw `events` table alone (METRICS "Attribution"). It is written out here on purpose, workspace predicate included:
 * a fault in the query builder that the API uses must not hide itself from the verification.
 */
import type { WarehouseReader, WorkspaceSql } from '../schemas/ports/warehouse.ts'

const IS_BELOW = `workspace = {workspace:String}
      AND (empty({below_offsets:Array(UInt64)}) OR _offset < {below_offsets:Array(UInt64)}[_partition + 1])`
const EVENT_FIELDS = `type, event_id, toUnixTimestamp64Milli(occurred_at) AS at, actor_id, channel, campaign, variant,
      action, invite_id, share_id, referral_code, referrer_id, kind, amount_minor, currency, late`
const IS_ACTIVITY = `late = 0 AND (type IN ('share', 'conversion') OR (type = 'invite' AND action = 'sent'))`

/**
 * Event ids that stand in the log more than once. They are few, and known beforehand only they have to be sorted: `counted`
 * is read several times a query.
 */
const REPEATED_IDS_SQL = `
SELECT event_id FROM events FINAL
WHERE ${IS_BELOW}
GROUP BY event_id HAVING count() > 1` as WorkspaceSql

/** Parameters that every recomputation needs: which part of the log, and which of its ids are repeated. */
export interface RecomputationScope {
  readonly below_offsets: readonly number[]
  readonly repeated_ids: readonly string[]
}

/** Looks up the scope of the records below these offsets (all without any). Rejects as the reader does. */
export async function recomputationScope(
  reader: WarehouseReader,
  workspace: string,
  belowOffsets: readonly number[],
): Promise<RecomputationScope> {
  const rows = await reader.select<{ event_id: string }>({ workspace, sql: REPEATED_IDS_SQL, params: { below_offsets: belowOffsets } })
  // A set may not be empty; no event has the empty id.
  return { below_offsets: belowOffsets, repeated_ids: ['', ...rows.map((row) => row.event_id)] }
}

/**
 * Common table expressions, to be followed by more of them or by a SELECT.
 *
 * - `counted`: shares, sent invites and conversions that count, `at` in epoch ms. Of an event id the first record
 *   counts, and a late one nowhere. Only what stands in the log before `{below_offsets:Array(UInt64)}` (by partition;
 *   everything when it is empty), so that a live workspace is compared as of one place in the log.
 * - `signups`: the counted signup of each actor: `actor_id`, `signup_at`, `event_id`, `via` and `referrer_id` ('' when
 *   nobody is credited), and the `channel`, `campaign`, `variant` under which it stands.
 */
const CREDITS_SQL = `
WITH
counted AS (
  SELECT ${EVENT_FIELDS} FROM events FINAL
  WHERE ${IS_BELOW} AND NOT event_id IN {repeated_ids:Array(String)} AND ${IS_ACTIVITY}
  UNION ALL
  SELECT * FROM (
    SELECT ${EVENT_FIELDS} FROM events FINAL
    WHERE ${IS_BELOW} AND event_id IN {repeated_ids:Array(String)}
    ORDER BY received_at, _partition, _offset
    LIMIT 1 BY event_id
  )
  WHERE ${IS_ACTIVITY}
),
first_sent AS (
  SELECT invite_id, argMin((actor_id, at, channel, campaign, variant), (at, event_id)) AS cause
  FROM counted WHERE type = 'invite' GROUP BY invite_id
),
first_share AS (
  SELECT share_id, argMin((actor_id, at, channel, campaign, variant), (at, event_id)) AS cause
  FROM counted WHERE type = 'share' AND share_id != '' GROUP BY share_id
),
code_owner AS (
  SELECT referral_code, argMin(actor_id, (at, event_id)) AS actor_id
  FROM counted WHERE type != 'conversion' AND referral_code != '' GROUP BY referral_code
),
code_carrier AS (
  SELECT referral_code, at, argMax((actor_id, at, channel, campaign, variant), event_id) AS cause
  FROM counted
  WHERE type != 'conversion' AND (referral_code, actor_id) IN (SELECT referral_code, actor_id FROM code_owner)
  GROUP BY referral_code, at
),
first_signup AS (
  SELECT
    actor_id, at AS signup_at, at + 300000 AS cause_until, event_id,
    invite_id, referral_code, share_id, referrer_id, channel, campaign, variant
  FROM counted WHERE type = 'conversion' AND kind = 'signup'
  ORDER BY at, event_id
  LIMIT 1 BY actor_id
),
by_code AS (
  SELECT s.actor_id AS actor_id, c.cause AS cause
  FROM (SELECT * FROM first_signup WHERE referral_code != '') AS s
  ASOF INNER JOIN code_carrier AS c ON s.referral_code = c.referral_code AND s.cause_until >= c.at
),
signups AS (
  SELECT
    s.actor_id AS actor_id, s.signup_at AS signup_at, s.event_id AS event_id,
    arrayFirst(
      candidate -> candidate.2.1 NOT IN ('', s.actor_id) AND s.signup_at - candidate.2.2 BETWEEN -300000 AND 2592000000,
      [
        ('invite', i.cause),
        ('code', c.cause),
        ('share', h.cause),
        ('referrer', (s.referrer_id, s.signup_at, '', '', ''))
      ]
    ) AS credit,
    credit.1 AS via, credit.2.1 AS referrer_id,
    if(credit.2.3 != '', credit.2.3, s.channel) AS channel,
    if(credit.2.4 != '', credit.2.4, s.campaign) AS campaign,
    if(credit.2.5 != '', credit.2.5, s.variant) AS variant
  FROM first_signup AS s
  LEFT JOIN first_sent AS i ON s.invite_id = i.invite_id
  LEFT JOIN first_share AS h ON s.share_id = h.share_id
  LEFT JOIN by_code AS c ON s.actor_id = c.actor_id
)`

/** Numbers (from 1) of the windows `(starts_ms, ends_ms]` that an instant in epoch ms lies in: a row becomes one for each. */
export function windowsOf(instant: string): string {
  return `arrayJoin(arrayFilter(
    number -> ${instant} > {starts_ms:Array(Int64)}[number] AND ${instant} <= {ends_ms:Array(Int64)}[number],
    arrayEnumerate({ends_ms:Array(Int64)})
  ))`
}

const NAMES_A_TABLE = /\b(?:from|join)\s+(?:\w+\.)?(?:events|people|growth_windows|restatements|quarantine)\b/i

/**
 * A query over `counted` and `signups`. `text` starts with SELECT, or with a comma and further table expressions.
 * Throws when it names a table itself, since only `counted` is bound to the workspace: that is a bug of its author.
 */
export function recomputation(text: string): WorkspaceSql {
  if (NAMES_A_TABLE.test(text)) throw new TypeError(`the recomputation reads raw events only through counted: ${text}`)
  return `${CREDITS_SQL}${text}` as WorkspaceSql
}
