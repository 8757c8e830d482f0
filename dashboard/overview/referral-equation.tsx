import { DefinitionTerm } from '../components/definition-term.tsx'
import { REASONS } from '../components/definitions.ts'
import { formatNumber } from '../components/number-format.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'
import './referral-equation.css'

const TERMS = [
  { name: 'referral_rate', before: '', style: 'percent', note: 'referred signups per active user' },
  { name: 'participation', before: '=', style: 'percent', note: 'of active users invite or share' },
  { name: 'outreach_per_spreader', before: '×', style: 'ratio', note: 'invites and shares by each of them' },
  { name: 'conversion', before: '×', style: 'percent', note: 'of those end in a signup' },
] as const

/** The chain p x j x c = referral rate, to be read from left to right. */
export function ReferralEquation({ metrics }: { readonly metrics: GrowthMetrics }) {
  return (
    <section className="card" aria-labelledby="equation-title">
      <div className="card-head">
        <h2 id="equation-title">What the referral rate is made of</h2>
        <p className="card-note">Its factors say what moved</p>
      </div>
      <dl className="equation">
        {TERMS.map(({ name, before, style, note }) => {
          const { value, reason } = metrics[name]
          return (
            <div className="equation-term" key={name} data-sign={before}>
              <dt>
                <DefinitionTerm name={name} reason={reason} />
              </dt>
              <dd className="equation-value number" data-metric={name}>
                {formatNumber(value, style)}
              </dd>
              <dd className="equation-note">{value === null && reason ? REASONS[reason] : note}</dd>
            </div>
          )
        })}
      </dl>
    </section>
  )
}
