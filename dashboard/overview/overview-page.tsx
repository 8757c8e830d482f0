import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { ApiProblem } from '../api/growth-client.ts'
import { useGrowthClient } from '../api/growth-client-context.ts'
import { useGrowth } from '../api/growth-queries.ts'
import { useLiveStream } from '../api/live-stream.ts'
import { FreshnessBadge } from '../components/freshness-badge.tsx'
import { formatInstant, formatNumber } from '../components/number-format.ts'
import { ProblemNotice } from '../components/problem-notice.tsx'
import { SegmentedSwitch } from '../components/segmented-switch.tsx'
import { TopBar } from '../components/top-bar.tsx'
import type { GrowthResponse } from '../../schemas/growth-api.ts'
import { DAY_MS, LIVE_WINDOWS, type LiveWindowName } from '../../schemas/windows.ts'
import { ChannelTable } from './channel-table.tsx'
import { CountsGrid } from './counts-grid.tsx'
import { FirstEvent } from './first-event.tsx'
import { GrowthSeries } from './growth-series.tsx'
import { KHero } from './k-hero.tsx'
import { OverviewSkeleton } from './overview-skeleton.tsx'
import { useOverviewView } from './overview-view.ts'
import { ReferralEquation } from './referral-equation.tsx'
import type { OverviewView } from './view-parameters.ts'

const WINDOW_WORDS: Readonly<Record<LiveWindowName, string>> = { '1h': 'hour', '24h': '24 hours', '7d': '7 days', '30d': '30 days' }
/** A running window that ended this long ago is that of imported history. */
const HISTORY_MS = DAY_MS

/** `/`: how fast users bring users, now. */
export function OverviewPage() {
  const [view, changeView] = useOverviewView()
  const queryClient = useQueryClient()
  const live = useLiveStream(queryClient, view.workspace)
  const { data: growth, error, dataUpdatedAt, isPlaceholderData, refetch } = useGrowth(view, queryClient)
  const isEmpty = growth?.at === null && view.at === undefined
  const watermark = live.watermark ?? growth?.watermark ?? null

  useEffect(() => {
    const k = growth?.metrics.k_factor.value
    document.title = k === null || k === undefined ? 'Kappa' : `K ${formatNumber(k, 'factor')} · Kappa`
  }, [growth])

  return (
    <>
      <a className="skip-link" href="#content">
        Skip to the numbers
      </a>
      <TopBar workspace={view.workspace ?? 'default'}>
        <FreshnessBadge live={live} updatedAtMs={isEmpty ? 0 : dataUpdatedAt} watermark={isEmpty ? null : watermark} />
      </TopBar>
      <main className="page" id="content" tabIndex={-1}>
        {isEmpty ? (
          <FirstEvent />
        ) : (
          <>
            <div className="page-head">
              <div>
                <h1>Overview</h1>
                <p>{growth ? <WindowWords growth={growth} view={view} onFollow={() => changeView({ at: undefined })} /> : '\u00a0'}</p>
              </div>
              <SegmentedSwitch
                label="Window"
                options={LIVE_WINDOWS.map(({ name }) => ({ value: name, label: name, title: `Last ${WINDOW_WORDS[name]}` }))}
                value={view.window}
                onChange={(window) => changeView({ window })}
              />
            </div>
            <div className="stack">
              {error ? <ReadProblem error={error} onRetry={() => void refetch()} /> : null}
              {growth ? (
                <div className={isPlaceholderData ? 'stack is-previous' : 'stack'} aria-busy={isPlaceholderData}>
                  <KHero metrics={growth.metrics} />
                  <ReferralEquation metrics={growth.metrics} />
                  <CountsGrid metrics={growth.metrics} />
                  <GrowthSeries growth={growth} view={view} onChange={(series) => changeView({ series })} />
                  <ChannelTable rows={growth.rows} />
                </div>
              ) : error ? null : (
                <OverviewSkeleton />
              )}
            </div>
          </>
        )}
      </main>
    </>
  )
}

/** A session that has ended comes back with the page, everything else with another try. */
function ReadProblem({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  if (!(error instanceof ApiProblem)) {
    return <ProblemNotice title="The numbers can not be shown" help={error.message} action={{ label: 'Try again', run: onRetry }} />
  }
  if (error.status === 401) {
    const reload = { label: 'Load the page again', run: () => window.location.reload() }
    return <ProblemNotice title="The session has ended" help="Loading the page again opens a new one." code={error.code} action={reload} />
  }
  return <ProblemNotice title={error.title} help={error.message} code={error.code} action={{ label: 'Try again', run: onRetry }} />
}

interface WindowWordsProps {
  readonly growth: GrowthResponse
  readonly view: OverviewView
  readonly onFollow: () => void
}

/** "Last 7 days, to ..." while the window is the running one; "7 days to ..." for one that lies in the past, history included. */
function WindowWords({ growth, view, onFollow }: WindowWordsProps) {
  const client = useGrowthClient()
  const words = WINDOW_WORDS[view.window]
  if (growth.at === null) return `Last ${words}`
  const atMs = Date.parse(growth.at)
  const end = formatInstant(atMs, client.nowMs())
  if (view.at === undefined) return client.nowMs() - atMs > HISTORY_MS ? `${sentenceCase(words)} to ${end}` : `Last ${words}, to ${end}`
  return (
    <>
      {`${sentenceCase(words)} to ${end}, ${growth.final ? 'final' : 'not final yet'} `}
      <button type="button" className="button" onClick={onFollow}>
        Back to live
      </button>
    </>
  )
}

function sentenceCase(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
