/** A rebuild on its way into the warehouse: unseen until it is whole, then in the place of what stood, with what changed told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { WarehouseWriter } from '../../schemas/ports/warehouse.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { CommitBatch, GrowthRow, PersonRow, RebuiltWorkspace } from '../../schemas/records.ts'
import { HOUR_MS } from '../../schemas/windows.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { openTestWarehouse } from '../warehouse/open-test-warehouse.ts'

let warehouse: Warehouse
let sink: Sink
beforeAll(async () => {
  warehouse = await openTestWarehouse()
  sink = createSink(warehouse.writer, warehouse.reader)
})
afterAll(() => warehouse.close())

const NOON = Date.UTC(2026, 0, 1, 12)
const OLD = 10
const NEW = 20

function batch(parts: Partial<CommitBatch>): CommitBatch {
  return { token: 't', version: 1, events: [], quarantined: [], people: [], growth: [], restatements: [], ...parts }
}

function window(workspace: string, hours: number, active: number, more: Partial<GrowthRow> = {}): GrowthRow {
  return {
    workspace,
    window: '1h',
    dimension: '',
    value: '',
    end_ms: NOON + hours * HOUR_MS,
    final: true,
    version: OLD,
    watermark_ms: NOON,
    counts: { ...EMPTY_COUNTS, active_users: active },
    k: { credits: 0, credits_squared: 0, people: active, cycles: 0, exposure: null },
    ...more,
  }
}

function person(workspace: string, actor: number, referrer: string, version = OLD): PersonRow {
  const none = { signup_event_id: '', via: '', channel: '', campaign: '', variant: '' } as const
  return { ...none, workspace, actor, actor_id: `p${actor}`, first_activity_ms: NOON, signup_ms: null, referrer_id: referrer, version }
}

const slice = { dimension: 'channel', value: 'mail', k: null } as const

/** What stands: three ends, a slice, a running window, two people. */
async function stand(workspace: string): Promise<void> {
  await sink.write(
    batch({
      growth: [
        window(workspace, 0, 5),
        window(workspace, 1, 6, { counts: { ...EMPTY_COUNTS, active_users: 6, revenue: { EUR: 100 } } }),
        window(workspace, 2, 7),
        window(workspace, 0, 3, slice),
        window(workspace, 3, 1, { final: false }),
      ],
      people: [person(workspace, 1, ''), person(workspace, 2, 'p1')],
    }),
  )
}

/** The rebuild: one end other, one gone, one new, the slice other, another person's referrer other. */
function partsOf(workspace: string, cause: string, more: Partial<RebuiltWorkspace> = {}): CommitBatch[] {
  const id = `rebuild-${workspace}`
  const growth = [
    window(workspace, 0, 5),
    window(workspace, 1, 9),
    window(workspace, 4, 2),
    window(workspace, 0, 4, slice),
    window(workspace, 3, 1, { final: false }),
  ].map((row) => ({ ...row, version: NEW }))
  const rebuilt = { workspace, version: NEW, isHome: true, cause, atMs: NOON, ...more }
  return [
    batch({ growth: growth.slice(0, 2), people: [person(workspace, 1, '', NEW)], staged: { id, part: 1 } }),
    batch({ growth: growth.slice(2), people: [person(workspace, 2, 'p9', NEW)], staged: { id, part: 2 } }),
    batch({ staged: { id, part: 3 }, rebuilt }),
  ]
}

const rowsOf = <Row>(sql: string) => warehouse.rows<Row>(sql)

async function windows(workspace: string): Promise<string[]> {
  const rows = await rowsOf<{ hours: number; value: string; active: number }>(
    `SELECT toInt32(dateDiff('hour', toDateTime64('2026-01-01 12:00:00', 3, 'UTC'), end_at)) AS hours, value, active_users AS active
     FROM growth_windows FINAL WHERE workspace = '${workspace}' AND active_users > 0 ORDER BY value, hours`,
  )
  return rows.map(({ hours, value, active }) => `${value}${hours}:${active}`)
}

const referrers = async (workspace: string) =>
  (await rowsOf<{ r: string }>(`SELECT referrer_id AS r FROM people FINAL WHERE workspace = '${workspace}' ORDER BY actor`)).map(
    ({ r }) => r,
  )

const BEFORE = ['0:5', '1:6', '2:7', '3:1', 'mail0:3']
const AFTER = ['0:5', '1:9', '3:1', '4:2', 'mail0:4']

const restated = (workspace: string) =>
  rowsOf(`SELECT metric, before, after, cause, toUnixTimestamp64Milli(end_at) AS end_ms FROM restatements FINAL
          WHERE workspace = '${workspace}' AND metric IN ('active_users', 'revenue:EUR') ORDER BY end_ms, metric`)
const differences = (workspace: string) =>
  rowsOf(`SELECT source, value, metric, live, rebuilt FROM rebuild_differences FINAL
          WHERE workspace = '${workspace}' AND metric IN ('active_users', 'revenue:EUR', 'referrer_id') ORDER BY source, value, end_at, metric`)
const leftovers = () => rowsOf("SELECT name FROM system.tables WHERE name LIKE '%\\_rebuild\\_%'")

describe('a rebuild', () => {
  test('is unseen until its end, then stands whole; nothing is left beside', async () => {
    await stand('whole')
    const [first, second, end] = partsOf('whole', 'replay:r1') as [CommitBatch, CommitBatch, CommitBatch]
    for (const part of [first, second]) {
      await sink.write(part)
      expect(await windows('whole')).toEqual(BEFORE)
      expect(await referrers('whole')).toEqual(['', 'p1'])
    }
    await sink.write(end)
    expect(await windows('whole')).toEqual(AFTER)
    expect(await referrers('whole')).toEqual(['', 'p9'])
    expect(await leftovers()).toEqual([])
  })

  test('of a replay tells every difference, and restates what was final of the whole workspace', async () => {
    const at = (hours: number) => ({ cause: 'replay:r1', end_ms: NOON + hours * HOUR_MS })
    expect(await restated('whole')).toEqual([
      { metric: 'active_users', before: 6, after: 9, ...at(1) },
      { metric: 'revenue:EUR', before: 100, after: 0, ...at(1) },
      { metric: 'active_users', before: 7, after: 0, ...at(2) },
    ])
    const windowsOf = { source: 'growth_windows', value: '' }
    expect(await differences('whole')).toEqual([
      { ...windowsOf, metric: 'active_users', live: '6', rebuilt: '9' },
      { ...windowsOf, metric: 'revenue:EUR', live: '100', rebuilt: '0' },
      { ...windowsOf, metric: 'active_users', live: '7', rebuilt: '0' },
      { ...windowsOf, metric: 'active_users', live: '0', rebuilt: '2' },
      { source: 'growth_windows', value: 'mail', metric: 'active_users', live: '3', rebuilt: '4' },
      { source: 'people', value: 'p2', metric: 'referrer_id', live: 'p1', rebuilt: 'p9' },
    ])
  })

  test('of an import restates, and tells no differences: it was to change numbers', async () => {
    await stand('imported')
    for (const part of partsOf('imported', 'import:m1')) await sink.write(part)
    expect(await windows('imported')).toEqual(AFTER)
    expect(await restated('imported')).toHaveLength(3)
    expect(await differences('imported')).toEqual([])
  })

  test('from an instant on leaves the ends before it', async () => {
    await stand('later')
    for (const part of partsOf('later', `replay:r2@${NOON + 2 * HOUR_MS}`)) await sink.write(part)
    expect(await windows('later')).toEqual(['0:5', '1:6', '3:1', '4:2', 'mail0:3'])
    expect((await differences('later')).map((row) => (row as { live: string }).live)).toEqual(['7', '0', 'p1'])
  })

  test('where the windows are not at home replaces people only', async () => {
    await stand('away')
    const parts = partsOf('away', 'replay:r3', { isHome: false }).map((part) => ({ ...part, growth: [] }))
    for (const part of parts) await sink.write(part)
    expect(await windows('away')).toEqual(BEFORE)
    expect(await referrers('away')).toEqual(['', 'p9'])
  })

  test('that an older build began, without columns of this one, ends all the same', async () => {
    await stand('older')
    const [first, ...others] = partsOf('older', 'replay:r5') as [CommitBatch, ...CommitBatch[]]
    await sink.write(first)
    const staged = (await leftovers()) as { name: string }[]
    const people = staged.find(({ name }) => name.startsWith('people')) as { name: string }
    await warehouse.command(`ALTER TABLE ${people.name} DROP COLUMN actor_key, DROP COLUMN referrer_key`)
    for (const part of others) await sink.write(part)
    expect(await windows('older')).toEqual(AFTER)
    const keys =
      "SELECT countIf(actor_key != 0) AS actors, countIf(referrer_key != 0) AS referrers FROM people FINAL WHERE workspace = 'older'"
    expect(await rowsOf(keys)).toEqual([{ actors: 2, referrers: 1 }])
  })

  test('that broke off and begins anew is as if it had not', async () => {
    await stand('broken')
    const parts = partsOf('broken', 'replay:r4')
    await sink.write({
      ...(parts[0] as CommitBatch),
      growth: [window('broken', 1, 77, { version: NEW }), window('broken', 9, 77, { version: NEW })],
    })
    const afterCrash = createSink(warehouse.writer, warehouse.reader)
    for (const part of parts) await afterCrash.write(part)
    expect(await windows('broken')).toEqual(AFTER)
    // A crash before its commit is written down makes it all come again.
    for (const part of parts)
      await createSink(warehouse.writer, warehouse.reader)
        .write(part)
        .catch(() => undefined)
    const again = createSink(warehouse.writer, warehouse.reader)
    for (const part of parts) await again.write(part)
    expect(await windows('broken')).toEqual(AFTER)
    expect(await differences('broken')).toHaveLength(6)
    expect(await restated('broken')).toHaveLength(3)
  })

  test.each([1, 4, 5, 6, 7, 8, 9])('whose answer to statement %d is lost comes again, with the same end', async (lost) => {
    const workspace = `lost${lost}`
    await stand(workspace)
    let count = 0
    const writer: WarehouseWriter = {
      ...warehouse.writer,
      async command(sql) {
        await warehouse.writer.command(sql)
        count += 1
        if (count === lost) throw new WarehouseUnavailableError('the answer was lost')
      },
    }
    const lossy = createSink(writer, warehouse.reader)
    for (const part of partsOf(workspace, 'replay:r5')) {
      try {
        await lossy.write(part)
      } catch {
        await lossy.write(part)
      }
    }
    expect(await windows(workspace)).toEqual(AFTER)
    expect(await referrers(workspace)).toEqual(['', 'p9'])
    expect(await differences(workspace)).toHaveLength(6)
    expect(await restated(workspace)).toHaveLength(3)
    expect(await leftovers()).toEqual([])
  })

  test('of many windows is seen by who reads all the while as before or as after, nothing between', async () => {
    const ends = Array.from({ length: 20_000 }, (_, index) => index)
    await sink.write(batch({ growth: ends.map((end) => window('many', end, 1)) }))
    const sums = new Set<number>()
    let isOver = false
    const reading = (async () => {
      while (!isOver) {
        const [row] = await rowsOf<{ active: number }>(
          "SELECT sum(active_users) AS active FROM growth_windows FINAL WHERE workspace = 'many'",
        )
        sums.add(row?.active ?? -1)
      }
    })()
    for (let part = 1; part <= 4; part += 1) {
      const growth = ends.slice((part - 1) * 5_000, part * 5_000).map((end) => window('many', end, 3, { version: NEW }))
      await sink.write(batch({ growth, staged: { id: 'many', part } }))
    }
    const rebuilt = { workspace: 'many', version: NEW, isHome: true, cause: 'import:m', atMs: NOON }
    await sink.write(batch({ staged: { id: 'many', part: 5 }, rebuilt }))
    isOver = true
    await reading
    const [row] = await rowsOf<{ active: number }>("SELECT sum(active_users) AS active FROM growth_windows FINAL WHERE workspace = 'many'")
    sums.add(row?.active ?? -1)
    expect(sums).toEqual(new Set([20_000, 60_000]))
  })
})
