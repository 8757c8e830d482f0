import { DefinitionTerm } from '../components/definition-term.tsx'
import { DEFINITIONS } from '../components/definitions.ts'
import { formatNumber } from '../components/number-format.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'
import './cause-bar.css'

const CAUSES = ['via_invite', 'via_code', 'via_share', 'via_referrer'] as const

/** Referred signups by cause: one stacked bar and its legend. */
export function CauseBar({ metrics }: { readonly metrics: GrowthMetrics }) {
  const total = CAUSES.reduce((sum, cause) => sum + (metrics[cause].value ?? 0), 0)
  const summary = CAUSES.map((cause) => `${DEFINITIONS[cause].label} ${formatNumber(metrics[cause].value, 'count')}`).join(', ')
  return (
    <div className="causes">
      <div className="causes-bar" role="img" aria-label={`Referred signups by cause: ${summary}`}>
        {CAUSES.map((cause) => {
          const count = metrics[cause].value ?? 0
          return count === 0 ? null : <span key={cause} data-cause={cause} style={{ flexGrow: count / total }} />
        })}
      </div>
      <ul className="causes-legend">
        {CAUSES.map((cause) => (
          <li key={cause} data-cause={cause}>
            <DefinitionTerm name={cause} />
            <span className="number">{formatNumber(metrics[cause].value, 'count')}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
