/** Columns of the pane grids: one integer per measure, pane end and slice. */
import { LIVE_WINDOWS, MINUTE_MS } from '../../schemas/windows.ts'

export const MEASURES = [
  'active_users',
  'inviters',
  'sharers',
  'spreaders',
  'shares',
  'invites_sent',
  'new_users',
  'via_invite',
  'via_code',
  'via_share',
  'via_referrer',
] as const
export type Measure = (typeof MEASURES)[number]

export const MEASURE = Object.fromEntries(MEASURES.map((name, index) => [name, index])) as Record<Measure, number>

/** Whole-workspace sums behind the dispersion of K. */
export const DISPERSION = { credits_squared: 0, credited_outside_cohort: 1 } as const
export const DISPERSION_WIDTH = 2

/** Money columns, per currency. */
export const MONEY = { revenue: 0, referred_revenue: 1 } as const
export const MONEY_WIDTH = 2

/** A live window in panes: an event of pane p is in the windows that end at p, p + 1, ..., p + panes - 1. */
export interface PaneWindow {
  readonly index: number
  readonly name: string
  readonly lengthMs: number
  readonly paneMs: number
  readonly paneMinutes: number
  readonly panes: number
}

export const PANE_WINDOWS: readonly PaneWindow[] = LIVE_WINDOWS.map(({ name, lengthMs, paneMs }, index) => ({
  index,
  name,
  lengthMs,
  paneMs,
  paneMinutes: paneMs / MINUTE_MS,
  panes: lengthMs / paneMs,
}))

/** The pane that holds an instant: panes are `(end - length, end]` and are numbered by their end. */
export function paneOfMs(atMs: number, paneMs: number): number {
  return Math.ceil(atMs / paneMs)
}

/** The coarser pane that holds a minute pane. */
export function paneOfMinute(minute: number, paneMinutes: number): number {
  return Math.ceil(minute / paneMinutes)
}
