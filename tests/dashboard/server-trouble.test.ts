import { describe, expect, it } from 'vitest'
import { serverTroubles } from '../../dashboard/components/server-trouble.ts'
import type { Readiness } from '../../schemas/readiness-api.ts'

const NOW_MS = Date.UTC(2026, 2, 10, 12)
const ready: Readiness = { ready: true, not_ready: [], sink_lag: { events: 0, ms: 0 } }
const without = (name: string): Readiness => ({
  ...ready,
  ready: false,
  not_ready: [{ name, reason: 'connection refused', since: new Date(NOW_MS - 60_000).toISOString() }],
})
const behind = (events: number, ms: number): Readiness => ({ ...ready, sink_lag: { events, ms } })

describe('what the banner says', () => {
  it.each<[string, Readiness | undefined, number | undefined]>([
    ['all is well', ready, undefined],
    ['nothing was answered yet', undefined, undefined],
    ['the lag is that of a busy moment', behind(5_000, 30_000), undefined],
    ['the lag can not be told', { ...ready, sink_lag: null }, undefined],
  ])('is nothing when %s', (_, readiness, silentSinceMs) => {
    expect(serverTroubles(readiness, silentSinceMs, NOW_MS)).toEqual([])
  })

  it.each([
    ['warehouse', 'The warehouse does not answer', /still taken and kept/],
    ['log', 'The log can not be used', /refused.*can still be read/],
    ['processors', 'Processing does not run', /still taken and kept/],
    ['moon', 'moon is not ready', /stand still/],
  ])('names the %s, since when, and what works all the same', (name, title, consequence) => {
    const [trouble, ...more] = serverTroubles(without(name), undefined, NOW_MS)
    expect(trouble).toMatchObject({ title, reason: 'connection refused', sinceMs: NOW_MS - 60_000 })
    expect(trouble?.consequence).toMatch(consequence)
    expect(more).toEqual([])
  })

  it('tells how far numbers are behind, unless something else is why', () => {
    expect(serverTroubles(behind(12_345, 45_000), undefined, NOW_MS)).toMatchObject([
      { title: 'Numbers are behind by 12,345 events', sinceMs: NOW_MS - 45_000 },
    ])
    const both = { ...without('warehouse'), sink_lag: { events: 9, ms: 99_000 } }
    expect(serverTroubles(both, undefined, NOW_MS).map(({ name }) => name)).toEqual(['warehouse'])
  })

  it.each([
    ['since it answered last', NOW_MS - 9_000, NOW_MS - 9_000],
    ['without an instant when it never did', 0, undefined],
  ])('says that the server does not answer, %s, whatever it said before', (_, silentSinceMs, sinceMs) => {
    expect(serverTroubles(without('log'), silentSinceMs, NOW_MS)).toMatchObject([{ title: 'Kappa does not answer', sinceMs }])
  })
})
