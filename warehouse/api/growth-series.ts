/** `/v1/growth/series`: one number over window ends, published where the ends are those of a live window, else computed. */
import { deriveGrowthMetrics, deriveSliceMetrics, EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { RequestError } from '../../schemas/errors.ts'
import { SERIES_POINTS_MAX, type GrowthMetrics, type SeriesResponse } from '../../schemas/growth-api.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { GrowthCounts, KStatistics } from '../../schemas/records.ts'
import { LIVE_WINDOWS } from '../../schemas/windows.ts'
import { readPublishedSeries } from '../queries/growth-published.ts'
import { readGrowthCounts } from '../queries/growth-window.ts'
import { readKStatistics } from '../queries/k-statistics.ts'
import { readActiveBuckets } from '../queries/workspace-facts.ts'
import { EMPTY_K, liveWindowOf } from './growth-answer.ts'
import type { ReadRunning } from './growth-running.ts'

export interface SeriesRequest {
  readonly metric: string
  readonly window: string
  readonly lengthMs: number
  readonly step: string
  readonly stepMs: number
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
}

/** Points of a series that is asked for without `from`. */
const DEFAULT_POINTS = 168
/** A computed point reads the raw events of its window, so a request gets fewer of them than of published ones. */
export const COMPUTED_POINTS_MAX = 300

type Point = SeriesResponse['points'][number]

/** Metrics that need the statistics of K. */
const isOfK = (metric: string) => metric === 'k_factor' || metric === 'amplification'

function pointOf(metric: string, atMs: number, counts: GrowthCounts, k: KStatistics): Point {
  const at = new Date(atMs).toISOString()
  const metrics: Partial<GrowthMetrics> = isOfK(metric) ? deriveGrowthMetrics(counts, k) : deriveSliceMetrics(counts)
  if (metric === 'k_factor') {
    const { value = null, lower_overdispersed: lower = null, upper_overdispersed: upper = null, reason } = metrics.k_factor ?? {}
    return { at, value, lower, upper, ...(reason === undefined ? {} : { reason }) }
  }
  const { value, reason } = metrics[metric as keyof GrowthMetrics] ?? {}
  return { at, value: typeof value === 'number' ? value : null, ...(reason === undefined ? {} : { reason }) }
}

/** Window ends of the series: multiples of the step since the epoch, so that the same step always gives the same ends. */
function windowEnds(stepMs: number, fromMs: number, toMs: number): number[] {
  const ends: number[] = []
  for (let end = Math.ceil(fromMs / stepMs) * stepMs; end <= toMs; end += stepMs) ends.push(end)
  return ends
}

function assertPoints(points: number, most: number, what: string): void {
  if (points <= most) return
  throw new RequestError('parameter_invalid', `step: ${points} ${what}, at most ${most}: take a larger step or a shorter range`)
}

/**
 * Points up to the end of the running window. `isAborted` is asked before each computed point, so that nobody computes for
 * somebody who has left. Throws `RequestError` for too many points; rejects with `WarehouseUnavailableError`.
 */
export async function growthSeries(
  reader: WarehouseReader,
  readRunning: ReadRunning,
  workspace: string,
  request: SeriesRequest,
  isAborted: () => boolean,
): Promise<SeriesResponse> {
  const { metric, window, lengthMs, step, stepMs } = request
  const answer = (points: Point[]): SeriesResponse => ({ metric, window, step, points })
  const live = liveWindowOf(lengthMs)
  const running = await readRunning(workspace, live?.name ?? LIVE_WINDOWS[0].name, undefined)
  if (running === undefined) return answer([])
  const toMs = Math.min(request.toMs ?? running.whole.end_ms, running.whole.end_ms)
  const fromMs = request.fromMs ?? toMs - (DEFAULT_POINTS - 1) * stepMs
  assertPoints(Math.floor((toMs - fromMs) / stepMs) + 1, SERIES_POINTS_MAX, 'points')
  const ends = windowEnds(stepMs, fromMs, toMs)
  const [firstEnd] = ends
  const lastEnd = ends.at(-1)
  if (firstEnd === undefined || lastEnd === undefined) return answer([])

  const points = new Map<number, Point>()
  if (live !== undefined && stepMs % live.paneMs === 0) {
    for (const row of await readPublishedSeries(reader, workspace, live.name, { fromMs: firstEnd, toMs: lastEnd, stepMs })) {
      points.set(row.end_ms, pointOf(metric, row.end_ms, row.counts, row.k ?? EMPTY_K))
    }
  }
  const missing = ends.filter((end) => !points.has(end))
  if (missing.length > 0) {
    const buckets = await readActiveBuckets(reader, workspace, { fromMs: firstEnd - lengthMs, toMs: lastEnd, bucketMs: stepMs })
    const isEmpty = emptyWindows(buckets, lengthMs, stepMs)
    assertPoints(missing.filter((end) => !isEmpty(end)).length, COMPUTED_POINTS_MAX, 'points would have to be computed')
    for (const end of missing) {
      if (isAborted()) return answer([])
      points.set(end, isEmpty(end) ? pointOf(metric, end, EMPTY_COUNTS, EMPTY_K) : await computedPoint(reader, workspace, request, end))
    }
  }
  return answer(ends.flatMap((end) => points.get(end) ?? []))
}

/** Whether nothing can have happened in the window that ends at `end`; ends are multiples of the bucket. */
function emptyWindows(buckets: ReadonlySet<number>, lengthMs: number, bucketMs: number): (end: number) => boolean {
  const ordered = Float64Array.from(buckets).sort()
  return (end) => {
    const first = Math.floor((end - lengthMs) / bucketMs)
    const last = end / bucketMs - 1
    let low = 0
    let high = ordered.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ordered[middle] as number) < first) low = middle + 1
      else high = middle
    }
    return low === ordered.length || (ordered[low] as number) > last
  }
}

async function computedPoint(reader: WarehouseReader, workspace: string, request: SeriesRequest, endMs: number): Promise<Point> {
  const { metric, lengthMs } = request
  // K needs no counts: its credits are the referred signups of the window.
  if (isOfK(metric)) return pointOf(metric, endMs, EMPTY_COUNTS, await readKStatistics(reader, workspace, endMs, lengthMs))
  return pointOf(metric, endMs, await readGrowthCounts(reader, workspace, { endMs, lengthMs }), EMPTY_K)
}
