/** Events that are only stored change no number, no time and no person, wherever they stand among those that count. */
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import { asIngested } from '../support/as-ingested.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { SCENARIOS } from '../verify/scenarios.ts'
import { collectFacts } from '../../verify/naive-pass.ts'

const DAYS_30_MS = 30 * 86_400_000

/** Before every record one of an unknown person, received and occurred far from it. */
function amongTracked(records: readonly LogRecord[]): LogRecord[] {
  return records.flatMap((record, index): LogRecord[] => [
    {
      v: 1,
      type: 'tracked',
      workspace: record.workspace,
      event_id: `tracked-${index}`,
      received_at: record.received_at + (index % 2 === 0 ? DAYS_30_MS : 0),
      occurred_at: record.received_at + (index % 3 === 0 ? -DAYS_30_MS : DAYS_30_MS),
      actor_id: `visitor-${index}`,
      kind: 'page',
      name: 'Home',
    },
    record,
  ])
}

/** Rows without the version, which is a place in the log. */
async function rowsOf(records: readonly LogRecord[], partitions: number): Promise<unknown[]> {
  const driver = new TopologyDriver(partitions)
  await driver.put(records)
  driver.commit()
  const rows = [...driver.rows(), ...driver.people()].map(({ version: _version, ...row }) => JSON.stringify(row))
  return rows.sort()
}

describe.each(SCENARIOS)('$name', ({ records }) => {
  it.each([1, 3])('in %d partitions', async (partitions) => {
    const plain = asIngested(records)
    expect(await rowsOf(amongTracked(plain), partitions)).toEqual(await rowsOf(plain, partitions))
  })

  it('in the naive pass', async () => {
    const workspace = records[0]?.workspace ?? ''
    const entries = (all: readonly LogRecord[]) => all.map((record, offset) => ({ partition: offset % 2, offset, record }))
    const plain = asIngested(records)
    // The same partition for each record, with and without its neighbour.
    const mixed = amongTracked(plain).map((record, index) => ({ partition: Math.floor(index / 2) % 2, offset: index, record }))
    expect(await collectFacts(mixed, workspace)).toEqual(await collectFacts(entries(plain), workspace))
  })
})

it('are handed to the sink, without a number', async () => {
  const driver = new TopologyDriver()
  await driver.put(amongTracked([{ v: 1, type: 'tick', workspace: 'only-tracked', received_at: 1_700_000_000_000 }]))
  driver.commit()
  expect(driver.events).toMatchObject([{ actor: 0, late: false, record: { type: 'tracked', event_id: 'tracked-0' } }])
  expect(driver.people()).toEqual([])
})
