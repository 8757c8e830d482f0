/** People as they stood at an instant, `{endMs:Int64}`. A counted signup is the earliest, so it is the same at any later instant. */
import { rowsOf, sql, type SqlFragment } from './workspace-query.ts'

/** Later than any instant: what has not happened. */
const NEVER = sql`toInt64(9223372036854775807)`

/**
 * `actor`, `actor_key`, `referrer_key` (0 for nobody), `via`, dimensions, and in epoch ms `signup_ms` (of the counted signup, or NEVER) and
 * `arrived_ms`: the signup if it has happened, else the first activity, or NEVER (METRICS: "a user's arrival").
 */
export const peopleAsOf: SqlFragment = sql`(
  SELECT
    actor, actor_key, signup_event_id, referrer_key, via, channel, campaign, variant,
    ifNull(toUnixTimestamp64Milli(signup_at), ${NEVER}) AS signup_ms,
    if(signup_ms <= {endMs:Int64}, signup_ms, ifNull(toUnixTimestamp64Milli(first_activity_at), ${NEVER})) AS arrived_ms
  FROM ${rowsOf('people')}
)`

/** Whose signup is credited to somebody else, by then. */
export const isCredited: SqlFragment = sql`referrer_key != 0 AND signup_ms <= {endMs:Int64}`
