import type { ReactNode } from 'react'
import { DefinitionTerm } from '../components/definition-term.tsx'
import { formatMoney, formatNumber } from '../components/number-format.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'
import { CauseBar } from './cause-bar.tsx'
import './counts-grid.css'

type CountName = 'active_users' | 'new_users' | 'referred_signups' | 'invites_sent' | 'shares' | 'inviters' | 'sharers' | 'spreaders'

/** Everything that is counted in the window. */
export function CountsGrid({ metrics }: { readonly metrics: GrowthMetrics }) {
  const tile = (name: CountName, note?: ReactNode) => (
    <div className="count" data-wide={name === 'referred_signups' || undefined}>
      <dt>
        <DefinitionTerm name={name} reason={metrics[name].reason} />
      </dt>
      <dd className="count-value number" data-metric={name}>
        {formatNumber(metrics[name].value, 'count')}
      </dd>
      {note === undefined ? null : <dd className="count-note">{note}</dd>}
    </div>
  )
  const { invite_acceptance: acceptance, share_conversion: shareConversion, participation } = metrics
  const currencies = [...new Set([...Object.keys(metrics.revenue.value), ...Object.keys(metrics.referred_revenue.value)])].sort()
  return (
    <section className="card counts" aria-label="Counts">
      <dl className="counts-row">
        {tile('active_users')}
        {tile('new_users')}
        {tile('referred_signups', <CauseBar metrics={metrics} />)}
      </dl>
      <dl className="counts-row" data-columns="5">
        {tile('invites_sent', acceptance.value === null ? undefined : share('invite_acceptance', acceptance.value, 'accepted'))}
        {tile('shares', shareConversion.value === null ? undefined : share('share_conversion', shareConversion.value, 'bring a signup'))}
        {tile('inviters')}
        {tile('sharers')}
        {tile('spreaders', participation.value === null ? undefined : share('participation', participation.value, 'of active users'))}
      </dl>
      {currencies.length === 0 ? null : (
        <dl className="counts-row counts-money">
          {currencies.map((currency) => (
            <div className="count" key={currency}>
              <dt>
                <DefinitionTerm name="revenue">Revenue, {currency}</DefinitionTerm>
              </dt>
              <dd className="count-value number">{formatMoney(metrics.revenue.value[currency] ?? 0, currency)}</dd>
              <dd className="count-note number">
                <DefinitionTerm name="referred_revenue">
                  {formatMoney(metrics.referred_revenue.value[currency] ?? 0, currency)} from referred people
                </DefinitionTerm>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  )
}

function share(name: 'invite_acceptance' | 'share_conversion' | 'participation', value: number, words: string): ReactNode {
  return (
    <DefinitionTerm name={name}>
      <span className="number">
        {formatNumber(value, 'percent')} {words}
      </span>
    </DefinitionTerm>
  )
}
