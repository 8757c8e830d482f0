import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'
import { DAY_MS, LIVE_WINDOWS } from '../../schemas/windows.ts'
import { compareWindow } from '../../verify/compare.ts'
import { NaiveLateness } from '../../verify/naive-lateness.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { recomputation } from '../../verify/sql-credits.ts'
import { sqlWindows } from '../../verify/sql-window.ts'
import type { WindowNumbers, WindowSpec } from '../../verify/window-numbers.ts'
import { openChdbWarehouse } from '../../warehouse/drivers/chdb.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { migrate } from '../../warehouse/migrations/migrate.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { expectCheck } from '../verify/expect-check.ts'
import { SCENARIOS } from '../verify/scenarios.ts'

/** Rows as they stand in `events`: everything of the log, repeated ids too, so that the SQL must see to them. */
function admitted(records: readonly LogRecord[], workspaceOf: (record: LogRecord) => string): AdmittedEvent[] {
  const latenesses = new Map<string, NaiveLateness>()
  const events: AdmittedEvent[] = []
  for (const [offset, record] of records.entries()) {
    const workspace = workspaceOf(record)
    const lateness = latenesses.get(workspace) ?? new NaiveLateness()
    latenesses.set(workspace, lateness)
    lateness.observe(0, record)
    if (!('occurred_at' in record)) continue
    const late = lateness.isLate(0, record)
    events.push({ record: { ...record, workspace }, partition: 0, offset, actor: 0, late })
  }
  return events
}

describe('the recomputation by SQL', () => {
  let folder: string
  let warehouse: Warehouse

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kappa-sql-window-'))
    warehouse = await openChdbWarehouse({ path: join(folder, 'chdb') })
    await migrate(warehouse, 0)
    const sink = createSink(warehouse.writer, warehouse.reader)
    // One log for all: positions must not repeat, and what is superseded moves along.
    let startOffset = 0
    const events: AdmittedEvent[] = []
    for (const [index, { records }] of SCENARIOS.entries()) {
      for (const event of admitted(records, (record) => `${record.workspace}-${index}`)) {
        const { supersedes } = event.record
        const record = supersedes
          ? { ...event.record, supersedes: { ...supersedes, offset: startOffset + supersedes.offset } }
          : event.record
        events.push({ ...event, record, offset: startOffset + event.offset })
      }
      startOffset += records.length
    }
    await sink.write({ token: 'scenarios', version: 1, events, quarantined: [], people: [], growth: [], restatements: [] })
  })

  afterAll(async () => {
    await warehouse.close()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))('$name', async ({ records, checks, index }) => {
    const workspace = `scenario-${index}`
    const facts = await collectFacts(
      records.filter((record) => record.workspace === 'scenario').map((record, offset) => ({ partition: 0, offset, record })),
      'scenario',
    )
    const windows = checks.map(({ at, window }) => {
      return { endMs: Date.parse(at), lengthMs: LIVE_WINDOWS.find(({ name }) => name === window)?.lengthMs ?? 0 }
    })
    const answers = await sqlWindows(warehouse.reader, workspace, windows)
    for (const [position, check] of checks.entries()) {
      const window = windows[position] as WindowSpec
      const numbers = answers[position] as WindowNumbers
      expectCheck(check, numbers)
      const naive = naiveWindow(facts, window)
      expect(compareWindow(naive, numbers, naive).filter((row) => row.difference !== 0)).toEqual([])
    }
  })

  it('reads the log only up to the given offsets', async () => {
    const [whole] = await sqlWindows(warehouse.reader, 'scenario-0', [{ endMs: Date.UTC(2100, 0, 1), lengthMs: 36_500 * DAY_MS }])
    const [nothing] = await sqlWindows(warehouse.reader, 'scenario-0', [{ endMs: Date.UTC(2100, 0, 1), lengthMs: 36_500 * DAY_MS }], [0])
    expect(whole?.whole.counts.active_users).toBeGreaterThan(0)
    expect(nothing).toMatchObject({ whole: { counts: { active_users: 0 } }, slices: [] })
  })

  it('refuses a query that reads a table past the workspace', () => {
    expect(() => recomputation('SELECT count() FROM events')).toThrow(TypeError)
  })
})
