/** Nothing depends on the order in the log, on how it is cut into commits, or on partitions. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { GrowthRow, PersonRow } from '../../schemas/records.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { arbitraryAction } from './arbitrary-action.ts'

const DAY_ONE = Date.UTC(2026, 2, 2)
const MINUTE = 60_000
const people = ['ann', 'bob', 'cem', 'dee', 'eva']

const common = {
  actor_id: fc.constantFrom(...people),
  // A few instants only, so that ties and shared panes are common; all within the lateness.
  occurred_at: fc.integer({ min: 0, max: 40 }).map((step) => DAY_ONE + step * 11 * MINUTE + (step % 3)),
  channel: fc.constantFrom('mail', 'chat', undefined),
  campaign: fc.constantFrom('spring', undefined),
}
const record = arbitraryAction(common)

function asRecords(drafts: readonly object[]): LogRecord[] {
  const receivedAtMs = DAY_ONE + 3 * 86_400_000
  return drafts.map((draft, index) => {
    const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined))
    return { v: 1, workspace: 'w', event_id: `e${index}`, received_at: receivedAtMs, ...given } as LogRecord
  })
}

const tick: LogRecord = { v: 1, workspace: 'w', type: 'tick', received_at: DAY_ONE + 12 * 3_600_000 }

async function outcome(records: readonly LogRecord[], partitions: number, commitEvery: number, restarts: boolean) {
  const driver = new TopologyDriver(partitions)
  for (let start = 0; start < records.length; start += commitEvery) {
    await driver.put(records.slice(start, start + commitEvery))
    driver.commit()
    if (restarts) driver.restart()
  }
  await driver.put([tick])
  driver.commit()
  const plain = ({ version: _, watermark_ms, ...row }: GrowthRow) => row
  const byKey = (a: GrowthRow, b: GrowthRow) =>
    a.window.localeCompare(b.window) || a.end_ms - b.end_ms || a.dimension.localeCompare(b.dimension) || a.value.localeCompare(b.value)
  const person = ({ version: _, actor: __, ...row }: PersonRow) => row
  return {
    // A slice whose events all moved elsewhere stays published with nothing in it.
    growth: driver
      .rows()
      .filter((row) => row.final && (row.dimension === '' || row.counts.active_users > 0))
      .sort(byKey)
      .map(plain),
    people: driver
      .people()
      .map(person)
      .sort((a, b) => (a.actor_id < b.actor_id ? -1 : 1)),
  }
}

describe('the same events', () => {
  it('give the same rows in any order, any commits, any number of partitions, with restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 25 }),
        fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 25, maxLength: 25 }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        async (drafts, weights, commitEvery, partitions) => {
          const records = asRecords(drafts)
          const shuffled = records
            .map((each, index) => ({ each, weight: weights[index] ?? 0 }))
            .sort((a, b) => a.weight - b.weight)
            .map(({ each }) => each)
          const inOrder = await outcome(
            records.toSorted((a, b) => ('occurred_at' in a && 'occurred_at' in b ? a.occurred_at - b.occurred_at : 0)),
            1,
            1_000,
            false,
          )
          expect(await outcome(shuffled, partitions, commitEvery, true)).toEqual(inOrder)
        },
      ),
      { numRuns: 40 },
    )
  })
})
