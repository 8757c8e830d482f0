import { useEffect, useState } from 'react'
import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  type TooltipContentProps,
  XAxis,
  YAxis,
} from 'recharts'
import { formatInstant, formatNumber, formatTick, type NumberStyle } from '../components/number-format.ts'
import { type ChartPoint, timeTicks } from './series-window.ts'

/** Below this width there is room for fewer ticks, CSS px. */
const NARROW_QUERY = '(max-width: 720px)'

const AXIS_STYLES: Readonly<Record<NumberStyle, NumberStyle>> = {
  count: 'compact',
  factor: 'ratio',
  ratio: 'ratio',
  percent: 'compact-percent',
  compact: 'compact',
  'compact-percent': 'compact-percent',
}

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
  const unityTicks = withUnity ? ticksAroundOne(points) : undefined
  return (
    <ResponsiveContainer width="100%" height="100%" className="series-chart">
      <ComposedChart data={[...points]} margin={{ top: 8, right: 24, bottom: 0, left: 0 }} accessibilityLayer aria-label={label}>
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
          domain={[0, unityTicks?.at(-1) ?? 'auto']}
          allowDataOverflow={withUnity}
          {...(unityTicks ? { ticks: unityTicks } : {})}
          tickFormatter={(value: number) => formatNumber(value, AXIS_STYLES[style])}
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
        <Area
          dataKey="band"
          stroke="none"
          fill="var(--brand)"
          fillOpacity={0.18}
          isAnimationActive={false}
          activeDot={false}
          connectNulls={false}
        />
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

/** Ticks from 0, 1 among them where there is room. An interval may be very wide at the start: the axis ends at twice the highest value. */
function ticksAroundOne(points: readonly ChartPoint[]): number[] {
  const highestValue = Math.max(0, ...points.map(({ value }) => value ?? 0))
  const highestBand = Math.max(0, ...points.map(({ band }) => band?.[1] ?? 0))
  const top = Math.max(1.5, Math.min(highestBand, highestValue * 2))
  const unit = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].find((candidate) => top / candidate <= 5) ?? 1_000
  return Array.from({ length: Math.ceil(top / unit) + 1 }, (_, place) => place * unit)
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
          95% interval {formatNumber(point.band[0], numberStyle)} – {formatNumber(point.band[1], numberStyle)}
        </p>
      ) : null}
    </div>
  )
}
