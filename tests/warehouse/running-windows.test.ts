/** Running windows from memory: level with the bus, and read again before they are old. */
import { beforeEach, expect, test } from 'vitest'
import { EMPTY_COUNTS } from '../../metrics/derive-growth.ts'
import { WarehouseUnavailableError, type WarehouseReader } from '../../schemas/ports/warehouse.ts'
import type { Dimension, GrowthRow } from '../../schemas/records.ts'
import { RunningWindows } from '../../warehouse/api/growth-running.ts'
import { createInProcessBus } from '../../warehouse/live/in-process-bus.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

interface Stored {
  readonly version: number
  readonly activeUsers: number
  readonly dimension?: Dimension
  readonly value?: string
}

let nowMs: number
let stored: Stored[]
let readings: number
let confirmations: number
let isAway: boolean
/** Holds readings back until it is called. */
let letGo: (() => void) | undefined
let held: Promise<void> | undefined

const reader: WarehouseReader = {
  async select<Row>({ sql }: { sql: string }): Promise<Row[]> {
    if (isAway) throw new WarehouseUnavailableError('away')
    if (sql.includes('max(version)')) {
      confirmations += 1
      return [{ version: Math.max(0, ...stored.map(({ version }) => version)) }] as Row[]
    }
    readings += 1
    await held
    return stored.map(({ version, activeUsers, dimension = '', value = '' }) => ({
      ...EMPTY_COUNTS,
      window: '1h',
      dimension,
      value,
      version,
      end_ms: NOON,
      watermark_ms: NOON,
      final: 0,
      k_credits: null,
      active_users: activeUsers,
    })) as Row[]
  },
}

function heard(version: number, activeUsers: number, more: Partial<GrowthRow> = {}): GrowthRow {
  const counts = { ...EMPTY_COUNTS, active_users: activeUsers }
  const place = { workspace: 'acme', window: '1h', dimension: '' as const, value: '', end_ms: NOON, watermark_ms: NOON }
  return { ...place, final: false, version, counts, k: null, ...more }
}

let bus: ReturnType<typeof createInProcessBus>
let windows: RunningWindows
beforeEach(() => {
  nowMs = NOON
  stored = [{ version: 1, activeUsers: 10 }]
  readings = 0
  confirmations = 0
  isAway = false
  held = undefined
  letGo = undefined
  bus = createInProcessBus()
  windows = new RunningWindows(reader, bus, { nowMs: () => nowMs })
})

const tell = (...rows: readonly GrowthRow[]) => bus.publish({ kind: 'growth', workspace: 'acme', watermarkMs: NOON, rows })
const activeUsers = async (by?: Dimension) => (await windows.read('acme', '1h', by))?.whole.counts.active_users
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('is read once while it is fresh, one reading at a time', async () => {
  expect(await Promise.all([activeUsers(), activeUsers()])).toEqual([10, 10])
  nowMs += 999
  expect(await activeUsers()).toBe(10)
  expect([readings, confirmations]).toEqual([1, 1])
})

test('is not read again while nothing newer is there, beside the answer or before it', async () => {
  await activeUsers()
  for (const ageMs of [1_000, 5_000]) {
    nowMs += ageMs
    expect(await activeUsers()).toBe(10)
    await settled()
  }
  expect(await activeUsers()).toBe(10)
  expect([readings, confirmations]).toEqual([1, 3])
})

test('after a second it is read again beside the answer, after five before it', async () => {
  await activeUsers()
  stored = [{ version: 2, activeUsers: 20 }]
  nowMs += 1_000
  expect(await activeUsers()).toBe(10)
  await settled()
  expect(await activeUsers()).toBe(20)
  stored = [{ version: 3, activeUsers: 30 }]
  nowMs += 5_000
  expect(await activeUsers()).toBe(30)
  expect(readings).toBe(3)
})

test('what the bus tells is the answer at once, but nothing that is older', async () => {
  await activeUsers()
  tell(heard(5, 50))
  tell(heard(4, 40))
  tell(heard(9, 90, { end_ms: NOON - 60_000 }), heard(9, 90, { window: '24h' }))
  expect(await activeUsers()).toBe(50)
  expect(readings).toBe(1)
})

test('what the bus told while it was read stays', async () => {
  await activeUsers()
  stored = [{ version: 2, activeUsers: 20 }]
  held = new Promise((resolve) => {
    letGo = resolve
  })
  nowMs += 1_000
  await activeUsers()
  nowMs += 1
  tell(heard(7, 70))
  letGo?.()
  await settled()
  expect(await activeUsers()).toBe(70)
  expect(readings).toBe(2)
})

test('a breakdown has the values of its dimension that are not empty', async () => {
  stored = [
    { version: 1, activeUsers: 10 },
    { version: 1, activeUsers: 6, dimension: 'channel', value: 'email' },
  ]
  expect((await windows.read('acme', '1h', 'channel'))?.slices.map(({ value }) => value)).toEqual(['email'])
  tell(
    heard(2, 20),
    heard(2, 8, { dimension: 'channel', value: 'sms' }),
    heard(2, 0, { dimension: 'channel', value: 'x' }),
    heard(2, 20, { dimension: 'variant', value: 'a' }),
  )
  const read = await windows.read('acme', '1h', 'channel')
  expect(read?.slices.map(({ value, counts }) => [value, counts.active_users])).toEqual([['sms', 8]])
  expect(read?.whole.counts.active_users).toBe(20)
})

test('nothing is kept of a workspace without events', async () => {
  stored = []
  expect(await activeUsers()).toBeUndefined()
  stored = [{ version: 1, activeUsers: 1 }]
  expect(await activeUsers()).toBe(1)
})

test('an outage shows when what is known is too old, and is over when it is', async () => {
  await activeUsers()
  isAway = true
  nowMs += 1_000
  expect(await activeUsers()).toBe(10)
  await settled()
  nowMs += 4_000
  await expect(activeUsers()).rejects.toBeInstanceOf(WarehouseUnavailableError)
  isAway = false
  expect(await activeUsers()).toBe(10)
})

test('a workspace that nobody asks for is let go, and others hear nothing of it', async () => {
  await activeUsers()
  nowMs += 60_000
  await windows.read('other', '1h', undefined)
  tell(heard(5, 50))
  expect(await activeUsers()).toBe(10)
  expect((await windows.read('other', '1h', undefined))?.whole.counts.active_users).toBe(10)
})
