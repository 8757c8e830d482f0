import { formatNumber } from '../components/number-format.ts'
import './k-scale.css'

/** Half-widths of the scale around 1, as factors; the smallest that holds the interval is drawn, so that it rarely jumps. */
const REACHES = [2.5, 6, 12, 40, 200, 2_000]
const TICKS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20, 100, 1_000]
/** Ticks closer to an end than this part of the scale have no room for their number. */
const TICK_MARGIN = 0.03

interface KScaleProps {
  readonly value: number
  readonly lower: number
  readonly upper: number
}

/** K and its interval as a dot and a band on a logarithmic scale around 1: half is as far from 1 as double. */
export function KScale({ value, lower, upper }: KScaleProps) {
  const furthest = Math.max(upper, 1 / Math.max(lower, 1e-6))
  const reach = REACHES.find((candidate) => candidate >= furthest) ?? (REACHES.at(-1) as number)
  const position = (k: number) => Math.min(1, Math.max(0, (Math.log(k) / Math.log(reach) + 1) / 2))
  const percentOf = (k: number) => `${(100 * position(k)).toFixed(3)}%`
  const ticks = TICKS.filter((tick) => position(tick) > TICK_MARGIN && position(tick) < 1 - TICK_MARGIN)
  return (
    <div
      className="k-scale"
      role="img"
      aria-label={`K ${formatNumber(value, 'factor')}, 95% interval ${formatNumber(lower, 'factor')} to ${formatNumber(upper, 'factor')}, on a scale around 1`}
    >
      <div className="k-scale-sides" aria-hidden="true">
        <span>needs other sources</span>
        <span>feeds itself</span>
      </div>
      <div className="k-scale-track" aria-hidden="true">
        <div className="k-scale-beyond" />
        <div className="k-scale-one" />
        <div className="k-scale-band" style={{ left: percentOf(lower), right: `${(100 - 100 * position(upper)).toFixed(3)}%` }} />
        <div className="k-scale-dot" style={{ left: percentOf(value) }} />
      </div>
      <div className="k-scale-ticks" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: percentOf(tick) }} data-one={tick === 1 || undefined}>
            {tick}
          </span>
        ))}
      </div>
    </div>
  )
}
