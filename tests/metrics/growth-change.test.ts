/** Changes of K, V and the referral rate: parts that add up, to the cause that was planted, in words. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeSentence } from '../../metrics/change-sentence.ts'
import {
  CHANGE_CAUSES,
  type ChangeCause,
  type ChangeCounts,
  type ChangedRatio,
  type GrowthChange,
  growthChange,
} from '../../metrics/growth-change.ts'
import { kMean } from '../../metrics/k-factor.ts'
import { logMean } from '../../metrics/log-mean-index.ts'

const METRICS: readonly ChangedRatio[] = ['k_factor', 'viral_coefficient', 'referral_rate']

const BASE: ChangeCounts = {
  groups: {
    known: { active: 600, spreaders: 300 },
    'new, unreferred': { active: 200, spreaders: 20 },
    'new, referred': { active: 200, spreaders: 80 },
  },
  channels: { email: { outreaches: 1_000, credits: 120 }, chat: { outreaches: 500, credits: 80 } },
  exposure: { referred: 100, unreferred: 100 },
}

function changed(metric: ChangedRatio, after: Partial<ChangeCounts>, before: Partial<ChangeCounts> = {}): GrowthChange {
  const change = growthChange(metric, { ...BASE, ...before }, { ...BASE, ...after })
  if ('reason' in change) throw new Error(change.reason)
  return change
}

describe('the logarithmic mean', () => {
  it.each([
    [1, 1, 1],
    [Math.E, 1, Math.E - 1],
    [1 + 2e-12, 1, 1 + 1e-12],
    [1e-12, 1, (1 - 1e-12) / (12 * Math.LN10)],
    [1e12, 1, (1e12 - 1) / (12 * Math.LN10)],
  ])('of %d and %d keeps its digits', (a, b, mean) => {
    expect(logMean(a, b) / mean).toBeCloseTo(1, 14)
    expect(logMean(b, a) / mean).toBeCloseTo(1, 14)
  })
})

describe('the parts of a change', () => {
  const count = fc.oneof(
    { weight: 1, arbitrary: fc.nat(1) },
    { weight: 1, arbitrary: fc.nat(20) },
    { weight: 4, arbitrary: fc.nat(100_000) },
  )
  const group = fc.tuple(count, count).map(([a, b]) => ({ active: Math.max(a, b), spreaders: Math.min(a, b) }))
  const channel = fc.record({ outreaches: count, credits: count })
  const length = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e5, noNaN: true }))
  const lengths = fc.record({ referred: length, unreferred: length })
  const counts = fc.record({
    groups: fc.record({ known: group, fresh: group, constructor: group }, { requiredKeys: ['known'] }),
    channels: fc.record({ email: channel, chat: channel, constructor: channel }, { requiredKeys: ['email'] }),
    exposure: fc.option(
      fc.tuple(lengths, fc.option(lengths)).map(([own, other]) => (other === null ? own : { ...own, under_other_delays: other })),
      { freq: 20 },
    ),
  })

  it.each(METRICS)('of %s add up to it for 1,000 pairs of windows', (metric) => {
    fc.assert(
      fc.property(counts, counts, (before, after) => {
        const change = growthChange(metric, before, after)
        fc.pre(!('reason' in change))
        if ('reason' in change) return
        const sum = CHANGE_CAUSES.reduce((total, cause) => total + change.parts[cause], 0)
        const size = Math.max(1, change.before, change.after)
        expect(Math.abs(sum - (change.after - change.before)) / size).toBeLessThan(1e-9)
        const ofChannels = Object.values(change.by_channel).reduce((total, part) => total + part.conversion + part.channels, 0)
        expect(Math.abs(ofChannels - change.parts.conversion - change.parts.channels) / size).toBeLessThan(1e-9)
        expect(changeSentence(change)).toMatch(/^(K|Referred|The referral).*\.$/)
        expect(changeSentence(change)).not.toMatch(/NaN|undefined|Infinity/)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each(METRICS)('of %s change their sign when the windows are exchanged', (metric) => {
    fc.assert(
      fc.property(counts, counts, (before, after) => {
        const [there, back] = [growthChange(metric, before, after), growthChange(metric, after, before)]
        if ('reason' in there || 'reason' in back) return
        for (const cause of CHANGE_CAUSES) {
          const size = Math.max(1, there.before, there.after, Math.abs(there.parts[cause]))
          expect(Math.abs(there.parts[cause] + back.parts[cause]) / size).toBeLessThan(1e-9)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('are of the numbers as they are published', () => {
    const { before, after } = changed('k_factor', { exposure: { referred: 150, unreferred: 150 } })
    const k = (exposure: number) => kMean({ credits: 200, credits_squared: 0, people: 0, cycles: 30, exposure }).value
    expect([before, after]).toEqual([k(200), k(300)])
  })
})

describe('a change of one thing alone', () => {
  const half = (counts: ChangeCounts['channels']) =>
    Object.fromEntries(Object.entries(counts).map(([name, { outreaches, credits }]) => [name, { outreaches, credits: credits / 2 }]))

  it.each<[string, ChangedRatio, Partial<ChangeCounts>, ChangeCause]>([
    ['half the signups from the same outreach', 'referral_rate', { channels: half(BASE.channels) }, 'conversion'],
    ['half the signups, seen in V', 'viral_coefficient', { channels: half(BASE.channels) }, 'conversion'],
    ['half the signups, seen in K', 'k_factor', { channels: half(BASE.channels) }, 'conversion'],
    ['unreferred arrivals', 'k_factor', { exposure: { referred: 100, unreferred: 400 } }, 'mix'],
    [
      'another pace',
      'k_factor',
      { exposure: { referred: 150, unreferred: 150, under_other_delays: { referred: 100, unreferred: 100 } } },
      'delays',
    ],
    [
      'a burst of a kind that rarely spreads',
      'referral_rate',
      {
        groups: { ...BASE.groups, 'new, unreferred': { active: 1_000, spreaders: 100 } },
        channels: { email: { outreaches: 1_200, credits: 144 }, chat: { outreaches: 600, credits: 96 } },
      },
      'mix',
    ],
  ])('%s (%s) is named', (_, metric, after, cause) => {
    const before =
      cause === 'delays' ? { exposure: { referred: 100, unreferred: 100, under_other_delays: { referred: 150, unreferred: 150 } } } : {}
    const { parts, before: was, after: is } = changed(metric, after, before)
    const named = parts[cause]
    expect(named).toBeCloseTo(is - was, 12)
  })

  it('moves signups between channels without a change of either', () => {
    const { parts } = changed('referral_rate', {
      channels: { email: { outreaches: 500, credits: 60 }, chat: { outreaches: 1_000, credits: 160 } },
    })
    expect(parts.channels).toBeCloseTo(0.02, 12)
    expect(parts.conversion).toBeCloseTo(0, 12)
  })

  it('belongs to the channel that appeared, or began to work', () => {
    const appeared = changed('referral_rate', { channels: { ...BASE.channels, poster: { outreaches: 10, credits: 5 } } })
    expect(appeared.by_channel['poster']).toEqual({ conversion: 0, channels: 0.005 })
    const silent = { ...BASE.channels, poster: { outreaches: 10, credits: 0 } }
    const began = changed('referral_rate', { channels: { ...silent, poster: { outreaches: 10, credits: 5 } } }, { channels: silent })
    expect(began.by_channel['poster']).toEqual({ conversion: 0.005, channels: 0 })
  })

  it('takes any name for a channel', () => {
    const odd = Object.fromEntries([['__proto__', { outreaches: 1_000, credits: 300 }]])
    const { parts, after } = changed('referral_rate', { channels: odd })
    expect(after).toBeCloseTo(0.3, 12)
    expect(CHANGE_CAUSES.reduce((sum, cause) => sum + parts[cause], 0)).toBeCloseTo(0.1, 12)
  })

  it('is one of conversion where signups come of earlier outreach alone', () => {
    const nobody = { known: { active: 1_000, spreaders: 0 } }
    const { parts } = changed('referral_rate', { groups: nobody, channels: { email: { outreaches: 0, credits: 100 } } })
    expect(parts.conversion).toBeCloseTo(-0.1, 12)
    const began = changed('referral_rate', {}, { groups: nobody, channels: { email: { outreaches: 0, credits: 0 } } })
    expect(began.parts.participation + began.parts.mix).toBeCloseTo(0.2, 12)
  })
})

describe('the sentence', () => {
  const email = (credits: number, outreaches = 1_000) => ({ email: { outreaches, credits } })
  const people = (spreaders: number, active = 1_000) => ({ known: { active, spreaders } })
  const one = { groups: people(400), channels: email(200) }

  it.each<[string, ChangedRatio, Partial<ChangeCounts>, Partial<ChangeCounts>]>([
    [
      'The referral rate rose from 0.200 to 0.250, mostly because more of the invites and shares led to a signup (+0.050).',
      'referral_rate',
      one,
      { ...one, channels: email(250) },
    ],
    [
      'The referral rate fell from 0.200 to 0.100, mostly because a smaller share of the people who were there invited or shared (-0.100).',
      'referral_rate',
      one,
      { groups: people(200), channels: email(100, 500) },
    ],
    [
      'The referral rate fell from 0.200 to 0.100, mostly because those who invited or shared did so less often (-0.100).',
      'referral_rate',
      one,
      { groups: people(400), channels: email(100, 500) },
    ],
    ['The referral rate stayed at 0.200.', 'referral_rate', one, one],
    [
      'The referral rate stayed at 0.200: those who invited or shared did so more often (+0.139), while fewer of the invites and shares led to a signup (-0.139).',
      'referral_rate',
      one,
      { ...one, channels: email(200, 2_000) },
    ],
    [
      'Referred signups per person who invited or shared rose from 0.500 to 0.600, mostly because more of the invites and shares led to a signup, above all in chat (+0.100).',
      'viral_coefficient',
      {},
      { channels: { ...BASE.channels, chat: { outreaches: 500, credits: 120 } } },
    ],
    [
      'The referral rate rose from 0.200 to 0.220, mostly because more of the inviting and sharing went through channels that convert better (+0.020).',
      'referral_rate',
      {},
      { channels: { email: { outreaches: 500, credits: 60 }, chat: { outreaches: 1_000, credits: 160 } } },
    ],
    [
      'The referral rate fell from 0.200 to 0.133, mostly because other people were there: "new, unreferred" went from 20 % to 56 % of the active (-0.067).',
      'referral_rate',
      {},
      {
        groups: { ...BASE.groups, 'new, unreferred': { active: 1_000, spreaders: 100 } },
        channels: { email: { outreaches: 1_200, credits: 144 }, chat: { outreaches: 600, credits: 96 } },
      },
    ],
    [
      'K fell from 1.00 to 0.40, mostly because more people arrived whom nobody referred, and they have not brought as many others (-0.60).',
      'k_factor',
      {},
      { exposure: { referred: 100, unreferred: 400 } },
    ],
    [
      'K rose from 0.67 to 1.00, mostly because the time that people take to bring others changed, so that fewer signups were due (+0.33).',
      'k_factor',
      { exposure: { referred: 150, unreferred: 150, under_other_delays: { referred: 100, unreferred: 100 } } },
      { exposure: { referred: 100, unreferred: 100, under_other_delays: { referred: 150, unreferred: 150 } } },
    ],
    [
      'K rose from 1.00 to 2.00, mostly because more people were active (+1.00).',
      'k_factor',
      one,
      { groups: people(800, 2_000), channels: email(400, 2_000) },
    ],
    [
      'K fell from 1.00 to 0.75, mostly because more people arrived whom nobody referred, and they have not brought as many others (-0.60), while more of the invites and shares led to a signup (+0.60).',
      'k_factor',
      one,
      { groups: people(300), channels: email(300, 750), exposure: { referred: 100, unreferred: 300 } },
    ],
  ])('is: %s', (sentence, metric, before, after) => {
    expect(changeSentence(changed(metric, after, before))).toBe(sentence)
  })
})

describe('what can not be compared', () => {
  it.each<[ChangedRatio, Partial<ChangeCounts>, string]>([
    ['referral_rate', { groups: {} }, "The referral rate can't be compared: no active users in one of the windows."],
    [
      'viral_coefficient',
      { groups: { known: { active: 5, spreaders: 0 } } },
      "Referred signups per person who invited or shared can't be compared: no spreaders in one of the windows.",
    ],
    ['k_factor', { exposure: null }, "K can't be compared: too few cycles in one of the windows."],
    ['k_factor', { channels: {} }, "K can't be compared: too few signups in one of the windows."],
  ])('%s says why', (metric, after, sentence) => {
    expect(changeSentence(growthChange(metric, BASE, { ...BASE, ...after }))).toBe(sentence)
    expect(changeSentence(growthChange(metric, { ...BASE, ...after }, BASE))).toBe(sentence)
  })

  it.each<[string, Partial<ChangeCounts>]>([
    ['more spreaders than people', { groups: { known: { active: 1, spreaders: 2 } } }],
    ['a count below 0', { channels: { email: { outreaches: -1, credits: 0 } } }],
    ['no number', { channels: { email: { outreaches: 1, credits: Number.NaN } } }],
  ])('%s is refused', (_, after) => {
    expect(() => growthChange('referral_rate', BASE, { ...BASE, ...after })).toThrow(RangeError)
  })
})
