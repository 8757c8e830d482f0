import { describe, expect, it } from 'vitest'
import { CYCLES_FOR_K, kSentence, kVerdict, SIGNUPS_FOR_K } from '../../dashboard/overview/k-meaning.ts'
import { deriveGrowthMetrics, EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { CYCLES_MIN, kFactor } from '../../metrics/k-factor.ts'
import type { GrowthMetrics } from '../../schemas/growth-api.ts'

const statistics = (credits: number, cycles = 1_000) => ({ credits, credits_squared: credits, people: 1_000, cycles, exposure: 20 })

function metricsWith(value: number, lower: number, upper: number): GrowthMetrics {
  const metrics = deriveGrowthMetrics(EMPTY_COUNTS, statistics(0))
  return {
    ...metrics,
    k_factor: { value, lower, upper, lower_overdispersed: lower, upper_overdispersed: upper },
  }
}

describe('what K says', () => {
  it.each([
    { k: [0.69, 0.49, 0.92] as const, verdict: 'below', words: 'Each user brings 0.69 others: growth needs other sources.' },
    { k: [1.42, 1.1, 1.8] as const, verdict: 'above', words: 'Each user brings 1.42 others: above 1, growth feeds itself.' },
    { k: [0.9, 0.7, 1.1] as const, verdict: 'around', words: 'the interval includes 1' },
    { k: [0.9, 0.7, 1] as const, verdict: 'around', words: 'the interval includes 1' },
    { k: [1.2, 1, 1.4] as const, verdict: 'around', words: 'the interval includes 1' },
  ])('follows the interval $k and not the point: $verdict', ({ k, verdict, words }) => {
    const metrics = metricsWith(k[0], k[1], k[2])
    expect(kVerdict(metrics.k_factor)).toBe(verdict)
    expect(kSentence(metrics)).toContain(words)
  })

  it.each([
    { via_invite: 0, words: 'This window has no referred signups. From 11 on' },
    { via_invite: 1, words: 'This window has 1 referred signup. From 11 on' },
    { via_invite: 7, words: 'This window has 7 referred signups. From 11 on' },
  ])('names what is missing with $via_invite referred signups', ({ via_invite, words }) => {
    const metrics = deriveGrowthMetrics({ ...EMPTY_COUNTS, via_invite }, statistics(via_invite))
    expect(kVerdict(metrics.k_factor)).toBe('unknown')
    expect(kSentence(metrics)).toContain(words)
  })

  it('names the complete referrals that are missing', () => {
    const metrics = deriveGrowthMetrics(EMPTY_COUNTS, { ...statistics(20, 29), exposure: null })
    expect(kSentence(metrics)).toContain('K needs 30 complete referrals')
  })

  it('promises K from exactly the counts at which the mathematics gives it', () => {
    expect(kFactor(statistics(SIGNUPS_FOR_K)).value).not.toBeNull()
    expect(kFactor(statistics(SIGNUPS_FOR_K - 1)).reason).toBe('too_few_signups')
    expect(CYCLES_FOR_K).toBe(CYCLES_MIN)
  })
})
