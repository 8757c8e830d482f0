/** What both recomputations answer: the numbers of one window as of its end. */
import type { Dimension, GrowthCounts, KStatistics } from '../schemas/records.ts'

/** `(endMs - lengthMs, endMs]` over `occurred_at`; `lengthMs` is whole minutes. */
export interface WindowSpec {
  readonly endMs: number
  readonly lengthMs: number
}

/** The whole workspace. */
export interface WholeNumbers {
  readonly counts: GrowthCounts
  readonly k: KStatistics
}

/** One value of a dimension that something of the window belongs to; '' is `(none)`. */
export interface SliceNumbers {
  readonly dimension: Dimension
  readonly value: string
  readonly counts: GrowthCounts
}

export interface WindowNumbers {
  readonly whole: WholeNumbers
  readonly slices: readonly SliceNumbers[]
}

/** Counts of a slice in which nothing happened. */
export const NO_COUNTS: GrowthCounts = {
  active_users: 0,
  new_users: 0,
  inviters: 0,
  sharers: 0,
  spreaders: 0,
  invites_sent: 0,
  shares: 0,
  via_invite: 0,
  via_code: 0,
  via_share: 0,
  via_referrer: 0,
  revenue: {},
  referred_revenue: {},
}
