import { describe, expect, it } from 'vitest'
import { DEFINITIONS, REASONS } from '../../dashboard/components/definitions.ts'
import { formatAge, formatMoney, formatNumber } from '../../dashboard/components/number-format.ts'
import { growthMetrics, NULL_REASONS } from '../../schemas/growth-api.ts'

describe('numbers as text', () => {
  it.each([
    [0.69007982, 'factor', '0.69'],
    [5, 'factor', '5.00'],
    [0.3517, 'percent', '35.2%'],
    [0, 'percent', '0.0%'],
    [185_452, 'count', '185,452'],
    [29.74, 'ratio', '29.7'],
    [0.4, 'compact-percent', '40%'],
    [950, 'compact', '950'],
    [null, 'factor', '–'],
    [undefined, 'count', '–'],
    [Number.NaN, 'percent', '–'],
    [Number.POSITIVE_INFINITY, 'factor', '–'],
  ] as const)('%s as %s is %s', (value, style, text) => {
    expect(formatNumber(value, style)).toBe(text)
  })

  it.each([
    [123_456, 'EUR', '€1,234.56'],
    [88_000, 'JPY', '¥88,000'],
    [1_234, 'KWD', '1.234'],
    [-500, 'EUR', '-€5.00'],
    [500, 'not a code', 'not a code 500'],
  ] as const)('%s minor units of %s are %s', (minorUnits, currency, text) => {
    expect(formatMoney(minorUnits, currency)).toContain(text)
  })

  it.each([
    [-500, '0 s'],
    [6_200, '6 s'],
    [240_000, '4 min'],
    [3 * 3_600_000, '3 h'],
    [5_000 * 86_400_000, '5,000 days'],
  ])('%s ms ago is %s', (ageMs, text) => {
    expect(formatAge(ageMs)).toBe(text)
  })
})

describe('definitions', () => {
  it('has one for every number that the API answers, and words for every reason', () => {
    expect(Object.keys(DEFINITIONS).sort()).toEqual([...Object.keys(growthMetrics.shape), 'k_contribution'].sort())
    expect(Object.keys(REASONS).sort()).toEqual([...NULL_REASONS].sort())
  })
})
