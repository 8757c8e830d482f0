/** The one EventSource of the page: `/v1/live`, event `growth`, into the query cache. */
import type { QueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { GrowthResponse, LiveGrowth } from '../../schemas/growth-api.ts'
import { withParameters } from './growth-client.ts'
import { fresherOf } from './growth-freshness.ts'
import { growthKey } from './growth-queries.ts'

export type Connection = 'connecting' | 'live' | 'reconnecting' | 'stale'

export interface LiveState {
  readonly connection: Connection
  /** Watermark of the newest live message, RFC 3339; null before one. */
  readonly watermark: string | null
}

/** Away for this long, the numbers on the page are called stale. */
const STALE_AFTER_MS = 30_000
/** EventSource gives up on an answer that is not a stream; then the page tries again itself. */
const REOPEN_MS = 3_000

function parseLive(data: unknown): LiveGrowth | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const parsed = JSON.parse(data) as LiveGrowth
    return Array.isArray(parsed.windows) ? parsed : undefined
  } catch {
    return undefined
  }
}

/**
 * Follows the workspace while the component is mounted. While the connection breaks and comes back EventSource resumes by
 * Last-Event-ID; after a reconnect everything shown is also read again.
 */
export function useLiveStream(queryClient: QueryClient, workspace: string | undefined): LiveState {
  const [state, setState] = useState<LiveState>({ connection: 'connecting', watermark: null })
  useEffect(() => {
    let source: EventSource | undefined
    let reopenTimer: number | undefined
    let staleTimer: number | undefined
    let wasOpen = false
    const setConnection = (connection: Connection) =>
      setState((before) => (before.connection === connection ? before : { ...before, connection }))

    const onOpen = () => {
      window.clearTimeout(staleTimer)
      staleTimer = undefined
      setConnection('live')
      if (wasOpen) void queryClient.invalidateQueries()
      wasOpen = true
    }
    const onError = () => {
      setState((before) => (before.connection === 'stale' ? before : { ...before, connection: 'reconnecting' }))
      staleTimer ??= window.setTimeout(() => setConnection('stale'), STALE_AFTER_MS)
      if (source?.readyState === EventSource.CLOSED) {
        window.clearTimeout(reopenTimer)
        reopenTimer = window.setTimeout(open, REOPEN_MS)
      }
    }
    const onGrowth = (message: MessageEvent<unknown>) => {
      const live = parseLive(message.data)
      if (!live) return
      for (const arrived of live.windows) {
        const key = growthKey({ window: arrived.window, at: undefined, workspace })
        queryClient.setQueryData<GrowthResponse>(key, (known) => fresherOf(known, arrived))
      }
      setState((before) => ({ ...before, watermark: live.watermark }))
    }
    function open(): void {
      source?.close()
      source = new EventSource(withParameters('/v1/live', { workspace }))
      source.addEventListener('open', onOpen)
      source.addEventListener('error', onError)
      source.addEventListener('growth', onGrowth)
    }
    open()
    return () => {
      window.clearTimeout(reopenTimer)
      window.clearTimeout(staleTimer)
      source?.close()
    }
  }, [queryClient, workspace])
  return state
}
