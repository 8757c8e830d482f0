/** `/v1/growth`: published where that is the very window asked for, else computed. */
import { deriveGrowthMetrics, deriveSliceMetrics, EMPTY_COUNTS, kContribution, referredSignups } from '../../metrics/derive-growth.ts'
import type { BreakdownRow, GrowthMetrics, GrowthResponse } from '../../schemas/growth-api.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthRow, KStatistics } from '../../schemas/records.ts'
import { LIVE_WINDOWS, type LiveWindow } from '../../schemas/windows.ts'
import { readPublishedWindow, type PublishedWindow } from '../queries/growth-published.ts'
import {
  bySize,
  type GrowthFilter,
  type GrowthOfWindow,
  type GrowthSlice,
  type GrowthWindow,
  readGrowthBreakdown,
  readGrowthCounts,
  SLICES_MAX,
} from '../queries/growth-window.ts'
import { readKStatistics } from '../queries/k-statistics.ts'
import { readWatermarkMs } from '../queries/workspace-facts.ts'
import type { ReadRunning } from './growth-running.ts'

export const NONE_LABEL = '(none)'
export const OTHER_LABEL = '(other)'
export const EMPTY_K: KStatistics = Object.freeze({ credits: 0, credits_squared: 0, people: 0, cycles: 0, exposure: null })

export interface GrowthRequest {
  readonly window: string
  readonly lengthMs: number
  /** End of the window; undefined for the running one. */
  readonly atMs: number | undefined
  readonly by: Dimension | undefined
  readonly filter: GrowthFilter
}

/** The live window of this length and name, if there is one. */
export function liveWindowOf(lengthMs: number): LiveWindow | undefined {
  return LIVE_WINDOWS.find((window) => window.lengthMs === lengthMs)
}

/** Panes of a window that is not kept live: those of the shortest live window that is at least as long. */
function paneMsOf(lengthMs: number): number {
  return (LIVE_WINDOWS.find((window) => window.lengthMs >= lengthMs) ?? LIVE_WINDOWS[LIVE_WINDOWS.length - 1] ?? LIVE_WINDOWS[0]).paneMs
}

/** Rows of a breakdown, largest first, `(other)` last. `k.credits` are the referred signups of the whole workspace. */
export function breakdownRows(by: Dimension, slices: readonly GrowthSlice[], metrics: GrowthMetrics, k: KStatistics): BreakdownRow[] {
  const kept = slices.filter((slice) => !slice.isOther).sort(bySize)
  return [...kept, ...slices.filter((slice) => slice.isOther)].map((slice) => ({
    [by]: slice.isOther ? OTHER_LABEL : slice.value === '' ? NONE_LABEL : slice.value,
    metrics: {
      ...deriveSliceMetrics(slice.counts),
      k_contribution: kContribution(metrics.k_factor.value, referredSignups(slice.counts), k.credits),
    },
  }))
}

const asInstant = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

/** The answer that a published window stands for. */
export function publishedAnswer(window: string, published: PublishedWindow, by: Dimension | undefined): GrowthResponse {
  const { whole } = published
  const k = whole.k ?? EMPTY_K
  const metrics = deriveGrowthMetrics(whole.counts, k)
  const slices = published.slices.map((row: GrowthRow) => ({ value: row.value, isOther: false, counts: row.counts }))
  return {
    window,
    at: asInstant(whole.end_ms),
    final: whole.final,
    watermark: asInstant(whole.watermark_ms),
    metrics,
    rows: by === undefined ? [] : breakdownRows(by, slices, metrics, k),
  }
}

/** The answer before the first event. */
export function emptyAnswer(window: string): GrowthResponse {
  return { window, at: null, final: false, watermark: null, metrics: deriveGrowthMetrics(EMPTY_COUNTS, EMPTY_K), rows: [] }
}

/** A published breakdown leaves out what is beyond the largest values, so a full one can not tell the rest. */
function isWholeBreakdown(published: PublishedWindow, by: Dimension | undefined): boolean {
  return by === undefined || published.slices.length < SLICES_MAX
}

async function wholeOf(reader: WarehouseReader, workspace: string, window: GrowthWindow): Promise<GrowthOfWindow> {
  return { counts: await readGrowthCounts(reader, workspace, window), slices: [] }
}

async function computedAnswer(reader: WarehouseReader, workspace: string, request: GrowthRequest, endMs: number): Promise<GrowthResponse> {
  const { window, lengthMs, by, filter } = request
  const asked = { endMs, lengthMs, filter }
  const [watermarkMs, k, { counts, slices }] = await Promise.all([
    readWatermarkMs(reader, workspace),
    readKStatistics(reader, workspace, endMs, lengthMs),
    by === undefined ? wholeOf(reader, workspace, asked) : readGrowthBreakdown(reader, workspace, asked, by),
  ])
  const metrics = deriveGrowthMetrics(counts, k)
  return {
    window,
    at: asInstant(endMs),
    final: watermarkMs !== null && endMs <= watermarkMs,
    watermark: asInstant(watermarkMs),
    metrics,
    rows: by === undefined ? [] : breakdownRows(by, slices, metrics, k),
  }
}

/** Every growth number of a window (CONTRACT `/v1/growth`). Rejects with `WarehouseUnavailableError`. */
export async function growthAnswer(
  reader: WarehouseReader,
  readRunning: ReadRunning,
  workspace: string,
  request: GrowthRequest,
): Promise<GrowthResponse> {
  const live = liveWindowOf(request.lengthMs)
  const isFiltered = Object.keys(request.filter).length > 0
  if (request.atMs !== undefined) {
    if (live !== undefined && !isFiltered && request.atMs % live.paneMs === 0) {
      const published = await readPublishedWindow(reader, workspace, live.name, request.atMs, request.by)
      if (published?.whole.final && isWholeBreakdown(published, request.by)) return publishedAnswer(request.window, published, request.by)
    }
    return computedAnswer(reader, workspace, request, request.atMs)
  }
  // The shortest live window has the finest panes: the end of any other running window follows from its end.
  const running = await readRunning(workspace, live?.name ?? LIVE_WINDOWS[0].name, request.by)
  if (running === undefined) return emptyAnswer(request.window)
  if (live !== undefined && !isFiltered && isWholeBreakdown(running, request.by))
    return publishedAnswer(request.window, running, request.by)
  const paneMs = live?.paneMs ?? paneMsOf(request.lengthMs)
  return computedAnswer(reader, workspace, request, Math.ceil(running.whole.end_ms / paneMs) * paneMs)
}
