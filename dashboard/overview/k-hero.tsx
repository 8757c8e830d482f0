import { DefinitionTerm } from '../components/definition-term.tsx'
import { REASONS } from '../components/definitions.ts'
import { formatNumber, NO_NUMBER } from '../components/number-format.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'
import { kSentence, kVerdict, SIGNUPS_FOR_K } from './k-meaning.ts'
import { KScale } from './k-scale.tsx'
import './k-hero.css'

const VERDICT_WORDS = { below: 'below 1', around: 'around 1', above: 'above 1', unknown: 'not known yet' } as const

const PROGRESS_PLACES = Array.from({ length: SIGNUPS_FOR_K }, (_, place) => place)

/** The headline: K with its over-dispersed interval, what that means, and what follows from it. */
export function KHero({ metrics }: { readonly metrics: GrowthMetrics }) {
  const { k_factor: k, viral_coefficient: viral, amplification } = metrics
  const { value, lower_overdispersed: lower, upper_overdispersed: upper } = k
  const known = value !== null && lower !== null && upper !== null
  return (
    <section className="card k-hero" aria-labelledby="k-hero-title">
      <div className="k-hero-main">
        <div className="k-hero-head">
          <h2 id="k-hero-title">
            <DefinitionTerm name="k_factor" reason={k.reason} />
          </h2>
          <span className="k-hero-verdict" data-verdict={kVerdict(k)}>
            {VERDICT_WORDS[kVerdict(k)]}
          </span>
        </div>
        <div className="k-hero-figure">
          <span className="k-hero-value number" data-metric="k_factor" data-unknown={!known || undefined}>
            {formatNumber(value, 'factor')}
          </span>
          <span className="k-hero-interval number">
            {known ? (
              <>
                95% interval
                <br />
                <b>
                  {formatNumber(lower, 'factor')} {NO_NUMBER} {formatNumber(upper, 'factor')}
                </b>
              </>
            ) : (
              k.reason && REASONS[k.reason]
            )}
          </span>
        </div>
        <p className="k-hero-sentence">{kSentence(metrics)}</p>
        {known ? <KScale value={value} lower={lower} upper={upper} /> : <KProgress metrics={metrics} />}
      </div>
      <dl className="k-hero-aside">
        <div>
          <dt>
            <DefinitionTerm name="viral_coefficient" reason={viral.reason} />
          </dt>
          <dd className="number" data-metric="viral_coefficient">
            {formatNumber(viral.value, 'factor')}
          </dd>
          <dd className="k-hero-note number">
            {viral.value === null
              ? viral.reason && REASONS[viral.reason]
              : `${formatNumber(metrics.referred_signups.value, 'count')} referred signups ÷ ${formatNumber(metrics.spreaders.value, 'count')} people who invited or shared`}
          </dd>
        </div>
        <div>
          <dt>
            <DefinitionTerm name="amplification" reason={amplification.reason} />
          </dt>
          <dd className="number" data-metric="amplification">
            {amplification.value === null
              ? NO_NUMBER
              : `${formatNumber(amplification.value, amplification.value < 100 ? 'factor' : 'count')}×`}
          </dd>
          <dd className="k-hero-note number">{amplificationNote(metrics)}</dd>
        </div>
      </dl>
    </section>
  )
}

function amplificationNote(metrics: GrowthMetrics): string {
  const { value, reason } = metrics.amplification
  if (value === null) return reason ? REASONS[reason] : ''
  if (kVerdict(metrics.k_factor) === 'around') return 'the interval of K includes 1, so it may as well be without limit'
  return `100 users you bring become ${formatNumber(100 * value, 'count')} in the end`
}

/** How far a window is from a K: referred signups it has, of those it takes. */
function KProgress({ metrics }: { readonly metrics: GrowthMetrics }) {
  if (metrics.k_factor.reason !== 'too_few_signups') return null
  const referred = Math.min(metrics.referred_signups.value ?? 0, SIGNUPS_FOR_K)
  return (
    <div className="k-progress">
      <div className="k-progress-track" role="img" aria-label={`${referred} of ${SIGNUPS_FOR_K} referred signups`}>
        {PROGRESS_PLACES.map((place) => (
          <span key={place} data-filled={place < referred || undefined} />
        ))}
      </div>
      <p className="number" aria-hidden="true">
        {referred} of {SIGNUPS_FOR_K} referred signups
      </p>
    </div>
  )
}
