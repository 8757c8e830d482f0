import { expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { TopologyDriver } from '../support/topology-driver.ts'

const T = Date.UTC(2026, 2, 2)
const share = (id: string, day: number, extra = {}): LogRecord =>
  ({
    v: 1,
    workspace: 'w',
    type: 'share',
    event_id: id,
    actor_id: id,
    content_id: 'x',
    occurred_at: T + day * DAY_MS,
    received_at: T + 400 * DAY_MS,
    ...extra,
  }) as LogRecord
const end = (id: string): LogRecord =>
  ({ v: 1, workspace: 'w', type: 'import_end', import_id: id, received_at: T + 400 * DAY_MS }) as LogRecord

it('one commit: a late event, then events more than 7 days on', async () => {
  const driver = new TopologyDriver()
  await driver.put([share('a', 0), share('b', 10)])
  driver.commit()
  await driver.put([share('late', 4), share('c', 20)])
  driver.commit()
  expect(driver.row('w', '24h', T + 4 * DAY_MS)?.counts.shares).toBe(1)
  expect(driver.row('w', '7d', T + 4 * DAY_MS)?.counts.shares).toBe(2)
})
it('an import that begins within the lateness and goes on for more than 7 days', async () => {
  const driver = new TopologyDriver()
  const m1 = { import_id: 'm1' }
  const m2 = { import_id: 'm2' }
  await driver.put([share('a', 0, m1), share('b', 10, m1), end('m1')])
  driver.commit()
  await driver.put([share('late', 4, m2)])
  driver.commit()
  await driver.put([share('c', 12, m2)])
  driver.commit()
  await driver.put([share('d', 20, m2)])
  driver.commit()
  await driver.put([end('m2')])
  driver.commit()
  expect(driver.row('w', '24h', T + 4 * DAY_MS)?.counts.shares).toBe(1)
  expect(driver.row('w', '7d', T + 4 * DAY_MS)?.counts.shares).toBe(2)
})
