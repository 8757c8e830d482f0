/** How long `kappa verify` waits where others go on writing, and how it ends. */
import { expect, it } from 'vitest'
import { readStreamSnapshot } from '../../cli/stream-numbers.ts'
import { untilReadable } from '../../cli/until-readable.ts'
import type { EngineStatus } from '../../cli/engine.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'

const status = (committed: number): EngineStatus => ({
  ready: true,
  notReady: [],
  lagRecords: 10 - committed,
  logEndOffsets: [10],
  processedOffsets: [committed],
  committedOffsets: [committed],
  committedVersion: null,
  workspaces: [],
})
const never = () => new Promise<void>(() => {})
const LIMITS = { standstillMsMax: 40, lookMs: 5 }

it('gives up when nothing becomes readable any more, and says what is missing', async () => {
  const told: string[] = []
  const wait = async () => {
    for await (const { doing } of untilReadable({ waitUntilReadable: never, status: async () => status(7) }, LIMITS)) told.push(doing)
  }
  await expect(wait()).rejects.toThrow(/^3 records of the log are not readable, .* run kappa verify again later/)
  expect(new Set(told)).toEqual(new Set(['waiting for 3 records to be readable']))
})

it('waits for as long as more and more becomes readable', async () => {
  let committed = 0
  let isReadable = () => {}
  const readable = new Promise<void>((resolve) => {
    isReadable = resolve
  })
  const slow = async () => {
    await new Promise((done) => setTimeout(done, 15))
    committed += 1
    if (committed === 10) isReadable()
    return status(committed)
  }
  let looks = 0
  for await (const _ of untilReadable({ waitUntilReadable: () => readable, status: slow }, LIMITS)) looks += 1
  expect(looks).toBeGreaterThanOrEqual(9)
})

it('ends when nobody knows any more what is readable', async () => {
  const broken = { waitUntilReadable: () => Promise.reject(new Error('the log is away')), status: async () => status(0) }
  await expect(untilReadable(broken, LIMITS).next()).rejects.toThrow('the log is away')
})

it('looks for a quiet moment for a while only, and tells how long', async () => {
  const looking = readStreamSnapshot({ wholePlace: async () => undefined, reader: {} as WarehouseReader }, 'shop', [], () => [], 200)
  const told: number[] = []
  for (;;) {
    const { value, done } = await looking.next()
    if (done === true) {
      expect(value).toBeUndefined()
      break
    }
    told.push(value)
  }
  expect(told.length).toBeGreaterThan(1)
  expect(told).toEqual([...told].sort((a, b) => a - b))
})
