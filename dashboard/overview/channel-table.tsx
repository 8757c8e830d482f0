import { useState } from 'react'
import { DefinitionTerm } from '../components/definition-term.tsx'
import { formatNumber } from '../components/number-format.ts'
import type { BreakdownRow } from '../../schemas/growth-api.ts'
import { CHANNEL_COLUMNS, channelOf, type ColumnName, sortRows } from './channel-order.ts'
import './channel-table.css'

/** So many rows are in sight at first. */
const ROWS_AT_FIRST = 10

const NAMES: Readonly<Record<string, string>> = { '(none)': 'No channel', '(other)': 'All other channels' }

/** Where signups come from: one row a channel, the bar being its share of K. */
export function ChannelTable({ rows }: { readonly rows: readonly BreakdownRow[] }) {
  const [by, setBy] = useState<ColumnName>('referred_signups')
  const [descending, setDescending] = useState(true)
  const [showsAll, setShowsAll] = useState(false)
  const sortBy = (name: ColumnName) => {
    setDescending(name === by ? !descending : name !== 'channel')
    setBy(name)
  }
  const ariaSort = (name: ColumnName) => (name === by ? (descending ? 'descending' : 'ascending') : undefined)
  const sorted = sortRows(rows, by, descending)
  const shown = showsAll ? sorted : sorted.slice(0, ROWS_AT_FIRST)
  const referredTotal = rows.reduce((sum, row) => sum + (row.metrics.referred_signups.value ?? 0), 0)
  return (
    <section className="card" aria-labelledby="channels-title">
      <div className="card-head">
        <h2 id="channels-title">Channels</h2>
        <p className="card-note">Share of K adds up to K</p>
      </div>
      {/* What scrolls must be reachable by keyboard: axe's scrollable-region-focusable. */}
      <div className="channels-scroll" role="region" aria-label="Channels, the table" tabIndex={0}>
        <table className="channels">
          <thead>
            <tr>
              <th scope="col" aria-sort={ariaSort('channel')}>
                <button type="button" className="channels-sort" onClick={() => sortBy('channel')}>
                  Channel
                </button>
              </th>
              {CHANNEL_COLUMNS.map(({ name }) => (
                <th key={name} scope="col" aria-sort={ariaSort(name)}>
                  <DefinitionTerm name={name} onClick={() => sortBy(name)} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={channelOf(row)}>
                <th scope="row">{NAMES[channelOf(row)] ?? channelOf(row)}</th>
                {CHANNEL_COLUMNS.map(({ name, style }) => (
                  <td key={name} className="number">
                    {name === 'k_contribution' ? (
                      <ShareBar share={(row.metrics.referred_signups.value ?? 0) / (referredTotal || 1)} />
                    ) : null}
                    {formatNumber(row.metrics[name].value, style)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 ? <p className="channels-none">No channel had anything in this window.</p> : null}
      </div>
      {sorted.length > ROWS_AT_FIRST ? (
        <button type="button" className="button channels-more" onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? 'Show fewer' : `Show all ${sorted.length}`}
        </button>
      ) : null}
    </section>
  )
}

function ShareBar({ share }: { readonly share: number }) {
  return (
    <span className="channels-bar" aria-hidden="true">
      <span style={{ width: `${(100 * share).toFixed(2)}%` }} />
    </span>
  )
}
