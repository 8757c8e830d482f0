import { describe, expect, it } from 'vitest'
import type { GrowthCounts } from '../../schemas/records.ts'
import { compareWindow, hasDifference } from '../../verify/compare.ts'
import { reportJson, reportText } from '../../verify/report.ts'
import { sampleEnds } from '../../verify/sample-ends.ts'
import { NO_COUNTS, type WindowNumbers } from '../../verify/window-numbers.ts'

const counts: GrowthCounts = {
  ...NO_COUNTS,
  active_users: 50,
  spreaders: 40,
  shares: 60,
  new_users: 20,
  via_share: 12,
  revenue: { EUR: 500 },
}
const numbers: WindowNumbers = {
  whole: { counts, k: { credits: 12, credits_squared: 30, people: 90, cycles: 40, exposure: 20.5 } },
  slices: [{ dimension: 'channel', value: '', counts }],
}

function changed(change: Partial<GrowthCounts>): WindowNumbers {
  return { ...numbers, whole: { ...numbers.whole, counts: { ...counts, ...change } } }
}

function withExposure(exposure: number | null): WindowNumbers {
  return { ...numbers, whole: { ...numbers.whole, k: { ...numbers.whole.k, exposure } } }
}

describe('comparing a window', () => {
  it('says no difference of equal numbers', () => {
    expect(hasDifference(compareWindow(numbers, numbers, numbers))).toBe(false)
  })

  it.each([
    ['one count off by one in the stream', changed({ shares: 61 }), numbers, numbers],
    ['one count off by one in SQL', numbers, changed({ active_users: 49 }), numbers],
    ['one count off by one in the log', numbers, numbers, changed({ new_users: 21 })],
    ['money of another currency', changed({ revenue: { EUR: 500, USD: 1 } }), numbers, numbers],
    ['money that is missing', numbers, numbers, changed({ revenue: {} })],
    ['an exposure off by a millionth', withExposure(20.5 * (1 + 1e-6)), numbers, numbers],
    ['no exposure on one side', withExposure(null), numbers, numbers],
    ['an exposure that is not a number', withExposure(Number.NaN), numbers, numbers],
    ['a slice that one side lacks', { ...numbers, slices: [] }, numbers, numbers],
    [
      'the same numbers under another value',
      { ...numbers, slices: [{ dimension: 'channel' as const, value: 'x', counts }] },
      numbers,
      numbers,
    ],
  ])('finds %s', (_, stream, sql, log) => {
    expect(hasDifference(compareWindow(stream, sql, log))).toBe(true)
  })

  it('lets sums in another order of additions pass', () => {
    expect(hasDifference(compareWindow(withExposure(20.5 * (1 + 1e-13)), numbers, numbers))).toBe(false)
  })

  it('takes a slice of nothing but zeros for none', () => {
    const empty = { dimension: 'variant' as const, value: 'b', counts: NO_COUNTS }
    expect(hasDifference(compareWindow({ ...numbers, slices: [...numbers.slices, empty] }, numbers, numbers))).toBe(false)
  })

  it('adds up what the stream has folded into (other)', () => {
    const slices = ['a', 'b', 'c'].map((value) => ({ dimension: 'channel' as const, value, counts: { ...NO_COUNTS, shares: 2 } }))
    const folded = (shares: number) => [
      ...slices.slice(0, 1),
      { dimension: 'channel' as const, value: '(other)', counts: { ...NO_COUNTS, shares } },
    ]
    const all = { ...numbers, slices }
    expect(hasDifference(compareWindow({ ...numbers, slices: folded(4) }, all, all))).toBe(false)
    expect(hasDifference(compareWindow({ ...numbers, slices: folded(3) }, all, all))).toBe(true)
  })

  it('is reported as a table and as JSON', () => {
    const windows = [
      {
        workspace: 'default',
        window: '7d',
        endMs: Date.UTC(2026, 2, 9),
        numbers: compareWindow(changed({ shares: 61 }), numbers, numbers),
      },
    ]
    const text = reportText(windows, false)
    expect(text).toMatch(/^default {2}7d to 2026-03-09T00:00:00.000Z {2}DIFFERS$/m)
    expect(text).toMatch(/^shares +all +61 +60 +60 +1$/m)
    expect(JSON.parse(reportJson(windows, false))).toMatchObject({
      windows: 1,
      results: [{ agrees: false, at: '2026-03-09T00:00:00.000Z' }],
    })
  })
})

describe('the sample of published ends', () => {
  const ends = Array.from({ length: 101 }, (_, index) => index * 10)
  it.each([
    ['first, last and evenly spread', ends, 5, [], [0, 250, 500, 750, 1000]],
    ['all when there are few', [3, 1, 2, 2], 10, [], [1, 2, 3]],
    ['the last of one', ends, 1, [], [1000]],
    ['none of none', [], 5, [], []],
    ['restated ones besides', ends, 2, [30, 1000, 35], [0, 30, 1000]],
  ])('takes %s', (_, published, count, restated, expected) => {
    expect(sampleEnds(published, count, restated)).toEqual(expected)
  })
})
