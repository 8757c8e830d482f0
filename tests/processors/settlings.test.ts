/** Settling where partitions are processed apart: what settles must not itself have something to settle. */
import { describe, expect, it } from 'vitest'
import { EVERY_WORKSPACE, type LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { SpreadDriver } from '../support/spread-driver.ts'
import { history, START_MS } from './shop-history.ts'

const tick = (atMs: number): LogRecord => ({ v: 1, workspace: EVERY_WORKSPACE, type: 'tick', received_at: atMs })
const AFTER_MS = START_MS + DAY_MS

describe.each([2, 3, 4])('with %i partitions', (partitions) => {
  it('events and ticks are settled by one settling, and then it is quiet', async () => {
    const driver = new SpreadDriver(partitions)
    driver.put([...history(), tick(AFTER_MS)])
    const settlings = [await driver.settlingsUntilQuiet()]
    for (let minute = 1; minute <= 5; minute += 1) {
      driver.put([tick(AFTER_MS + minute * MINUTE_MS)])
      settlings.push(await driver.settlingsUntilQuiet())
    }
    expect(settlings).toEqual([1, 1, 1, 1, 1, 1])
  })
})
