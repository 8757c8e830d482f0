/** An import that came to no end, alone or run again under a new name: once time has gone on, all of it counts. */
import { describe, expect, it } from 'vitest'
import { EVERY_WORKSPACE, type LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS, LIVE_WINDOWS, MINUTE_MS } from '../../schemas/windows.ts'
import type { TopologyOutput } from '../../processors/topology-output.ts'
import { Ticker } from '../../processors/ticker.ts'
import { Topology } from '../../processors/topology.ts'
import { SpreadDriver } from '../support/spread-driver.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { partitionsOfRecord } from '../support/partition-of-record.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'

const NOW_MS = Date.UTC(2026, 2, 2)

const share = (id: string, occurredMs: number, afterMs: number, extra = {}): LogRecord =>
  ({
    v: 1,
    workspace: 'w',
    type: 'share',
    event_id: id,
    actor_id: id.slice(0, 2),
    content_id: 'x',
    occurred_at: occurredMs,
    received_at: NOW_MS + afterMs,
    ...extra,
  }) as LogRecord
const live = (id: string, afterMs: number) => share(id, NOW_MS + afterMs, afterMs)
/** Far behind what the state holds. */
const old = (id: string, afterMs: number, importId: string) => share(id, NOW_MS - 60 * DAY_MS, afterMs, { import_id: importId })
const end = (importId: string, afterMs: number): LogRecord => ({
  v: 1,
  workspace: 'w',
  type: 'import_end',
  import_id: importId,
  received_at: NOW_MS + afterMs,
})
const tick = (afterMs: number): LogRecord => ({ v: 1, workspace: EVERY_WORKSPACE, type: 'tick', received_at: NOW_MS + afterMs })

const RUN_AGAIN = [
  live('p1-live', 0),
  live('p2-live', 0),
  live('p3-live', 0),
  old('p1-old', 1_000, 'm1'), // and the log refuses the rest
  old('p2-old', 3_000, 'm2'),
  share('p3-new', NOW_MS - DAY_MS, 3_000, { import_id: 'm2' }),
  end('m2', 4_000),
]
const NEVER_RUN_AGAIN = RUN_AGAIN.slice(0, 4)
const LATER = [tick(5_000), live('p4-live', 61_000), tick(62_000), tick(67_000), tick(72_000)]

const firstActivities = (people: readonly { readonly actor_id: string; readonly first_activity_ms: number | null }[]) =>
  new Map(people.map((person) => [person.actor_id, person.first_activity_ms]))
const factsOf = (records: readonly LogRecord[]) =>
  collectFacts(
    records.map((record, offset) => ({ partition: 0, offset, record })),
    'w',
  )

/** How often each end before the live events was published as final. */
class CountingDriver extends TopologyDriver {
  readonly #times = new Map<string, number>()

  get timesFinal(): number[] {
    return [...this.#times.values()]
  }

  override keep(output: TopologyOutput): void {
    super.keep(output)
    for (const { window, end_ms, dimension, value, final } of output.growth) {
      if (!final || end_ms > NOW_MS - MINUTE_MS) continue
      const key = [window, end_ms, dimension, value].join('|')
      this.#times.set(key, (this.#times.get(key) ?? 0) + 1)
    }
  }
}

async function processed(driver: TopologyDriver, record: LogRecord): Promise<void> {
  await driver.put([record])
  driver.commit()
  driver.restart()
}

describe.each([
  ['run again at once', RUN_AGAIN, 'import:m2'],
  ['never run again', NEVER_RUN_AGAIN, 'import:m1'],
])('an import that was broken off and is %s', (_, records, cause) => {
  it.each([1, 3])('counts once a minute has passed, in %i partitions', async (partitions) => {
    const driver = new CountingDriver(partitions)
    for (const record of records) await processed(driver, record)
    expect(driver.topology.rebuilds).toBe(0)
    expect(driver.topology.workspace('w')?.windows?.cause).toBe(cause)
    for (const record of LATER) await processed(driver, record)
    const facts = await factsOf([...records, ...LATER])
    expect(firstActivities(driver.people())).toEqual(facts.firstActivityMs)
    for (const { name, lengthMs } of LIVE_WINDOWS) {
      const rows = driver.rows('w').filter((row) => row.window === name && row.dimension === '')
      expect(rows.length).toBeGreaterThan(0)
      for (const { end_ms: endMs, counts } of rows) expect(counts).toEqual(naiveWindow(facts, { endMs, lengthMs }).whole.counts)
    }
    expect(driver.topology.rebuilds).toBe(1)
    expect(driver.timesFinal.filter((times) => times !== 1)).toEqual([])
  })

  it('counts once a minute has passed where partitions are processed apart', async () => {
    const driver = new SpreadDriver(3)
    for (const record of [...records, ...LATER]) {
      driver.put([record])
      await driver.commit()
    }
    expect(firstActivities(driver.people())).toEqual((await factsOf([...records, ...LATER])).firstActivityMs)
  })
})

it('is not taken for broken off by partitions that are read further than its own', async () => {
  const driver = new TopologyDriver(3)
  const [home] = partitionsOfRecord(live('p1-live', 0), 3)
  const further = ['p2', 'p3', 'p4', 'p5', 'p6', 'p7'].filter((actor) => partitionsOfRecord(live(`${actor}-live`, 0), 3)[0] !== home)
  await driver.put([live('p1-live', 0), ...further.map((actor) => live(`${actor}-live`, 0)), tick(500), old('p1-old', 1_000, 'm1')])
  driver.commit()
  for (const actor of further) {
    await driver.put([live(`${actor}-later`, 10 * MINUTE_MS)])
    driver.commit()
  }
  expect(further.length).toBeGreaterThan(2)
  expect(driver.topology.rebuilds).toBe(0)
  await driver.put([old('p1-next', 2_000, 'm1'), end('m1', 3_000)])
  driver.commit()
  expect(driver.topology.rebuilds).toBe(1)
})

describe('an import that was broken off in a workspace of history only, where no tick moves time', () => {
  const HISTORY = [share('p1-new', NOW_MS - 8 * DAY_MS, 0, { import_id: 'm1' }), old('p1-old', 1_000, 'm1'), old('p2-old', 2_000, 'm1')]

  it.each([1, 3])('is ended by who processes, a minute after its newest row, in %i partitions', async (partitions) => {
    const driver = new TopologyDriver(partitions)
    await driver.put(HISTORY)
    driver.commit()
    await driver.tick(NOW_MS + 61_000)
    expect(driver.topology.rebuilds).toBe(0)
    expect(driver.topology.workspace('w')?.windows?.openImports()).toEqual(['m1'])
    await driver.tick(NOW_MS + 62_000)
    driver.commit()
    expect(driver.topology.rebuilds).toBe(1)
    expect(driver.topology.workspace('w')?.windows?.openImports()).toEqual([])
    expect(firstActivities(driver.people())).toEqual((await factsOf(HISTORY)).firstActivityMs)
  })

  it('gets one end, and another when it went on after all', async () => {
    const topology = new Topology(1)
    const written: string[] = []
    const log = {
      partitions: 1,
      append: async (messages: readonly { readonly value: Uint8Array }[]) =>
        messages.map(({ value }) => written.push((JSON.parse(Buffer.from(value).toString()) as LogRecord).type)),
    }
    let nowMs = NOW_MS + 62_000
    const ticker = new Ticker(log, { nowMs: () => nowMs }, [0])
    const process = (offset: number, record: LogRecord) =>
      topology.process({ partition: 0, offset, value: Buffer.from(JSON.stringify(record)) })
    for (const [offset, record] of HISTORY.entries()) process(offset, record)
    await ticker.tick(topology)
    await ticker.tick(topology) // the end was not read yet
    expect(written).toEqual(['import_end'])
    process(3, end('m1', 62_000))
    process(4, old('p3-old', 70_000, 'm1'))
    await ticker.tick(topology)
    nowMs += 70_000
    await ticker.tick(topology)
    expect(written).toEqual(['import_end', 'import_end'])
  })
})
