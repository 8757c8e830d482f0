/** The watermark of a workspace: what its partitions allow, whenever they are heard of. */
import { describe, expect, it } from 'vitest'
import type { PartitionTimeReport } from '../../processors/runtime/partition-time.ts'
import { WorkspaceTime } from '../../processors/runtime/workspace-time.ts'
import { MINUTE_MS, WATERMARK_DELAY_MS } from '../../schemas/windows.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const HISTORY_MS = Date.UTC(2004, 3, 1)

/** History that was sent in so long after the others' first; nothing since, by a clock that is so far on. */
function history(newest: number, receivedMinutes: number, clockMinutes = receivedMinutes): PartitionTimeReport {
  const receivedMs = NOW_MS + receivedMinutes * MINUTE_MS
  return { newestMs: HISTORY_MS + newest, receivedMs, clockMs: NOW_MS + clockMinutes * MINUTE_MS, isLive: false }
}

function watermarkOf(reports: readonly (PartitionTimeReport | undefined)[], tickMs: readonly number[] = []): number {
  const time = new WorkspaceTime(reports.length)
  for (const [partition, report] of reports.entries()) if (report !== undefined) time.settle(partition, report)
  time.advance(tickMs)
  return time.watermarkMs
}

describe('the watermark of history', () => {
  it.each([
    ['is the least of the partitions', [history(1_000, 0), history(2_000, 0)], 1_000],
    ['is the same when all are heard of long after', [history(1_000, 0, 90), history(2_000, 0.1, 90)], 1_000],
    ['leaves out who is a minute behind the newest', [history(1_000, 0, 2), history(2_000, 1, 2)], 2_000],
    ['leaves out nobody who is less behind, whatever the clock', [history(1_000, 0, 90), history(2_000, 0.9, 90)], 1_000],
    ['leaves out nobody whose own clock is not as far', [history(1_000, 0, 0.5), history(2_000, 3)], 1_000],
  ] as const)('%s', (_, reports, newest) => {
    expect(watermarkOf(reports)).toBe(HISTORY_MS + newest - WATERMARK_DELAY_MS)
  })

  it('waits for a partition that has not been heard of, until a tick says that it has nothing', () => {
    expect(watermarkOf([history(1_000, 0, 90), undefined])).toBe(Number.NEGATIVE_INFINITY)
    expect(watermarkOf([history(1_000, 0, 90), undefined], [NOW_MS, NOW_MS])).toBe(HISTORY_MS + 1_000 - WATERMARK_DELAY_MS)
  })

  it('stays where it is when there are ticks only', () => {
    expect(watermarkOf([undefined, undefined], [NOW_MS, NOW_MS])).toBe(Number.NEGATIVE_INFINITY)
  })
})
