import { useEffect, useState } from 'react'
import type { LiveState } from '../api/live-stream.ts'
import { useGrowthClient } from '../api/growth-client-context.ts'
import { formatAge, formatClock, formatInstant } from './number-format.ts'
import './freshness-badge.css'

/** A watermark further back than this, while events are live, says that the processors lag. */
const LAG_STALE_MS = 2 * 60_000
/** Further back than this it is history that was imported: nothing live has come in, and nothing lags. */
const HISTORY_MS = 7 * 24 * 3_600_000

interface FreshnessBadgeProps {
  readonly live: LiveState
  /** When the numbers shown came in, by this client's clock; 0 before any. */
  readonly updatedAtMs: number
  /** Watermark of the numbers shown, RFC 3339. */
  readonly watermark: string | null
}

/** How fresh the numbers are: state dot, time of the newest numbers, watermark and how far it is behind. */
export function FreshnessBadge({ live, updatedAtMs, watermark }: FreshnessBadgeProps) {
  const client = useGrowthClient()
  const [nowMs, setNowMs] = useState(() => client.nowMs())
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(client.nowMs()), 1_000)
    return () => window.clearInterval(timer)
  }, [client])
  const watermarkMs = watermark === null ? undefined : Date.parse(watermark)
  const lagMs = watermarkMs === undefined ? undefined : Math.max(0, nowMs - watermarkMs)
  const isHistory = lagMs !== undefined && lagMs > HISTORY_MS
  const lags = lagMs !== undefined && lagMs > LAG_STALE_MS && !isHistory
  const state = live.connection === 'live' && lags ? 'stale' : live.connection
  const words = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', stale: 'Stale' }[state]
  return (
    <p className="freshness" data-state={state}>
      <span className="freshness-state" role="status">
        <span className="freshness-dot" aria-hidden="true" />
        {words}
      </span>
      {updatedAtMs === 0 ? null : (
        <span className="freshness-detail">
          numbers as of <time dateTime={new Date(updatedAtMs).toISOString()}>{formatClock(updatedAtMs)}</time>
          {watermarkMs === undefined || lagMs === undefined ? null : (
            <span title="All events that happened before the watermark are in the numbers">
              {isHistory ? `, history up to ${formatInstant(watermarkMs, nowMs)}` : `, watermark ${formatAge(lagMs)} behind`}
            </span>
          )}
        </span>
      )}
    </p>
  )
}
