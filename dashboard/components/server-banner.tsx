import { useQuery } from '@tanstack/react-query'
import { useGrowthClient } from '../api/growth-client-context.ts'
import { formatInstant } from './number-format.ts'
import { serverTroubles } from './server-trouble.ts'
import './server-banner.css'

const ASKED_EVERY_MS = 5_000

/** Above every page, when something behind it does not work: what, since when, and what works all the same. */
export function ServerBanner() {
  const client = useGrowthClient()
  const { data, dataUpdatedAt, isError } = useQuery({
    queryKey: ['readiness'],
    queryFn: ({ signal }) => client.readReadiness(signal),
    refetchInterval: ASKED_EVERY_MS,
    retry: false,
    staleTime: 0,
  })
  const nowMs = client.nowMs()
  const troubles = serverTroubles(data, isError ? dataUpdatedAt : undefined, nowMs)
  return (
    <div className="server-banner" role="status" hidden={troubles.length === 0}>
      {troubles.map(({ name, title, consequence, reason, sinceMs }) => (
        <div className="server-trouble" key={name} data-trouble={name}>
          <p>
            <strong>{title}</strong>
            {sinceMs === undefined ? null : (
              <>
                {' since '}
                <time dateTime={new Date(sinceMs).toISOString()}>{formatInstant(sinceMs, nowMs)}</time>
              </>
            )}
            . {consequence}
          </p>
          {reason === undefined ? null : <code>{reason}</code>}
        </div>
      ))}
    </div>
  )
}
