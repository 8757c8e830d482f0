import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fresherOf } from '../../dashboard/api/growth-freshness.ts'
import { sortRows } from '../../dashboard/overview/channel-order.ts'
import { chartPoints, SERIES_SPANS, timeTicks } from '../../dashboard/overview/series-window.ts'
import { formatView, parseView, SERIES_CHOICES } from '../../dashboard/overview/view-parameters.ts'
import { deriveGrowthMetrics, deriveSliceMetrics, EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { type BreakdownRow, type GrowthResponse, SERIES_METRICS, SERIES_POINTS_MAX } from '../../schemas/growth-api.ts'
import { LIVE_WINDOWS, parseDurationMs } from '../../schemas/windows.ts'

const noStatistics = { credits: 0, credits_squared: 0, people: 0, cycles: 0, exposure: null }
const answer = (watermark: string | null): GrowthResponse => ({
  window: '7d',
  at: null,
  final: false,
  watermark,
  metrics: deriveGrowthMetrics(EMPTY_COUNTS, noStatistics),
  rows: [],
})

describe('the view in the URL', () => {
  it('comes back from its own query string', () => {
    const view = fc.record({
      window: fc.constantFrom(...LIVE_WINDOWS.map(({ name }) => name)),
      series: fc.constantFrom(...SERIES_CHOICES),
      at: fc.option(
        fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
        { nil: undefined },
      ),
      workspace: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(view, (wanted) => {
        expect(parseView(formatView(wanted))).toEqual(wanted)
      }),
    )
  })

  it.each([
    ['', { window: '7d', series: 'k_factor', at: undefined, workspace: undefined }],
    ['?window=5y&series=<b>&at=soon', { window: '7d', series: 'k_factor', at: undefined, workspace: undefined }],
    ['?window=24h&at=1341446400000', { window: '24h', series: 'k_factor', at: '2012-07-05T00:00:00.000Z', workspace: undefined }],
  ])('%s falls back where it is not understood', (search, view) => {
    expect(parseView(search)).toEqual(view)
  })
})

describe('the fresher of two answers', () => {
  it.each([
    { known: undefined, arrived: null, fresher: 'arrived' },
    { known: '2026-01-01T00:00:10Z', arrived: '2026-01-01T00:00:09Z', fresher: 'known' },
    { known: '2026-01-01T00:00:10Z', arrived: '2026-01-01T00:00:10Z', fresher: 'arrived' },
    { known: '2026-01-01T00:00:10+02:00', arrived: '2026-01-01T00:00:00Z', fresher: 'arrived' },
    { known: null, arrived: '2026-01-01T00:00:00Z', fresher: 'arrived' },
  ])('of $known and $arrived is the one that $fresher', ({ known, arrived, fresher }) => {
    const before = known === undefined ? undefined : answer(known)
    const after = answer(arrived)
    expect(fresherOf(before, after)).toBe(fresher === 'known' ? before : after)
  })
})

describe('rows by channel', () => {
  const row = (channel: string, via_invite: number, invites_sent: number): BreakdownRow => ({
    channel,
    metrics: { ...deriveSliceMetrics({ ...EMPTY_COUNTS, via_invite, invites_sent }), k_contribution: { value: null, reason: 'k_unknown' } },
  })
  const rows = [row('email', 2, 10), row('sms', 0, 0), row('link', 5, 50), row('chat', 2, 4)]

  it.each([
    { by: 'referred_signups', descending: true, order: ['link', 'chat', 'email', 'sms'] },
    { by: 'channel', descending: false, order: ['chat', 'email', 'link', 'sms'] },
    { by: 'conversion', descending: true, order: ['chat', 'email', 'link', 'sms'] },
    { by: 'conversion', descending: false, order: ['link', 'email', 'chat', 'sms'] },
    { by: 'k_contribution', descending: true, order: ['chat', 'email', 'link', 'sms'] },
  ] as const)('by $by, descending $descending; without a number last', ({ by, descending, order }) => {
    expect(sortRows(rows, by, descending).map(({ channel }) => channel)).toEqual(order)
  })
})

describe('points of the series', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

  it('leaves out the time before anything happened and ends with the live value', () => {
    const stored = [
      { at: at(0), value: null },
      { at: at(1), value: 0 },
      { at: at(2), value: 0.5, lower: 0.2, upper: 0.9 },
      { at: at(3), value: null },
      { at: at(4), value: 0.7 },
    ]
    expect(chartPoints(stored, { at: at(4), value: 0.8, lower: 0.6, upper: null })).toEqual([
      { atMs: Date.parse(at(2)), value: 0.5, band: [0.2, 0.9] },
      { atMs: Date.parse(at(3)), value: null, band: null },
      { atMs: Date.parse(at(4)), value: 0.8, band: null },
    ])
    expect(chartPoints(stored.slice(0, 2), undefined)).toEqual([])
  })

  it('asks for steps that are whole panes, and for no more points than the API gives', () => {
    for (const { name, paneMs } of LIVE_WINDOWS) {
      const { step, stepMs, spanMs } = SERIES_SPANS[name]
      expect(parseDurationMs(step)).toBe(stepMs)
      expect(stepMs % paneMs).toBe(0)
      expect(spanMs / stepMs + 1).toBeLessThanOrEqual(SERIES_POINTS_MAX)
    }
    for (const choice of SERIES_CHOICES) expect(SERIES_METRICS).toContain(choice)
  })

  it('has ticks inside the axis, few enough, at any length', () => {
    const lengths = fc.integer({ min: 60_000, max: 120 * 86_400_000 })
    const starts = fc.integer({ min: Date.UTC(2004, 0, 1), max: Date.UTC(2030, 0, 1) })
    fc.assert(
      fc.property(starts, lengths, fc.constantFrom(4, 8), (fromMs, spanMs, most) => {
        const ticks = timeTicks(fromMs, fromMs + spanMs, most)
        expect(ticks.length).toBeLessThanOrEqual(most + 1)
        for (const tick of ticks) expect(tick >= fromMs && tick <= fromMs + spanMs).toBe(true)
      }),
    )
  })
})
