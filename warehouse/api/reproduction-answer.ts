/** `/v1/growth/reproduction`: the reproduction number by step, over arrivals of all history. */
import { discretisedGamma, type GenerationIntervalOutcome, measuredInterval, observedDelays } from '../../metrics/generation-interval.ts'
import { reproductionNumber, type StepArrivals, type StepWindow } from '../../metrics/reproduction-number.ts'
import { RequestError } from '../../schemas/errors.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { REPRODUCTION_POINTS_MAX, REPRODUCTION_STEPS_MAX, type ReproductionResponse } from '../../schemas/reproduction-api.ts'
import { MINUTE_MS } from '../../schemas/windows.ts'
import { readCycleTimes } from '../queries/k-statistics.ts'
import { readStepArrivals } from '../queries/step-arrivals.ts'
import { readWatermarkMs } from '../queries/workspace-facts.ts'

export interface ReproductionRequest {
  readonly step: string
  readonly stepMs: number
  /** Steps of the window behind a point. */
  readonly tau: number
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  /** In steps; undefined for the measured interval. */
  readonly interval: { readonly mean: number; readonly sd: number } | undefined
  readonly prior: { readonly mean: number; readonly sd: number }
}

/** Points without `from`. */
const DEFAULT_POINTS = 90

/** Throws `RequestError` for too many points or steps; rejects with `WarehouseUnavailableError`. */
export async function reproductionAnswer(
  reader: WarehouseReader,
  workspace: string,
  request: ReproductionRequest,
): Promise<ReproductionResponse> {
  const { step, stepMs, tau, prior } = request
  const ends = endsOf(request, await readWatermarkMs(reader, workspace))
  const endMs = ends.at(-1)
  if (endMs === undefined) return { step, tau, interval: null, points: [] }
  const arrivals = await readStepArrivals(reader, workspace, { endMs, stepMs })
  const steps = arrivals.local.length
  if (steps > REPRODUCTION_STEPS_MAX)
    throw new RequestError(
      'parameter_invalid',
      `step: ${steps} steps since the first arrival, at most ${REPRODUCTION_STEPS_MAX}: take a larger step`,
    )
  const interval = await intervalOf(reader, workspace, request, endMs, steps)
  const windows = ends.map((atMs): StepWindow => {
    const to = steps - (endMs - atMs) / stepMs
    return { from: to - tau, to }
  })
  // A window that begins before the first arrival begins with it: nobody came earlier.
  const known = windows.map(({ from, to }) => ({ from: Math.max(0, from), to })).filter(({ to }) => to > 0)
  const outcomes =
    'reason' in interval ? known.map((window) => ({ ...window, ...interval })) : reproductionNumber(arrivals, interval, known, prior)
  const byEnd = new Map(outcomes.map((outcome) => [outcome.to, outcome]))
  const points = windows.map(({ from, to }, index) => {
    const counts = { local: sumOf(arrivals.local, from, to), imported: sumOf(arrivals.imported, from, to) }
    const at = new Date(ends[index] as number).toISOString()
    const outcome = byEnd.get(to) ?? { reason: 'no_earlier_step' as const }
    if ('reason' in outcome) return { at, mean: null, median: null, lower: null, upper: null, ...counts, reason: outcome.reason }
    const { mean, median, lower95: lower, upper95: upper } = outcome
    return { at, mean, median, lower, upper, ...counts }
  })
  const kind = request.interval === undefined ? 'measured' : 'given'
  return { step, tau, interval: 'reason' in interval ? null : { kind, mean: interval.meanSteps }, points }
}

/** Ends of the windows, a step apart: from `from`, or on whole steps of UTC, up to `to` or what is final. */
function endsOf({ stepMs, fromMs, toMs }: ReproductionRequest, watermarkMs: number | null): number[] {
  const untilMs = toMs ?? watermarkMs
  if (untilMs === null) return []
  const lastMs = fromMs === undefined ? Math.floor(untilMs / stepMs) * stepMs : fromMs + Math.floor((untilMs - fromMs) / stepMs) * stepMs
  const count = fromMs === undefined ? DEFAULT_POINTS : Math.max(0, Math.round((lastMs - fromMs) / stepMs))
  if (count > REPRODUCTION_POINTS_MAX)
    throw new RequestError(
      'parameter_invalid',
      `step: ${count} points, at most ${REPRODUCTION_POINTS_MAX}: take a larger step or a shorter range`,
    )
  return Array.from({ length: count }, (_, index) => lastMs - (count - 1 - index) * stepMs)
}

async function intervalOf(
  reader: WarehouseReader,
  workspace: string,
  { interval, stepMs }: ReproductionRequest,
  endMs: number,
  steps: number,
): Promise<GenerationIntervalOutcome> {
  if (interval !== undefined) return discretisedGamma(interval.mean, interval.sd, steps)
  const { cycleCounts, reachedBy } = await readCycleTimes(reader, workspace, endMs)
  return measuredInterval(observedDelays(cycleCounts, reachedBy), stepMs / MINUTE_MS)
}

function sumOf(counts: StepArrivals['local'], from: number, to: number): number {
  let sum = 0
  for (let step = Math.max(0, from); step < to; step += 1) sum += counts[step] as number
  return sum
}
