/** Reads as React hooks. Live answers are put into the same cache by `live-stream.ts`, so a page knows one source only. */
import { keepPreviousData, type QueryClient, useQuery } from '@tanstack/react-query'
import type { GrowthResponse } from '../../schemas/growth-api.ts'
import { fresherOf } from './growth-freshness.ts'
import type { GrowthRequest, SeriesRequest } from './growth-client.ts'
import { useGrowthClient } from './growth-client-context.ts'

/** Before the first event the page also asks now and then, should the live stream be blocked by a proxy. */
const EMPTY_POLL_MS = 4_000

export function growthKey(request: GrowthRequest): readonly unknown[] {
  return ['growth', request.workspace ?? '', request.window, request.at ?? 'live']
}

/** Growth of one window, kept fresh by the live stream. `error` is an {@link ApiProblem}; numbers of the window before stay meanwhile. */
export function useGrowth(request: GrowthRequest, queryClient: QueryClient) {
  const client = useGrowthClient()
  const queryKey = growthKey(request)
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const arrived = await client.readGrowth(request, signal)
      return fresherOf(queryClient.getQueryData<GrowthResponse>(queryKey), arrived)
    },
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.at === null || query.state.status === 'error' ? EMPTY_POLL_MS : false),
  })
}

/** One number over time; nothing is read while `request` is undefined. `error` is an {@link ApiProblem}. */
export function useSeries(request: SeriesRequest | undefined) {
  const client = useGrowthClient()
  return useQuery({
    queryKey: ['series', request],
    queryFn: ({ signal }) => {
      if (!request) throw new Error('disabled while there is no request')
      return client.readSeries(request, signal)
    },
    enabled: request !== undefined,
    // Points of another metric would be drawn on the wrong scale: keep the old ones only while the window's end moves on.
    placeholderData: (previous) =>
      previous && previous.metric === request?.metric && previous.window === request.window ? previous : undefined,
  })
}
