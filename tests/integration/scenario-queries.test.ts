/**
 * The table of small histories once more: the stream's events and people go into the warehouse, and the queries at any
 * window end must answer as the stream published.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { Dimension, GrowthCounts } from '../../schemas/records.ts'
import { LIVE_WINDOWS } from '../../schemas/windows.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { readGrowthBreakdown, readGrowthCounts } from '../../warehouse/queries/growth-window.ts'
import { readKStatistics } from '../../warehouse/queries/k-statistics.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { asIngested } from '../support/as-ingested.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { expectCheck } from '../verify/expect-check.ts'
import { WORKSPACE } from '../verify/scenario-events.ts'
import { SCENARIOS } from '../verify/scenarios.ts'
import { openTestWarehouse } from '../warehouse/open-test-warehouse.ts'

let warehouse: Warehouse
const drivers: TopologyDriver[] = []
const workspaceOf = (workspace: string, index: number) => `${workspace}-${index}`

beforeAll(async () => {
  warehouse = await openTestWarehouse()
  const sink = createSink(warehouse.writer, warehouse.reader)
  for (const [index, { records }] of SCENARIOS.entries()) {
    const driver = new TopologyDriver()
    await driver.put(asIngested(records))
    driver.commit()
    drivers.push(driver)
    await sink.write({
      token: `scenario-${index}`,
      version: 1,
      events: driver.events.map((event) => ({
        ...event,
        record: { ...event.record, workspace: workspaceOf(event.record.workspace, index) },
      })),
      people: driver.people().map((person) => ({ ...person, workspace: workspaceOf(person.workspace, index) })),
      quarantined: [],
      growth: [],
      restatements: [],
    })
  }
})
afterAll(() => warehouse.close())

/** Counts, K and the slices of some dimensions of one window, by the queries. */
async function queried(workspace: string, endMs: number, lengthMs: number, dimensions: Iterable<Dimension>) {
  const counts = await readGrowthCounts(warehouse.reader, workspace, { endMs, lengthMs })
  const k = await readKStatistics(warehouse.reader, workspace, endMs, lengthMs)
  const slices: { dimension: Dimension; value: string; counts: GrowthCounts }[] = []
  for (const dimension of dimensions) {
    const { slices: some } = await readGrowthBreakdown(warehouse.reader, workspace, { endMs, lengthMs }, dimension)
    for (const slice of some) {
      slices.push({ dimension, value: slice.value, counts: slice.counts })
    }
  }
  return { whole: { counts, k }, slices }
}

describe('queries at the ends of the scenarios', () => {
  test.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))('$name', async ({ checks, index }) => {
    const workspace = workspaceOf(WORKSPACE, index)
    const driver = drivers[index]
    // Breakdowns where the scenario looks at one, to keep the suite short.
    const dimensions = new Set(checks.flatMap((check) => check.slice?.dimension ?? []))
    const answers = new Map<string, Awaited<ReturnType<typeof queried>>>()
    for (const check of checks) {
      const endMs = Date.parse(check.at)
      const lengthMs = LIVE_WINDOWS.find((window) => window.name === check.window)?.lengthMs ?? 0
      const key = `${check.window} ${check.at}`
      const answer = answers.get(key) ?? (await queried(workspace, endMs, lengthMs, dimensions))
      expectCheck(check, answer)
      if (check.slice !== undefined) {
        const { dimension, value } = check.slice
        const slice = answer.slices.find((each) => each.dimension === dimension && each.value === value)
        const filtered = await readGrowthCounts(warehouse.reader, workspace, { endMs, lengthMs, filter: { [dimension]: value } })
        expect(filtered, `${key} ${dimension}=${value}`).toEqual(slice?.counts ?? EMPTY_COUNTS)
      }
      if (answers.has(key)) continue
      answers.set(key, answer)
      const published = driver?.row(WORKSPACE, check.window, endMs)
      if (published !== undefined) expect(answer.whole).toEqual({ counts: published.counts, k: published.k })
      for (const { dimension, value, counts } of answer.slices) {
        expect(counts, `${key} ${dimension}=${value}`).toEqual(driver?.row(WORKSPACE, check.window, endMs, dimension, value)?.counts)
      }
    }
  })
})
