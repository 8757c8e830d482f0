import { useEffect, useState } from 'react'
import { Area, CartesianGrid, ComposedChart, Line, ReferenceLine, ResponsiveContainer, Tooltip, type TooltipContentProps, XAxis, YAxis } from 'recharts'
import { formatInstant, formatNumber, formatTick, type NumberStyle } from '../components/number-format.ts'
import { type ChartPoint, timeTicks } from './series-window.ts'

/** Below this width there is room for fewer ticks, CSS px. */
const NARROW_QUERY = '(max-width: 720px)'

interface SeriesChartProps {
  readonly points: readonly ChartPoint[]
  readonly label: string
  readonly style: NumberStyle
  /** Draws the line at 1, where growth begins to feed itself, and keeps it in sight. */
  readonly withUnity: boolean
}

function useIsNarrow(): boolean {
  const [isNarrow, setIsNarrow] = useState(() => window.matchMedia(NARROW_QUERY).matches)
  useEffect(() => {
    const query = window.matchMedia(NARROW_QUERY)
    const follow = () => setIsNarrow(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  return isNarrow
}

/** The line of a number with its interval as a band. */
export function SeriesChart({ points, label, style, withUnity }: SeriesChartProps) {
  const isNarrow = useIsNarrow()
  const fromMs = points[0]?.atMs ?? 0
  const toMs = points.at(-1)?.atMs ?? 0
  const axisStyle: NumberStyle = style === 'factor' ? 'ratio' : style === 'count' ? 'compact' : style
  const top = yTop(points, withUnity)
  return (
    <ResponsiveContainer width="100%" height="100%" className="series-chart">
      <ComposedChart data={[...points]} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer title={label}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="atMs"
          type="number"
          scale="time"
          domain={['dataMin', 'dataMax']}
          ticks={timeTicks(fromMs, toMs, isNarrow ? 4 : 8)}
          tickFormatter={(atMs: number) => formatTick(atMs, toMs - fromMs)}
          tickLine={false}
          axisLine={{ stroke: 'var(--line-strong)' }}
          tickMargin={8}
          height={30}
          minTickGap={16}
        />
        <YAxis
          domain={[0, top]}
          allowDataOverflow
          tickFormatter={(value: number) => formatNumber(value, axisStyle)}
          tickLine={false}
          axisLine={false}
          width={isNarrow ? 46 : 54}
          tickCount={5}
        />
        {withUnity ? (
          <ReferenceLine
            y={1}
            stroke="var(--ink-2)"
            strokeDasharray="4 4"
            label={{ value: 'feeds itself above 1', position: 'insideBottomLeft', className: 'series-unity-label' }}
          />
        ) : null}
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: 'var(--line-strong)' }}
          content={(properties) => <SeriesTip {...properties} numberStyle={style} nowMs={toMs} />}
        />
        <Area dataKey="band" stroke="none" fill="var(--brand)" fillOpacity={0.18} isAnimationActive={false} activeDot={false} connectNulls={false} />
        <Line
          dataKey="value"
          type="linear"
          stroke="var(--brand)"
          strokeWidth={2}
          dot={false}
          activeDot={{ r: 4, fill: 'var(--brand)', stroke: 'var(--surface)', strokeWidth: 2 }}
          isAnimationActive={false}
          connectNulls={false}
        />
      </ComposedChart>
    </ResponsiveContainer>
  )
}

/** Upper end of the axis. An interval may be very wide at the start: it is cut off at twice the highest value. */
function yTop(points: readonly ChartPoint[], withUnity: boolean): number | 'auto' {
  if (!withUnity) return 'auto'
  const highestValue = Math.max(0, ...points.map(({ value }) => value ?? 0))
  const highestBand = Math.max(0, ...points.map(({ band }) => band?.[1] ?? 0))
  const wanted = Math.max(1.2, Math.min(highestBand * 1.05, highestValue * 2))
  const unit = wanted <= 2 ? 0.4 : wanted <= 6 ? 1 : 10 ** Math.floor(Math.log10(wanted))
  return Math.ceil(wanted / unit) * unit
}

interface SeriesTipProps extends Pick<TooltipContentProps, 'active' | 'payload'> {
  readonly numberStyle: NumberStyle
  readonly nowMs: number
}

function SeriesTip({ active, payload, numberStyle, nowMs }: SeriesTipProps) {
  const point = payload?.[0]?.payload as ChartPoint | undefined
  if (!active || !point) return null
  return (
    <div className="series-tip">
      <p>window to {formatInstant(point.atMs, nowMs)}</p>
      <strong>{formatNumber(point.value, numberStyle)}</strong>
      {point.band ? (
        <p>
          95 % interval {formatNumber(point.band[0], numberStyle)} – {formatNumber(point.band[1], numberStyle)}
        </p>
      ) : null}
    </div>
  )
}
