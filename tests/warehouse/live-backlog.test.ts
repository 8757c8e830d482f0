/** What waits for a slow channel: a backlog cut anywhere ends with the same states as all the events one by one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { LiveEvent } from '../../schemas/ports/live.ts'
import { LiveBacklog } from '../../warehouse/live/live-backlog.ts'

function event(workspace: string, version: number, windows: readonly string[]): LiveEvent {
  const common = { workspace, dimension: '' as const, value: '', end_ms: 0, final: false, counts: EMPTY_COUNTS, k: null }
  return {
    kind: 'growth',
    workspace,
    watermarkMs: version,
    rows: windows.map((window) => ({ ...common, window, version, watermark_ms: version })),
  }
}
/** Newest version of each window of each workspace. */
function statesOf(events: readonly LiveEvent[]): Map<string, number> {
  return new Map(events.flatMap(({ rows }) => rows.map((row) => [`${row.workspace} ${row.window}`, row.version] as const)))
}

const change = fc.record({
  workspace: fc.constantFrom('a', 'b', 'c'),
  windows: fc.uniqueArray(fc.constantFrom('1h', '24h', '7d'), { minLength: 1 }),
  /** Sent before the next: none, or one that arrives, or one that fails and waits again. */
  outcome: fc.constantFrom('wait', 'send', 'fail'),
})

test('whatever is sent, fails or waits, the last states arrive', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const backlog = new LiveBacklog(10)
      const arrived: LiveEvent[] = []
      const failing: LiveEvent[] = []
      const all = changes.map(({ workspace, windows }, version) => event(workspace, version, windows))
      for (const [index, { outcome }] of changes.entries()) {
        backlog.add(all[index] as LiveEvent)
        for (const failed of failing.splice(0)) backlog.addOlder(failed)
        const next = outcome === 'wait' ? undefined : backlog.shift()
        if (next !== undefined) (outcome === 'send' ? arrived : failing).push(next)
      }
      for (const failed of failing) backlog.addOlder(failed)
      for (let next = backlog.shift(); next !== undefined; next = backlog.shift()) arrived.push(next)
      expect(new Map([...statesOf(arrived)].sort())).toEqual(new Map([...statesOf(all)].sort()))
    }),
  )
})

test('beyond its size the workspace that changed longest ago goes, and is counted', () => {
  const backlog = new LiveBacklog(2)
  expect([backlog.add(event('a', 1, ['1h'])), backlog.add(event('b', 2, ['1h'])), backlog.add(event('a', 3, ['1h']))]).toEqual([
    false,
    false,
    true,
  ])
  backlog.add(event('c', 4, ['1h']))
  expect([backlog.get('a')?.watermarkMs, backlog.get('b'), backlog.overflowed]).toEqual([3, undefined, 1])
})
