/**
 * Derived records: what processors hand to the warehouse and to live watchers. All are absolute (a key and its whole
 * value at a version), so that writing one again changes nothing.
 */
import type { EventRecord, QuarantinedRecord, QuarantineSettledRecord } from './log-records.ts'

export const DIMENSIONS = ['channel', 'campaign', 'variant'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** How a signup was credited; the name of the cause that won (METRICS "Attribution"). */
export const CAUSE_KINDS = ['invite', 'code', 'share', 'referrer'] as const
export type CauseKind = (typeof CAUSE_KINDS)[number]

/** Money in minor units per ISO 4217 code; a currency without money is absent. */
export type Money = Readonly<Record<string, number>>

/** Counts of one window and slice: sufficient for every ratio of METRICS "Growth". */
export interface GrowthCounts {
  readonly active_users: number
  readonly new_users: number
  readonly inviters: number
  readonly sharers: number
  readonly spreaders: number
  readonly invites_sent: number
  readonly shares: number
  readonly via_invite: number
  readonly via_code: number
  readonly via_share: number
  readonly via_referrer: number
  readonly revenue: Money
  readonly referred_revenue: Money
}

/** Sufficient statistics of K over one window (METRICS "K and its interval"); whole workspace only. */
export interface KStatistics {
  /** Referred signups inside the window: the same as the sum of via_*. */
  readonly credits: number
  /** Sum over people of (credits in the window)^2. */
  readonly credits_squared: number
  /** People of the dispersion: arrived within the cohort, or credited in the window. */
  readonly people: number
  /** Usable cycle times behind the delay distribution G. */
  readonly cycles: number
  /** L, expected referred signups per unit of K; null when G has no delay left or fewer than 30 cycles. */
  readonly exposure: number | null
}

/** One published window: the whole workspace (`dimension` '') or one value of a dimension ('' = without the field). */
export interface GrowthRow {
  readonly workspace: string
  readonly window: string
  readonly dimension: Dimension | ''
  readonly value: string
  readonly end_ms: number
  readonly final: boolean
  /** Grows with the log position that the row reflects; the highest of a key counts. */
  readonly version: number
  readonly watermark_ms: number
  readonly counts: GrowthCounts
  readonly k: KStatistics | null
}

/** A final number that changed after it was published. */
export interface RestatementRow {
  readonly workspace: string
  readonly window: string
  readonly end_ms: number
  readonly metric: string
  readonly before: number | null
  readonly after: number | null
  /** `late_event`, `import:ID`, or the name of a replay (replay-name.ts). */
  readonly cause: string
  /** When it was found, by the newest receipt of the workspace's events. */
  readonly restated_ms: number
  readonly version: number
}

/** What is known of one actor: when it arrived and who brought it. */
export interface PersonRow {
  readonly workspace: string
  readonly actor_id: string
  /** Dense number of the actor within the workspace; stable. */
  readonly actor: number
  /** First share, sent invite or conversion. Null for somebody who was only ever credited. */
  readonly first_activity_ms: number | null
  /** The counted signup. */
  readonly signup_ms: number | null
  readonly signup_event_id: string
  /** Who the counted signup is credited to; '' when nobody. */
  readonly referrer_id: string
  readonly via: CauseKind | ''
  readonly channel: string
  readonly campaign: string
  readonly variant: string
  readonly version: number
}

/** A raw event with its place in the log and what admission found. */
export interface AdmittedEvent {
  readonly record: EventRecord
  readonly partition: number
  readonly offset: number
  /** Dense number of the actor; 0 for RUM events without one and for `tracked` ones (numbers start at 1). */
  readonly actor: number
  readonly late: boolean
}

export interface QuarantinedRow {
  readonly record: QuarantinedRecord
  readonly partition: number
  readonly offset: number
}

/** What became of a quarantined event. */
export interface SettledRow {
  readonly record: QuarantineSettledRecord
  readonly partition: number
  readonly offset: number
}

/** The end of a rebuild: the rows that were staged take the place of the ones that stand, all at once. */
export interface RebuiltWorkspace {
  readonly workspace: string
  readonly version: number
  /** Whether the windows of the workspace were rebuilt too, and not only people: then those older than the version are empty now. */
  readonly isHome: boolean
  /** Why: `import:ID`, or the name of a replay. */
  readonly cause: string
  /** The newest receipt of the workspace's events, epoch ms. */
  readonly atMs: number
}

/** All that one commit of the processors writes. `token` is the same when the same commit is tried again. */
export interface CommitBatch {
  readonly token: string
  readonly version: number
  readonly events: readonly AdmittedEvent[]
  readonly quarantined: readonly QuarantinedRow[]
  readonly people: readonly PersonRow[]
  readonly growth: readonly GrowthRow[]
  readonly restatements: readonly RestatementRow[]
  readonly settled?: readonly SettledRow[]
  /** Rows of a rebuild: made beside the tables, unseen, until the batch with `rebuilt`. `part` counts from 1; 1 begins anew. */
  readonly staged?: { readonly id: string; readonly part: number }
  readonly rebuilt?: RebuiltWorkspace
}
