import { lazy, Suspense } from 'react'
import { ApiProblem } from '../api/growth-client.ts'
import { useSeries } from '../api/growth-queries.ts'
import { DefinitionTerm } from '../components/definition-term.tsx'
import { DEFINITIONS } from '../components/definitions.ts'
import { formatInstant, formatNumber, type NumberStyle } from '../components/number-format.ts'
import { ProblemNotice } from '../components/problem-notice.tsx'
import { SegmentedSwitch } from '../components/segmented-switch.tsx'
import type { GrowthResponse, SeriesResponse } from '../../schemas/growth-api.ts'
import { SERIES_CHOICES, type OverviewView, type SeriesChoice } from './view-parameters.ts'
import { chartPoints, type ChartPoint, SERIES_SPANS } from './series-window.ts'
import './growth-series.css'

/** Recharts is half of all script: it loads beside the numbers, not before them. */
const SeriesChart = lazy(async () => ({ default: (await import('./series-chart.tsx')).SeriesChart }))

const STYLES: Readonly<Record<SeriesChoice, NumberStyle>> = {
  k_factor: 'factor',
  viral_coefficient: 'factor',
  referral_rate: 'percent',
  referred_signups: 'count',
  active_users: 'count',
}

interface GrowthSeriesProps {
  readonly growth: GrowthResponse
  readonly view: OverviewView
  readonly onChange: (series: SeriesChoice) => void
}

/** One number over time, its last point live. */
export function GrowthSeries({ growth, view, onChange }: GrowthSeriesProps) {
  const metric = view.series
  const { step, stepMs, spanMs, words } = SERIES_SPANS[view.window]
  // Ends are multiples of the step, so that the series is read again once a step; the point of now is live.
  const toMs = Math.floor(Date.parse(growth.at ?? '') / stepMs) * stepMs
  const stored = useSeries(
    growth.window !== view.window || Number.isNaN(toMs)
      ? undefined
      : {
          metric,
          window: view.window,
          step,
          from: new Date(toMs - spanMs).toISOString(),
          to: new Date(toMs).toISOString(),
          workspace: view.workspace,
        },
  )
  const points = stored.data ? chartPoints(stored.data.points, livePoint(growth, metric)) : []
  return (
    <section className="card series" aria-labelledby="series-title">
      <div className="card-head">
        <div>
          <h2 id="series-title">
            <DefinitionTerm name={metric} /> over time
          </h2>
          <p className="card-note">
            Each point is a window of {view.window}: {words}
          </p>
        </div>
        <div className="series-switch">
          <SegmentedSwitch
            label="Number shown over time"
            options={SERIES_CHOICES.map((value) => ({ value, label: DEFINITIONS[value].label }))}
            value={metric}
            onChange={onChange}
          />
        </div>
      </div>
      {stored.error && !stored.data ? (
        <div className="series-problem">
          <ProblemNotice
            title={stored.error instanceof ApiProblem ? stored.error.title : 'The series can not be shown'}
            help={stored.error.message}
            action={{ label: 'Try again', run: () => void stored.refetch() }}
          />
        </div>
      ) : (
        <SeriesFigure metric={metric} points={points} isLoading={!stored.data} />
      )}
    </section>
  )
}

function livePoint(growth: GrowthResponse, metric: SeriesChoice): SeriesResponse['points'][number] | undefined {
  if (growth.at === null) return undefined
  const { at, metrics } = growth
  if (metric !== 'k_factor') return { at, value: metrics[metric].value }
  const { value, lower_overdispersed: lower, upper_overdispersed: upper } = metrics.k_factor
  return { at, value, lower, upper }
}

interface SeriesFigureProps {
  readonly metric: SeriesChoice
  readonly points: readonly ChartPoint[]
  readonly isLoading: boolean
}

function SeriesFigure({ metric, points, isLoading }: SeriesFigureProps) {
  const style = STYLES[metric]
  const label = `${DEFINITIONS[metric].label} over time`
  const known = points.filter((point) => point.value !== null)
  if (!isLoading && known.length < 2) {
    return (
      <div className="series-plot series-waiting">
        <p>{known.length === 0 ? 'There is no number to draw yet.' : 'The line begins with the next point.'}</p>
      </div>
    )
  }
  const skeleton = <div className="series-plot skeleton-block" role="status" aria-label="Loading the series" />
  return (
    <figure className="series-figure">
      <div className="series-plot">
        {isLoading ? (
          skeleton
        ) : (
          <Suspense fallback={skeleton}>
            <SeriesChart points={points} label={label} style={style} withUnity={metric === 'k_factor'} />
          </Suspense>
        )}
      </div>
      {isLoading ? null : <SeriesTable points={points} style={style} label={label} />}
    </figure>
  )
}

/** The same as text: a sentence for screen readers, and every point in a table for whoever opens it. */
function SeriesTable({
  points,
  style,
  label,
}: {
  readonly points: readonly ChartPoint[]
  readonly style: NumberStyle
  readonly label: string
}) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]))
  const nowMs = points.at(-1)?.atMs ?? 0
  const withBand = points.some(({ band }) => band !== null)
  return (
    <figcaption>
      <p className="visually-hidden">
        {label}, {points.length} points from {formatInstant(points[0]?.atMs ?? 0, nowMs)} to {formatInstant(nowMs, nowMs)}: lowest{' '}
        {formatNumber(Math.min(...values), style)}, highest {formatNumber(Math.max(...values), style)}, newest{' '}
        {formatNumber(values.at(-1), style)}.
      </p>
      <details className="series-details">
        <summary>Show as table</summary>
        {/* What scrolls must be reachable by keyboard: axe's scrollable-region-focusable. */}
        <div className="series-table" role="region" aria-label={`${label} as a table`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Window ends</th>
                <th scope="col">Value</th>
                {withBand ? <th scope="col">95% interval</th> : null}
              </tr>
            </thead>
            <tbody>
              {points.toReversed().map(({ atMs, value, band }) => (
                <tr key={atMs}>
                  <th scope="row">{formatInstant(atMs, nowMs)}</th>
                  <td>{formatNumber(value, style)}</td>
                  {withBand ? <td>{band === null ? '–' : `${formatNumber(band[0], style)} – ${formatNumber(band[1], style)}`}</td> : null}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figcaption>
  )
}
