import { describe, expect, it } from 'vitest'
import { LIVE_WINDOWS } from '../../schemas/windows.ts'
import { compareBytewise } from '../../verify/bytewise-order.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { expectCheck } from './expect-check.ts'
import { WORKSPACE } from './scenario-events.ts'
import { SCENARIOS } from './scenarios.ts'

describe('the naive pass', () => {
  it.each(SCENARIOS)('$name', async ({ records, checks }) => {
    const entries = records.map((record, offset) => ({ partition: 0, offset, record }))
    const facts = await collectFacts(entries, WORKSPACE)
    for (const check of checks) {
      const lengthMs = LIVE_WINDOWS.find((window) => window.name === check.window)?.lengthMs ?? 0
      expectCheck(check, naiveWindow(facts, { endMs: Date.parse(check.at), lengthMs }))
    }
  })

  it('names every scenario once', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length)
  })
})

describe('bytewise order', () => {
  const texts = ['', 'a', 'a10', 'a2', 'Z', '\ufffd', '\u{1f600}', '\ue000', '\ud7ff', 'é', 'aé', 'a\u{10ffff}', 'a\uffff']
  it('is that of UTF-8', () => {
    const byBuffer = [...texts].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    expect([...texts].sort(compareBytewise)).toEqual(byBuffer)
  })
})
