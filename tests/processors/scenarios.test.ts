/** The table of small histories through the whole topology, in any number of partitions, order of commits, and over a restart. */
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DIMENSIONS } from '../../schemas/records.ts'
import { asIngested } from '../support/as-ingested.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { expectCheck } from '../verify/expect-check.ts'
import type { ScenarioCheck } from '../verify/scenario.ts'
import { WORKSPACE } from '../verify/scenario-events.ts'
import { SCENARIOS } from '../verify/scenarios.ts'

function check(driver: TopologyDriver, expected: ScenarioCheck): void {
  const end = Date.parse(expected.at)
  const rows = driver.rows(WORKSPACE).filter((row) => row.window === expected.window && row.end_ms === end)
  const whole = rows.find((row) => row.dimension === '')
  // A window in which nobody was active is not published: its counts are 0 and its K is unknown.
  if (whole === undefined) {
    for (const [name, count] of Object.entries(expected.counts ?? {})) expect(count, name).toEqual(typeof count === 'number' ? 0 : {})
    return
  }
  const slices = DIMENSIONS.flatMap((dimension) =>
    rows.filter((row) => row.dimension === dimension).map((row) => ({ dimension, value: row.value, counts: row.counts })),
  )
  expectCheck(expected, { whole: { counts: whole.counts, k: whole.k }, slices } as never)
}

/** Commit after every record, with the ticks of a running product and a restart in the middle: the same numbers. */
async function runStepwise(driver: TopologyDriver, records: readonly LogRecord[]): Promise<void> {
  for (const [index, record] of records.entries()) {
    await driver.put([record])
    driver.commit()
    // No later than the event: some events of the table are late to the millisecond.
    if ('occurred_at' in record) await driver.tick(Math.min(record.occurred_at, record.received_at))
    if (index === Math.floor(records.length / 2)) driver.restart()
  }
}

describe.each(SCENARIOS)('$name', ({ records, checks }) => {
  it('in one commit', async () => {
    const driver = new TopologyDriver()
    await driver.put(asIngested(records))
    driver.commit()
    for (const expected of checks) check(driver, expected)
  })

  it('with a commit after every record and a restart between', async () => {
    const driver = new TopologyDriver()
    await runStepwise(driver, asIngested(records))
    for (const expected of checks) check(driver, expected)
  })

  it('in three partitions', async () => {
    const driver = new TopologyDriver(3)
    await runStepwise(driver, asIngested(records))
    for (const expected of checks) check(driver, expected)
  })
})
