/**
 * The verification has teeth. A history goes through the stream, as raw rows through the real sink into a warehouse,
 * and through the naive pass; nothing differs. Then a bug is planted in one of the three, and it must be reported.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { deriveGrowthMetrics } from '../../metrics/derive-growth.ts'
import type { Carrier } from '../../processors/attribution/causes.ts'
import type { CountedSignup } from '../../processors/attribution/signups.ts'
import { Arrivals } from '../../processors/growth/arrivals.ts'
import { ScopeGrids } from '../../processors/growth/scope-grids.ts'
import { WindowTotals } from '../../processors/growth/window-totals.ts'
import { PartitionTime } from '../../processors/runtime/partition-time.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { AdmittedEvent, Dimension, GrowthRow } from '../../schemas/records.ts'
import { DAY_MS, LIVE_WINDOWS } from '../../schemas/windows.ts'
import { type ComparedNumber, compareWindow, type StreamNumbers } from '../../verify/compare.ts'
import type { Facts } from '../../verify/naive-facts.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { sampleEnds } from '../../verify/sample-ends.ts'
import { sqlWindows } from '../../verify/sql-window.ts'
import { NO_COUNTS, type SliceNumbers, type WindowNumbers } from '../../verify/window-numbers.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { openTestWarehouse } from '../warehouse/open-test-warehouse.ts'
import { CLUB, PLANTED, plantedHistory, SHOP } from '../verify/planted-history.ts'

/** Bugs inside modules that can't be reached from outside; the rest is planted into prototypes and inputs. */
const bugs = vi.hoisted(() => ({ halfOpenPanes: false, tiesBackwards: false, causesOf31Days: false, selfReferral: false }))

vi.mock('../../processors/growth/measures.ts', async (original) => {
  const real = await original<typeof import('../../processors/growth/measures.ts')>()
  return {
    ...real,
    paneOfMs: (atMs: number, paneMs: number) => (bugs.halfOpenPanes ? Math.floor(atMs / paneMs) + 1 : real.paneOfMs(atMs, paneMs)),
  }
})

vi.mock('../../processors/attribution/event-order.ts', async (original) => {
  const real = await original<typeof import('../../processors/attribution/event-order.ts')>()
  const compareEvents: typeof real.compareEvents = (a, b) =>
    bugs.tiesBackwards ? a.atMs - b.atMs || real.compareUtf8(b.eventId, a.eventId) : real.compareEvents(a, b)
  return { ...real, compareEvents }
})

vi.mock('../../processors/attribution/causes.ts', async (original) => {
  const real = await original<typeof import('../../processors/attribution/causes.ts')>()
  type Answer = ConstructorParameters<typeof real.Causes>[0]
  /** Answers with causes of up to 31 days, too. */
  class LongMemory extends real.Causes {
    readonly #answer: Answer
    readonly #carriers = new Map<string, Carrier>()

    constructor(...given: ConstructorParameters<typeof real.Causes>) {
      super(...given)
      this.#answer = given[0]
    }

    override carried(...[name, carrier]: Parameters<InstanceType<typeof real.Causes>['carried']>): number {
      this.#carriers.set(`${name.kind} ${name.id}`, carrier)
      return super.carried(name, carrier)
    }

    override claimed(...[name, claim]: Parameters<InstanceType<typeof real.Causes>['claimed']>): void {
      super.claimed(name, claim)
      const carrier = this.#carriers.get(`${name.kind} ${name.id}`)
      const ageMs = carrier === undefined ? 0 : claim.atMs - carrier.atMs
      if (!bugs.causesOf31Days || carrier === undefined || ageMs <= 30 * DAY_MS || ageMs > 31 * DAY_MS) return
      this.#answer({ actorId: claim.actorId, eventId: claim.eventId, kind: name.kind, carrier })
    }
  }
  return { ...real, Causes: LongMemory }
})

vi.mock('../../processors/attribution/signups.ts', async (original) => {
  const real = await original<typeof import('../../processors/attribution/signups.ts')>()
  /** Credits people with themselves. */
  class Generous extends real.Signups {
    readonly #output: ConstructorParameters<typeof real.Signups>[0]
    readonly #toThemselves = new Map<number, CountedSignup>()

    constructor(...given: ConstructorParameters<typeof real.Signups>) {
      super(...given)
      this.#output = given[0]
    }

    override counted(person: number): ReturnType<InstanceType<typeof real.Signups>['counted']> {
      return this.#toThemselves.get(person) ?? super.counted(person)
    }

    override resolved(...[person, resolution]: Parameters<InstanceType<typeof real.Signups>['resolved']>): void {
      super.resolved(person, resolution)
      const signup = this.counted(person)
      if (!bugs.selfReferral || signup === undefined || resolution.carrier?.actorId !== resolution.actorId) return
      const toThemselves = { ...signup, referrerId: resolution.actorId, via: resolution.kind }
      this.#output.counted(person, signup, -1)
      this.#toThemselves.set(person, toThemselves)
      this.#output.counted(person, toThemselves, 1)
    }
  }
  return { ...real, Signups: Generous }
})

const NO_K = { credits: 0, credits_squared: 0, people: 0, cycles: 0, exposure: null }
/** Records of a commit: enough commits that late events find their windows closed. */
const COMMIT_RECORDS = 130
/** Sampled ends of each live window, with as many restated ones besides. */
const ENDS = 3

interface SampledEnd {
  readonly window: string
  readonly endMs: number
  readonly lengthMs: number
}

interface Sides {
  readonly stream: TopologyDriver
  readonly facts: ReadonlyMap<string, Facts>
  readonly sql: ReadonlyMap<string, readonly WindowNumbers[]>
}

const records = plantedHistory()
const WORKSPACES = [SHOP, CLUB]
let warehouse: Warehouse
let ends: ReadonlyMap<string, readonly SampledEnd[]>
let sound: Sides

async function streamOf(given: readonly LogRecord[]): Promise<TopologyDriver> {
  const driver = new TopologyDriver()
  for (let start = 0; start < given.length; start += COMMIT_RECORDS) {
    await driver.put(given.slice(start, start + COMMIT_RECORDS))
    driver.commit()
  }
  return driver
}

async function factsOf(given: readonly LogRecord[]): Promise<Map<string, Facts>> {
  const entries = given.map((record, offset) => ({ partition: 0, offset, record }))
  return new Map(await Promise.all(WORKSPACES.map(async (workspace) => [workspace, await collectFacts(entries, workspace)] as const)))
}

/** Raw rows of the shop through the real sink, under a name of their own; the recomputation by SQL of the sampled ends. */
async function sqlOf(name: string, workspace: string, events: readonly AdmittedEvent[]): Promise<readonly WindowNumbers[]> {
  const renamed = events
    .filter(({ record }) => record.workspace === workspace)
    .map((event) => ({ ...event, record: { ...event.record, workspace: name } }))
  const empty = { quarantined: [], people: [], growth: [], restatements: [] }
  await createSink(warehouse.writer, warehouse.reader).write({ token: name, version: 1, events: renamed, ...empty })
  return sqlWindows(warehouse.reader, name, ends.get(workspace) ?? [])
}

/** A spread of the final ends, restated ones, and the running one of each window, as `kappa verify` takes them. */
function sampledEnds(driver: TopologyDriver, workspace: string): SampledEnd[] {
  const rows = driver.rows(workspace).filter((row) => row.dimension === '')
  return LIVE_WINDOWS.flatMap(({ name, lengthMs }) => {
    const ofWindow = rows.filter((row) => row.window === name)
    const restated = driver.restatements.filter((row) => row.workspace === workspace && row.window === name).map((row) => row.end_ms)
    const final = ofWindow.filter((row) => row.final).map((row) => row.end_ms)
    const running = Math.max(...ofWindow.map((row) => row.end_ms))
    const chosen = new Set([...sampleEnds(final, ENDS, sampleEnds(restated, ENDS)), running])
    return [...chosen].map((endMs) => ({ window: name, endMs, lengthMs }))
  })
}

/** The rows of each end, under its name. */
function rowsByEnd(driver: TopologyDriver): Map<string, GrowthRow[]> {
  const byEnd = new Map<string, GrowthRow[]>()
  for (const workspace of WORKSPACES) for (const end of ends.get(workspace) ?? []) byEnd.set(nameOf(workspace, end.window, end.endMs), [])
  for (const row of driver.rows()) byEnd.get(nameOf(row.workspace, row.window, row.end_ms))?.push(row)
  return byEnd
}

const nameOf = (workspace: string, window: string, endMs: number) => `${workspace} ${window} to ${new Date(endMs).toISOString()}`

function streamNumbers(rows: readonly GrowthRow[]): StreamNumbers {
  const whole = rows.find((row) => row.dimension === '')
  if (whole === undefined) return { whole: { counts: NO_COUNTS, k: NO_K }, slices: [] }
  const slices = rows
    .filter((row) => row.dimension !== '')
    .map(({ dimension, value, counts }): SliceNumbers => ({ dimension: dimension as Dimension, value, counts }))
  const k = whole.k ?? NO_K
  return { whole: { counts: whole.counts, k }, slices, served: deriveGrowthMetrics(whole.counts, k) }
}

/** Every number of the sample on which the three do not agree. */
function differences({ stream, facts, sql }: Sides): (ComparedNumber & { readonly where: string })[] {
  const byEnd = rowsByEnd(stream)
  return WORKSPACES.flatMap((workspace) =>
    (ends.get(workspace) ?? []).flatMap((end, index) => {
      const where = nameOf(workspace, end.window, end.endMs)
      const log = naiveWindow(facts.get(workspace) as Facts, end)
      const numbers = compareWindow(streamNumbers(byEnd.get(where) ?? []), sql.get(workspace)?.[index] as WindowNumbers, log)
      return numbers.filter((row) => row.difference !== 0).map((row) => ({ ...row, where }))
    }),
  )
}

beforeAll(async () => {
  warehouse = await openTestWarehouse()
  const stream = await streamOf(records)
  ends = new Map(WORKSPACES.map((workspace) => [workspace, sampledEnds(stream, workspace)]))
  const sql = new Map<string, readonly WindowNumbers[]>()
  for (const workspace of WORKSPACES) sql.set(workspace, await sqlOf(workspace, workspace, stream.events))
  sound = { stream, facts: await factsOf(records), sql }
}, 60_000)
afterAll(() => warehouse.close())
afterEach(() => {
  vi.restoreAllMocks()
  Object.assign(bugs, { halfOpenPanes: false, tiesBackwards: false, causesOf31Days: false, selfReferral: false })
})

const idOf = (record: LogRecord) => ('event_id' in record ? record.event_id : undefined)

describe('without a bug', () => {
  it('nothing differs, over a history that has everything in it', () => {
    expect(differences(sound)).toEqual([])
    const { stream } = sound
    expect(records.length).toBeGreaterThan(200)
    expect(stream.restatements.length).toBeGreaterThan(0)
    expect(stream.events.filter(({ late }) => late).map(({ record }) => record.event_id)).toContain(PLANTED.tooLate)
    expect(stream.rows(SHOP).some(({ counts }) => counts.revenue['EUR'] !== undefined)).toBe(true)
    for (const workspace of WORKSPACES) expect(ends.get(workspace)?.length).toBeGreaterThan(4 * ENDS)
  })
})

describe('a bug in the stream is reported:', () => {
  const without = (eventId: string) => records.filter((record) => idOf(record) !== eventId)
  it.each<[string, () => Promise<TopologyDriver>]>([
    ['an event dropped', () => streamOf(without(PLANTED.plain))],
    ['a late event lost', () => streamOf(without(PLANTED.late))],
    [
      'an event counted twice, since dedupe was skipped',
      () => streamOf(records.flatMap((record) => (idOf(record) === PLANTED.plain ? [record, record] : [record]))),
    ],
    [
      'an event of another workspace',
      () => {
        const foreign = records.find((record) => record.workspace === CLUB && record.type === 'conversion') as LogRecord
        return streamOf(records.flatMap((record) => (record === foreign ? [record, { ...record, workspace: SHOP }] : [record])))
      },
    ],
    [
      'windows that hold their start and not their end',
      () => {
        bugs.halfOpenPanes = true
        return streamOf(records)
      },
    ],
    [
      'closed windows that a late event does not restate',
      () => {
        vi.spyOn(ScopeGrids.prototype, 'dirtyEnds').mockReturnValue({ from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY })
        vi.spyOn(WindowTotals.prototype, 'kDirtyFrom').mockReturnValue(Number.POSITIVE_INFINITY)
        return streamOf(records)
      },
    ],
    [
      'an event beyond the lateness that counts',
      () => {
        vi.spyOn(PartitionTime.prototype, 'isTooLate').mockReturnValue(false)
        return streamOf(records)
      },
    ],
    [
      'a cause that counts after 30 days',
      () => {
        bugs.causesOf31Days = true
        return streamOf(records)
      },
    ],
    [
      'self-referral that is credited',
      () => {
        bugs.selfReferral = true
        return streamOf(records)
      },
    ],
    [
      'ties that go by the last event id',
      () => {
        bugs.tiesBackwards = true
        return streamOf(records)
      },
    ],
    [
      'arrival by what became known after the end of the window',
      () => {
        const add = Arrivals.prototype.add
        vi.spyOn(Arrivals.prototype, 'add').mockImplementation(function later(this: Arrivals, firstMs, signupMs, sign) {
          const knownMs = Number.isNaN(signupMs) ? firstMs : signupMs
          add.call(this, knownMs, knownMs, sign)
        })
        return streamOf(records)
      },
    ],
    [
      'a last commit that was not written',
      async () => {
        const driver = new TopologyDriver()
        await driver.put(records.slice(0, -40))
        driver.commit()
        return driver
      },
    ],
  ])('%s', async (_, plant) => {
    const found = differences({ ...sound, stream: await plant() })
    expect(found.length).toBeGreaterThan(0)
    expect(found.some(({ stream, sql, log }) => stream !== log && sql === log)).toBe(true) // and it says who is wrong
  })
})

describe('a bug in the warehouse is reported:', () => {
  const change = (eventId: string, how: (event: AdmittedEvent) => AdmittedEvent[]) => (events: readonly AdmittedEvent[]) =>
    events.flatMap((event) => (event.record.event_id === eventId ? how(event) : [event]))
  it.each<[string, (events: readonly AdmittedEvent[]) => readonly AdmittedEvent[]]>([
    ['a raw row missing', change(PLANTED.plain, () => [])],
    ['a raw row that lost its late flag', change(PLANTED.tooLate, (event) => [{ ...event, late: false }])],
    ['a raw row that got a late flag', change(PLANTED.late, (event) => [{ ...event, late: true }])],
    [
      'a raw row a millisecond early, out of its window',
      (events) => events.map((event) => ({ ...event, record: { ...event.record, occurred_at: event.record.occurred_at + 1 } })),
    ],
    [
      'raw rows of another workspace',
      (events) => {
        const top = Math.max(...events.map(({ offset }) => offset)) + 1
        const [foreign] = sound.stream.events.filter(({ record }) => record.workspace === CLUB)
        const leaked = foreign as AdmittedEvent
        return [...events, { ...leaked, offset: top, record: { ...leaked.record, workspace: SHOP } }]
      },
    ],
  ])('%s', async (name, plant) => {
    const sql = await sqlOf(`with ${name}`, SHOP, plant(sound.stream.events.filter(({ record }) => record.workspace === SHOP)))
    const found = differences({ ...sound, sql: new Map([...sound.sql, [SHOP, sql]]) })
    expect(found.length).toBeGreaterThan(0)
    expect(found.some(({ stream, sql: ofSql, log }) => ofSql !== log && stream === log)).toBe(true)
  })
})

describe('a bug in the log is reported:', () => {
  it.each<[string, (given: readonly LogRecord[]) => LogRecord[]]>([
    ['a record missing', (given) => given.filter((record) => idOf(record) !== PLANTED.plain)],
    [
      'a record under another event id once more',
      (given) =>
        given.flatMap((record) => (idOf(record) === PLANTED.plain ? [record, { ...record, event_id: 'copy' } as LogRecord] : [record])),
    ],
  ])('%s', async (_, plant) => {
    const found = differences({ ...sound, facts: await factsOf(plant(records)) })
    expect(found.length).toBeGreaterThan(0)
    expect(found.some(({ stream, sql, log }) => stream === sql && sql !== log)).toBe(true)
  })
})
