/** Which points the series shows for a window, and where its axis has ticks. Pure. */
import { DAY_MS, HOUR_MS, type LiveWindowName, MINUTE_MS } from '../../schemas/windows.ts'
import type { SeriesResponse } from '../../schemas/growth-api.ts'

interface SeriesSpan {
  readonly step: string
  readonly stepMs: number
  readonly spanMs: number
  readonly words: string
}

/** Steps are whole panes of the window (schemas/windows.ts), so that each point is a published window. */
export const SERIES_SPANS: Readonly<Record<LiveWindowName, SeriesSpan>> = {
  '1h': { step: '5m', stepMs: 5 * MINUTE_MS, spanMs: 12 * HOUR_MS, words: '12 hours, every 5 minutes' },
  '24h': { step: '1h', stepMs: HOUR_MS, spanMs: 7 * DAY_MS, words: '7 days, every hour' },
  '7d': { step: '6h', stepMs: 6 * HOUR_MS, spanMs: 30 * DAY_MS, words: '30 days, every 6 hours' },
  '30d': { step: '1d', stepMs: DAY_MS, spanMs: 90 * DAY_MS, words: '90 days, every day' },
}

export interface ChartPoint {
  readonly atMs: number
  readonly value: number | null
  /** Lower and upper end of the interval; null without one. */
  readonly band: readonly [number, number] | null
}

type SeriesPoint = SeriesResponse['points'][number]

/**
 * Points as the chart wants them: the live value in place of (or after) what was stored for the same end, and the time
 * before anything happened left out.
 */
export function chartPoints(stored: readonly SeriesPoint[], live: SeriesPoint | undefined): ChartPoint[] {
  const liveMs = live === undefined ? Number.NaN : Date.parse(live.at)
  const points = stored
    .filter((point) => !(Date.parse(point.at) >= liveMs))
    .concat(live === undefined ? [] : [live])
    .map(({ at, value, lower, upper }): ChartPoint => {
      const band = lower === null || lower === undefined || upper === null || upper === undefined ? null : ([lower, upper] as const)
      return { atMs: Date.parse(at), value, band }
    })
  const first = points.findIndex(({ value }) => value !== null && value !== 0)
  return first === -1 ? [] : points.slice(first)
}

const TICK_STEPS_MS = [
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
  2 * DAY_MS,
  5 * DAY_MS,
  7 * DAY_MS,
  14 * DAY_MS,
  30 * DAY_MS,
]

/** Round instants by the reader's clock between two instants, at most `most` of them. */
export function timeTicks(fromMs: number, toMs: number, most: number): number[] {
  const spanMs = toMs - fromMs
  const stepMs = TICK_STEPS_MS.find((candidate) => spanMs / candidate <= most) ?? (TICK_STEPS_MS.at(-1) as number)
  const zoneMs = new Date(toMs).getTimezoneOffset() * MINUTE_MS
  const ticks: number[] = []
  for (let local = Math.ceil((fromMs - zoneMs) / stepMs) * stepMs; local + zoneMs <= toMs; local += stepMs) ticks.push(local + zoneMs)
  return ticks
}
