import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventRecord } from '../../schemas/log-records.ts'
import type { KeptEvent } from '../../schemas/ports/kept-ids.ts'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { AdmittedEvent, CommitBatch, GrowthRow, PersonRow } from '../../schemas/records.ts'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { decodeEventRow, EVENT_ROW_COLUMNS, type EventRowCells } from '../../warehouse/tables/event-row-codec.ts'
import { createKeptIds } from '../../warehouse/sink/kept-events.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { arbitraryRecord, arbitraryTrackedRecord } from './arbitrary-records.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

let warehouse: Warehouse
let sink: Sink
beforeAll(async () => {
  warehouse = await openTestWarehouse()
  sink = createSink(warehouse.writer, warehouse.reader)
})
afterAll(() => warehouse.close())

const NOON = Date.UTC(2026, 0, 1, 12)

function commit(token: string, parts: Partial<CommitBatch>): CommitBatch {
  return { token, version: 1, events: [], quarantined: [], people: [], growth: [], restatements: [], ...parts }
}

function share(workspace: string, offset: number, more: Partial<AdmittedEvent> = {}, fields: object = {}): AdmittedEvent {
  const record = {
    v: 1,
    type: 'share',
    workspace,
    event_id: `event-${offset}`,
    received_at: NOON,
    occurred_at: NOON + offset,
    actor_id: 'ada',
    content_id: 'post',
    ...fields,
  }
  return { record: eventRecord.parse(record), partition: 0, offset, actor: 1, late: false, ...more }
}

async function history(workspace: string, below = [1_000_000], chunkSize = 7): Promise<AdmittedEvent[]> {
  const events: AdmittedEvent[] = []
  for await (const chunk of sink.history(workspace, { below }, chunkSize)) {
    expect(chunk.length).toBeLessThanOrEqual(chunkSize)
    events.push(...chunk)
  }
  return events
}

async function kept(workspace: string, receivedBeforeMs: number): Promise<KeptEvent[]> {
  const events: KeptEvent[] = []
  for await (const event of await createKeptIds(warehouse.reader).loadKept(workspace, receivedBeforeMs)) events.push(event)
  return events
}

const storedRows = async (table: string, workspace: string) =>
  (await warehouse.rows<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE workspace = '${workspace}'`))[0]?.n

test('every field of every kind of event comes back as it was', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryRecord, { minLength: 1, maxLength: 40 }), async (records) => {
      run += 1
      const workspace = `roundtrip-${run}`
      const events: AdmittedEvent[] = records.map((record, offset) => {
        const whole = { ...record, workspace, event_id: `event-${offset}` }
        return { record: eventRecord.parse(whole), partition: offset % 3, offset, actor: offset + 1, late: false }
      })
      await sink.write(commit(`roundtrip-${run}`, { events }))
      const byTime = [...events].sort(
        (a, b) =>
          a.record.occurred_at - b.record.occurred_at || Buffer.compare(Buffer.from(a.record.event_id), Buffer.from(b.record.event_id)),
      )
      expect(await history(workspace, [1_000, 1_000, 1_000])).toEqual(byTime)
    }),
    { numRuns: 25 },
  )
})

test('tracked events come back as they were, and are no history', async () => {
  const cells = EVENT_ROW_COLUMNS.map(({ name, isInstant }) => (isInstant ? `toUnixTimestamp64Milli(${name})` : name)).join(', ')
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryTrackedRecord, { minLength: 1, maxLength: 20 }), async (records) => {
      run += 1
      const workspace = `tracked-${run}`
      const events: AdmittedEvent[] = records.map((record, offset) => {
        return {
          record: eventRecord.parse({ ...record, workspace, event_id: `event-${offset}` }),
          partition: 0,
          offset,
          actor: 0,
          late: false,
        }
      })
      await sink.write(commit(`tracked-${run}`, { events: [...events, share(workspace, 100)] }))
      const sql = `SELECT tuple(${cells}) AS cells FROM events FINAL WHERE workspace = '${workspace}' AND type = 'tracked' ORDER BY _offset`
      const stored = await warehouse.rows<{ cells: EventRowCells }>(sql)
      expect(stored.map((row) => decodeEventRow(row.cells))).toEqual(events)
      expect((await history(workspace)).map((event) => event.offset)).toEqual([100])
    }),
    { numRuns: 10 },
  )
})

test('the same commit again writes no raw row a second time', async () => {
  const batch = commit('same-token', { events: [share('again', 0), share('again', 1)] })
  await sink.write(batch)
  await sink.write(batch)
  expect(await storedRows('events', 'again')).toBe(2)
})

test('events cut into other batches are still one row each', async () => {
  await sink.write(commit('cut-1', { events: [share('cut', 0), share('cut', 1)] }))
  await sink.write(commit('cut-2', { events: [share('cut', 1), share('cut', 2)] }))
  expect((await history('cut')).map((event) => event.offset)).toEqual([0, 1, 2])
})

test('history leaves out late events, events at or above the offsets, and other workspaces', async () => {
  await sink.write(
    commit('filters', {
      events: [
        share('filters', 0),
        share('filters', 1, { late: true }),
        share('filters', 2),
        share('filters', 3),
        share('filters', 0, { partition: 1 }, { event_id: 'other-partition' }),
        share('foreign', 0),
      ],
    }),
  )
  expect((await history('filters', [3, 0])).map((event) => event.offset)).toEqual([0, 2])
  expect((await history('filters', [3])).map((event) => event.offset)).toEqual([0, 2])
  expect((await history('filters', [3, 1])).map((event) => event.record.event_id)).toEqual(['event-0', 'other-partition', 'event-2'])
})

test('many events of one instant come in chunks, in the order of their ids', async () => {
  const events = Array.from({ length: 30 }, (_, offset) =>
    share('instant', offset, {}, { occurred_at: NOON, event_id: `id-${(offset * 7) % 30}` }),
  )
  await sink.write(commit('instant', { events }))
  const ids = (await history('instant', [100], 4)).map((event) => event.record.event_id)
  expect(ids).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(30)
})

test.each([
  ['in one commit', true],
  ['in another commit', false],
])('an import that supersedes a late event ends the late row, %s', async (_, isTogether) => {
  const workspace = isTogether ? 'supersede-1' : 'supersede-2'
  const late = share(workspace, 5, { late: true }, { event_id: 'late-one' })
  const imported = share(
    workspace,
    9,
    {},
    {
      event_id: 'late-one',
      occurred_at: NOON - 1,
      import_id: 'import-1',
      supersedes: { partition: 0, offset: 5, occurred_at: NOON + 5 },
    },
  )
  if (isTogether) await sink.write(commit(`${workspace}-a`, { events: [late, imported] }))
  else {
    await sink.write(commit(`${workspace}-a`, { events: [late] }))
    await sink.write(commit(`${workspace}-b`, { events: [imported] }))
    // A replay writes the late row once more; its tombstone still wins.
    await sink.write(commit(`${workspace}-c`, { events: [late] }))
  }
  expect(await history(workspace)).toEqual([imported])
  expect(await kept(workspace, NOON + 1)).toEqual([{ event_id: 'late-one', late: false, partition: 0, offset: 9, occurred_at: NOON - 1 }])
})

test('kept events: those received before the bound, and every late one', async () => {
  await sink.write(
    commit('kept', {
      events: [
        share('kept', 0, {}, { received_at: NOON - 10 }),
        share('kept', 1, {}, { received_at: NOON }),
        share('kept', 2, { late: true }, { received_at: NOON + 10 }),
      ],
    }),
  )
  expect((await kept('kept', NOON)).map((event) => event.event_id)).toEqual(['event-0', 'event-2'])
})

function person(version: number, signupMs: number | null): PersonRow {
  return {
    workspace: 'derived',
    actor_id: 'ada',
    actor: 1,
    first_activity_ms: NOON,
    signup_ms: signupMs,
    signup_event_id: '',
    referrer_id: '',
    via: '',
    channel: '',
    campaign: '',
    variant: '',
    version,
  }
}

function growth(version: number, activeUsers: number): GrowthRow {
  const counts = { ...EMPTY_COUNTS, active_users: activeUsers, revenue: { EUR: -5, BRL: 6_178_400_600 } }
  const k = { credits: 3, credits_squared: 5, people: 7, cycles: 0, exposure: null }
  return {
    workspace: 'derived',
    window: '24h',
    dimension: '',
    value: '',
    end_ms: NOON,
    final: true,
    version,
    watermark_ms: NOON,
    counts,
    k,
  }
}

test('of a derived row the highest version counts, in whatever order they came', async () => {
  await sink.write(commit('derived-2', { people: [person(2, NOON + 2)], growth: [growth(2, 20)] }))
  await sink.write(commit('derived-1', { people: [person(1, null)], growth: [growth(1, 10)] }))
  await sink.write(commit('derived-2', { people: [person(2, NOON + 2)], growth: [growth(2, 20)] }))
  const people = await warehouse.rows(
    "SELECT version, toUnixTimestamp64Milli(signup_at) AS ms FROM people FINAL WHERE workspace = 'derived'",
  )
  expect(people).toEqual([{ version: 2, ms: NOON + 2 }])
  const rows = await warehouse.rows(
    "SELECT version, active_users, revenue, k_credits_squared, k_exposure FROM growth_windows FINAL WHERE workspace = 'derived'",
  )
  expect(rows).toEqual([{ version: 2, active_users: 20, revenue: { EUR: -5, BRL: 6_178_400_600 }, k_credits_squared: 5, k_exposure: null }])
})

test('quarantined events and restatements are written once', async () => {
  const batch = commit('quarantine', {
    quarantined: [
      {
        record: {
          v: 1,
          type: 'quarantined',
          workspace: 'bad',
          received_at: NOON,
          quarantine_id: 'q',
          code: 'field_missing',
          path: '/actor_id',
          message: 'is absent',
          body: '{}',
        },
        partition: 0,
        offset: 4,
      },
    ],
    restatements: [
      {
        workspace: 'bad',
        window: '24h',
        end_ms: NOON,
        metric: 'k_factor',
        before: null,
        after: 1.5,
        cause: 'late_event',
        version: 9,
        restated_ms: NOON,
      },
    ],
  })
  await sink.write(batch)
  await sink.write(batch)
  expect(await storedRows('quarantine', 'bad')).toBe(1)
  expect(await warehouse.rows("SELECT metric, before, after, cause FROM restatements FINAL WHERE workspace = 'bad'")).toEqual([
    { metric: 'k_factor', before: null, after: 1.5, cause: 'late_event' },
  ])
})
