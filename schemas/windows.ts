/** The four windows that are kept live, after METRICS "Time": event-time, `(end - length, end]`. */

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** Live windows and the length of their panes; a window ends only at the end of a pane. */
export const LIVE_WINDOWS = [
  { name: '1h', lengthMs: HOUR_MS, paneMs: MINUTE_MS },
  { name: '24h', lengthMs: DAY_MS, paneMs: 5 * MINUTE_MS },
  { name: '7d', lengthMs: 7 * DAY_MS, paneMs: HOUR_MS },
  { name: '30d', lengthMs: 30 * DAY_MS, paneMs: HOUR_MS },
] as const

export type LiveWindow = (typeof LIVE_WINDOWS)[number]
export type LiveWindowName = LiveWindow['name']

/** How far behind the watermark an event may be and still restate what it touches. */
export const ALLOWED_LATENESS_MS = 7 * DAY_MS
/** The watermark stays this far behind the newest event, so that neighbours may overtake one another. */
export const WATERMARK_DELAY_MS = 5_000
/** A partition whose newest `received_at` is this far behind the workspace's newest no longer holds the watermark back. */
export const PARTITION_IDLE_MS = 60_000
/** Client clocks that are off by more than this are corrected by `received_at - sent_at`. */
export const CLOCK_SKEW_TOLERANCE_MS = 5 * MINUTE_MS
/** `occurred_at` before this is a client that sends seconds for milliseconds. */
export const EARLIEST_OCCURRED_AT_MS = Date.UTC(2000, 0, 1)
/** `occurred_at` may lead `received_at` by at most this. */
export const LATEST_LEAD_MS = DAY_MS
/** An event id is an idempotency key for this long, by `received_at`, over HTTP. */
export const DEDUPE_HORIZON_MS = 7 * DAY_MS

const UNIT_MS = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const

/**
 * Length in ms of a window such as `90m`, `24h`, `7d`; undefined when it is not one.
 * Whole minutes only, because the delays behind K are counted in whole minutes.
 */
export function parseDurationMs(text: string): number | undefined {
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}
