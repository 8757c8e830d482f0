import { describe, expect, it } from 'vitest'
import { kPosterior } from '../../verify/k-posterior.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { hasReferenceData, referenceEntries } from '../verify/reference-events.ts'

const HOUR = 3_600_000
const NOT_THERE = 'skipped: ../shared/data/to-events.mjs is not there'

function numbersAt(facts: Awaited<ReturnType<typeof collectFacts>>, at: string, hours: number) {
  const { whole } = naiveWindow(facts, { endMs: Date.parse(at), lengthMs: hours * HOUR })
  return { ...whole, kFactor: kPosterior(whole.k) }
}

describe('real data through the naive pass', () => {
  it('higgs: a cascade of 729,593 events', { timeout: 60_000 }, async ({ skip }) => {
    if (!hasReferenceData) skip(NOT_THERE)
    const facts = await collectFacts(referenceEntries('higgs', 'higgs'), 'higgs')
    expect(facts.tally).toEqual({ records: 729_593, duplicates: 0, late: 0 })
    const peak = numbersAt(facts, '2012-07-05T00:00:00Z', 24)
    expect(peak.counts).toMatchObject({
      active_users: 185_452,
      new_users: 131_188,
      inviters: 51_006,
      sharers: 164_854,
      spreaders: 185_452,
      invites_sent: 76_809,
      shares: 255_109,
      via_referrer: 131_188,
    })
    expect(peak.kFactor.value).toBeCloseTo(5.30494544, 8)
    expect(peak.kFactor.lower).toBeCloseTo(5.27627, 4)
    expect(peak.kFactor.upper).toBeCloseTo(5.33369, 5)
    expect(peak.kFactor.lower_overdispersed).toBeCloseTo(4.50463, 4)
    expect(peak.kFactor.upper_overdispersed).toBeCloseTo(6.16972, 4)
    expect(numbersAt(facts, '2012-07-04T12:00:00Z', 24).kFactor.value).toBeCloseTo(6.83795493, 8)
    expect(numbersAt(facts, '2012-07-07T00:00:00Z', 24).kFactor.value).toBeCloseTo(0.22612525, 7)
  })

  it('collegemsg: invitations in a student network', { timeout: 30_000 }, async ({ skip }) => {
    if (!hasReferenceData) skip(NOT_THERE)
    const facts = await collectFacts(referenceEntries('collegemsg', 'college'), 'college')
    const week = numbersAt(facts, '2004-05-01T00:00:00Z', 7 * 24)
    expect(week.counts).toMatchObject({
      active_users: 290,
      inviters: 151,
      invites_sent: 748,
      shares: 3_742,
      via_invite: 102,
      via_referrer: 0,
    })
    expect(week.counts.via_invite / week.counts.invites_sent).toBeCloseTo(0.13636363, 7)
    expect(week.kFactor.value).toBeCloseTo(0.69007982, 7)
    expect(week.kFactor.lower).toBeCloseTo(0.56326, 4)
    expect(week.kFactor.upper).toBeCloseTo(0.82957, 4)
    expect(week.kFactor.lower_overdispersed).toBeCloseTo(0.49336, 4)
    expect(week.kFactor.upper_overdispersed).toBeCloseTo(0.91928, 4)
  })

  it('olist: leads and deals', { timeout: 30_000 }, async ({ skip }) => {
    if (!hasReferenceData) skip(NOT_THERE)
    const facts = await collectFacts(referenceEntries('olist', 'olist'), 'olist')
    const ever = naiveWindow(facts, { endMs: Date.UTC(2020, 0, 1), lengthMs: 5 * 366 * 24 * HOUR }).whole.counts
    expect(ever).toMatchObject({ new_users: 8_000, revenue: { BRL: 6_178_400_600 }, referred_revenue: {} })
    expect(facts.ordered.filter((fact) => fact.kind === 'purchase')).toHaveLength(842)
  })
})
