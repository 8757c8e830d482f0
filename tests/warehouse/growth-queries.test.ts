/** Small cases by hand: the tables are filled directly, so that only the queries are tried. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DELAY_BIN_MINUTES, delayBinOfMs } from '../../metrics/delay-bins.ts'
import { deriveGrowthMetrics } from '../../metrics/derive-growth.ts'
import { exposure } from '../../metrics/k-factor.ts'
import { eventRecord } from '../../schemas/log-records.ts'
import type { AdmittedEvent, GrowthCounts, PersonRow } from '../../schemas/records.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { createRandom } from '../../simulate/random.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { readGrowthBreakdown, readGrowthCounts, SLICES_MAX } from '../../warehouse/queries/growth-window.ts'
import { readKStatistics } from '../../warehouse/queries/k-statistics.ts'
import { readWorkspaceFacts } from '../../warehouse/queries/workspace-facts.ts'
import { createSink } from '../../warehouse/sink/sink.ts'
import { openTestWarehouse } from './open-test-warehouse.ts'

let warehouse: Warehouse
beforeAll(async () => {
  warehouse = await openTestWarehouse()
})
afterAll(() => warehouse.close())

const END = Date.UTC(2026, 2, 10, 12)
const NOBODY = 0

/** Collects a workspace's rows; actors are numbered as they come. */
class Case {
  readonly workspace: string
  readonly events: AdmittedEvent[] = []
  readonly people = new Map<string, PersonRow>()

  constructor(workspace: string) {
    this.workspace = workspace
  }

  person(actorId: string, known: Partial<PersonRow> = {}): number {
    const before = this.people.get(actorId)
    const row: PersonRow = {
      workspace: this.workspace,
      actor_id: actorId,
      actor: before?.actor ?? this.people.size + 1,
      first_activity_ms: null,
      signup_ms: null,
      signup_event_id: '',
      referrer_id: '',
      via: '',
      channel: '',
      campaign: '',
      variant: '',
      version: 1,
      ...before,
      ...known,
    }
    this.people.set(actorId, row)
    return row.actor
  }

  event(fields: { type: string; occurred_at: number; actor_id?: string; event_id?: string } & Record<string, unknown>, late = false): void {
    const offset = this.events.length
    const actor = fields.actor_id === undefined ? NOBODY : this.person(fields.actor_id)
    const record = eventRecord.parse({ v: 1, workspace: this.workspace, received_at: END, event_id: `e${offset}`, ...fields })
    this.events.push({ record, partition: 0, offset, actor, late })
  }

  /** A conversion event and the counted signup that attribution makes of it. */
  signup(actorId: string, at: number, credit: Partial<PersonRow> = {}, fields: Record<string, unknown> = {}): void {
    const eventId = `signup-${actorId}`
    this.event({ type: 'conversion', kind: 'signup', actor_id: actorId, occurred_at: at, event_id: eventId, ...fields })
    this.person(actorId, { signup_ms: at, signup_event_id: eventId, ...credit })
  }

  async write(): Promise<void> {
    const sink = createSink(warehouse.writer, warehouse.reader)
    const people = [...this.people.values()]
    await sink.write({ token: this.workspace, version: 1, events: this.events, quarantined: [], people, growth: [], restatements: [] })
  }
}

const nothing: GrowthCounts = {
  active_users: 0,
  new_users: 0,
  inviters: 0,
  sharers: 0,
  spreaders: 0,
  invites_sent: 0,
  shares: 0,
  via_invite: 0,
  via_code: 0,
  via_share: 0,
  via_referrer: 0,
  revenue: {},
  referred_revenue: {},
}

describe('counts of a window', () => {
  beforeAll(async () => {
    const it = new Case('counts')
    const from = END - DAY_MS
    it.event({ type: 'share', actor_id: 'before', content_id: 'c', occurred_at: from }) // the start is not in the window
    it.event({ type: 'share', actor_id: 'ada', content_id: 'c', occurred_at: from + 1, channel: 'twitter' })
    it.event({ type: 'share', actor_id: 'ada', content_id: 'c', occurred_at: END, channel: 'twitter' }) // the end is
    it.event({ type: 'share', actor_id: 'after', content_id: 'c', occurred_at: END + 1 })
    it.event({ type: 'share', actor_id: 'late', content_id: 'c', occurred_at: END - 5 }, true)
    it.event({
      type: 'invite',
      action: 'sent',
      invite_id: 'i1',
      actor_id: 'bob',
      occurred_at: END - 10,
      channel: 'email',
      campaign: 'spring',
    })
    it.event({ type: 'invite', action: 'sent', invite_id: 'i1', actor_id: 'bob', occurred_at: END - 9, channel: 'email' })
    it.event({ type: 'invite', action: 'opened', invite_id: 'i1', actor_id: 'opener', occurred_at: END - 8, channel: 'email' })
    it.event({ type: 'rum', name: 'LCP', value: 1, page: '/', occurred_at: END - 8 })
    it.signup(
      'cyd',
      END - 7,
      { referrer_id: 'bob', via: 'invite', channel: 'email', campaign: 'spring' },
      { channel: 'web', invite_id: 'i1' },
    )
    it.signup('dan', END - 6, { channel: 'web' }, { channel: 'web' })
    it.event({ type: 'conversion', kind: 'signup', actor_id: 'dan', occurred_at: END - 5, channel: 'web' }) // a second claim
    it.event({
      type: 'conversion',
      kind: 'purchase',
      actor_id: 'cyd',
      occurred_at: END - 4,
      amount_minor: 1000,
      currency: 'EUR',
      channel: 'web',
    })
    it.event({
      type: 'conversion',
      kind: 'refund',
      actor_id: 'cyd',
      occurred_at: END - 3,
      amount_minor: 300,
      currency: 'EUR',
      channel: 'web',
    })
    it.event({ type: 'conversion', kind: 'purchase', actor_id: 'dan', occurred_at: END - 2, amount_minor: 50, currency: 'USD' })
    it.event({ type: 'conversion', kind: 'refund', actor_id: 'dan', occurred_at: END - 1, amount_minor: 50, currency: 'USD' })
    it.signup('next', END + 2, { referrer_id: 'ada', via: 'share' })
    await it.write()
  })

  test('the whole workspace', async () => {
    expect(await readGrowthCounts(warehouse.reader, 'counts', { endMs: END, lengthMs: DAY_MS })).toEqual({
      ...nothing,
      active_users: 4,
      new_users: 2,
      inviters: 1,
      sharers: 1,
      spreaders: 2,
      invites_sent: 1,
      shares: 2,
      via_invite: 1,
      revenue: { EUR: 700 },
      referred_revenue: { EUR: 700 },
    })
  })

  test('an empty window and a foreign workspace', async () => {
    expect(await readGrowthCounts(warehouse.reader, 'counts', { endMs: END - 10 * DAY_MS, lengthMs: DAY_MS })).toEqual(nothing)
    expect(await readGrowthCounts(warehouse.reader, 'foreign', { endMs: END, lengthMs: DAY_MS })).toEqual(nothing)
  })

  test('by channel a credited signup stands where its cause does, money where its own event says', async () => {
    const window = { endMs: END, lengthMs: DAY_MS }
    const { counts, slices } = await readGrowthBreakdown(warehouse.reader, 'counts', window, 'channel')
    expect(counts).toEqual(await readGrowthCounts(warehouse.reader, 'counts', window))
    expect(Object.fromEntries(slices.map((slice) => [slice.value, slice.counts]))).toEqual({
      twitter: { ...nothing, active_users: 1, sharers: 1, spreaders: 1, shares: 2 },
      email: { ...nothing, active_users: 2, new_users: 1, inviters: 1, spreaders: 1, invites_sent: 1, via_invite: 1 },
      // cyd by the purchase, dan by the signup
      web: { ...nothing, active_users: 2, new_users: 1, revenue: { EUR: 700 }, referred_revenue: { EUR: 700 } },
      '': { ...nothing, active_users: 1 },
    })
    expect(slices.map((slice) => slice.value)).toEqual(['email', 'web', '', 'twitter'])
  })

  test.each([
    [{ channel: 'email' }, { active_users: 2, new_users: 1, inviters: 1, spreaders: 1, invites_sent: 1, via_invite: 1 }],
    [
      { channel: 'email', campaign: 'spring' },
      { active_users: 2, new_users: 1, inviters: 1, spreaders: 1, invites_sent: 1, via_invite: 1 },
    ],
    [{ channel: '' }, { active_users: 1 }],
    [{ channel: "x' OR 1=1 --" }, {}],
  ])('filter %j', async (filter, expected) => {
    const counts = await readGrowthCounts(warehouse.reader, 'counts', { endMs: END, lengthMs: DAY_MS, filter })
    expect(counts).toEqual({ ...nothing, ...expected })
  })

  test('facts of the workspace', async () => {
    expect(await readWorkspaceFacts(warehouse.reader, 'counts')).toMatchObject({
      events: 17,
      late_events: 1,
      quarantined: 0,
      newest_received_ms: END,
    })
  })
})

test('a breakdown keeps the largest values and counts the rest together, each person once', async () => {
  const it = new Case('many')
  for (let value = 0; value < SLICES_MAX + 5; value += 1) {
    it.event({ type: 'share', actor_id: `p${value}`, content_id: 'c', occurred_at: END - value, campaign: `c${value}` })
    it.event({
      type: 'share',
      actor_id: value < SLICES_MAX ? `q${value}` : 'everywhere',
      content_id: 'c',
      occurred_at: END - value,
      campaign: `c${value}`,
    })
    if (value < SLICES_MAX)
      it.event({ type: 'share', actor_id: `r${value}`, content_id: 'c', occurred_at: END - value, campaign: `c${value}` })
  }
  await it.write()
  const { counts, slices } = await readGrowthBreakdown(warehouse.reader, 'many', { endMs: END, lengthMs: DAY_MS }, 'campaign')
  expect(counts).toEqual(await readGrowthCounts(warehouse.reader, 'many', { endMs: END, lengthMs: DAY_MS }))
  expect(slices).toHaveLength(SLICES_MAX + 1)
  expect(slices.at(-1)).toMatchObject({ isOther: true, counts: { active_users: 6, shares: 10 } })
})

test('where everybody signed up once, signups stand where their people do, and a value that none is left of is no row', async () => {
  const it = new Case('once')
  it.event({ type: 'share', actor_id: 'bob', content_id: 'c', occurred_at: END - 9, channel: 'email' })
  it.signup('ada', END - 8, { referrer_id: 'bob', via: 'share', channel: 'email' }, { channel: 'web' })
  it.signup('bob', END - 7, { channel: 'email' }, { channel: 'email' })
  await it.write()
  expect(await readGrowthBreakdown(warehouse.reader, 'once', { endMs: END, lengthMs: DAY_MS }, 'channel')).toEqual({
    counts: { ...nothing, active_users: 2, new_users: 2, sharers: 1, spreaders: 1, shares: 1, via_share: 1 },
    slices: [
      {
        value: 'email',
        isOther: false,
        counts: { ...nothing, active_users: 2, new_users: 2, sharers: 1, spreaders: 1, shares: 1, via_share: 1 },
      },
    ],
  })
  const nobody = { endMs: END - DAY_MS, lengthMs: DAY_MS }
  expect(await readGrowthBreakdown(warehouse.reader, 'once', nobody, 'channel')).toEqual({ counts: nothing, slices: [] })
})

describe('statistics of K', () => {
  const START = END - 7 * DAY_MS
  beforeAll(async () => {
    const it = new Case('k')
    // Forty seeds, of whom the first thirty-five bring one person each after two hours, and the first ten another after three.
    for (let seed = 0; seed < 40; seed += 1) {
      const arrivedAt = START + seed * MINUTE_MS
      it.signup(`seed${seed}`, arrivedAt)
      if (seed < 35) it.signup(`child${seed}`, arrivedAt + 2 * HOUR_MS, { referrer_id: `seed${seed}`, via: 'invite' })
      if (seed < 10) it.signup(`second${seed}`, arrivedAt + 3 * HOUR_MS - 1, { referrer_id: `seed${seed}`, via: 'share' })
    }
    it.signup('orphan', END - DAY_MS, { referrer_id: 'never-seen', via: 'referrer' })
    it.signup('future', END + 1, { referrer_id: 'seed0', via: 'invite' })
    it.event({ type: 'share', actor_id: 'lurker', content_id: 'c', occurred_at: END - HOUR_MS })
    it.person('lurker', { first_activity_ms: END - HOUR_MS })
    await it.write()
  })

  test('credits, people, cycles and exposure as of the end', async () => {
    const k = await readKStatistics(warehouse.reader, 'k', END, 30 * DAY_MS)
    // 40 seeds + 45 children + orphan + lurker arrived; never-seen is credited in the window beside them.
    expect(k).toMatchObject({ credits: 46, credits_squared: 25 * 1 + 10 * 4 + 1, people: 40 + 45 + 1 + 1 + 1, cycles: 45 })
    // The window opens with the first credited signup, at START + 2 h, when nobody was two hours old yet; at its end all are
    // older than both delays but the lurker.
    const reached = 40 + 45 + 1
    expect(k.exposure).toBeCloseTo(reached, 9)
    expect(deriveGrowthMetrics(nothing, k).k_factor.value).toBeCloseTo(47 / (reached + 0.2), 9)
  })

  test('too few cycles say nothing', async () => {
    const k = await readKStatistics(warehouse.reader, 'k', START + 2 * HOUR_MS + 10 * MINUTE_MS, 30 * DAY_MS)
    expect(k).toMatchObject({ credits: 11, cycles: 11, exposure: null })
  })

  test('a window in which nobody was credited', async () => {
    const k = await readKStatistics(warehouse.reader, 'k', END - HOUR_MS - 1, HOUR_MS)
    expect(k).toMatchObject({ credits: 0, credits_squared: 0 })
  })
})

describe('statistics of K at odd instants, against each definition taken by its word', () => {
  const START = END - 5 * DAY_MS
  const people: PersonRow[] = []
  beforeAll(async () => {
    const it = new Case('odd')
    const random = createRandom(7)
    const within = (fromMs: number, lengthMs: number) => fromMs + Math.floor(random.uniform() * lengthMs)
    for (let number = 0; number < 300; number += 1) {
      const firstMs = within(START, 4 * DAY_MS)
      // Some never sign up, some do so long after they first acted, some after those whom they brought.
      const signupMs = number % 7 === 0 ? null : number % 3 === 0 ? within(firstMs, DAY_MS) : firstMs
      const parent =
        number % 2 === 0 || signupMs === null ? '' : number % 11 === 0 ? 'never-seen' : `p${Math.floor(random.uniform() * number)}`
      it.person(`p${number}`, { first_activity_ms: firstMs, signup_ms: signupMs, referrer_id: parent, via: parent === '' ? '' : 'invite' })
    }
    people.push(...it.people.values())
    await it.write()
  })

  test.each([
    [END, 30 * DAY_MS],
    [END - DAY_MS - 12_345, DAY_MS],
    [END - DAY_MS + 59_999, 2 * DAY_MS],
    [END - DAY_MS + 1, 3 * HOUR_MS],
  ])('at %d over %d ms', async (endMs, lengthMs) => {
    const arrivedMs = (one: PersonRow) =>
      one.signup_ms !== null && one.signup_ms <= endMs ? one.signup_ms : (one.first_activity_ms ?? endMs + 1)
    const arrived = people.filter((one) => arrivedMs(one) <= endMs)
    const children = people.filter((one) => one.referrer_id !== '' && one.signup_ms !== null && one.signup_ms <= endMs)
    const startMs = Math.max(endMs - lengthMs, Math.min(...children.map((child) => child.signup_ms as number)) - 1)
    const parents = new Map(arrived.map((one) => [one.actor_id, arrivedMs(one)]))
    const cycles = new Int32Array(DELAY_BIN_MINUTES.length)
    for (const child of children) {
      const delayMs = (child.signup_ms as number) - (parents.get(child.referrer_id) ?? Number.POSITIVE_INFINITY)
      if (delayMs >= 0) cycles[delayBinOfMs(delayMs)] = (cycles[delayBinOfMs(delayMs)] as number) + 1
    }
    const credits = new Map<string, number>()
    for (const { referrer_id: id, signup_ms: at } of children) if ((at as number) > startMs) credits.set(id, (credits.get(id) ?? 0) + 1)
    const atOrBefore = (ms: number) => arrived.filter((one) => arrivedMs(one) <= ms).length
    const k = await readKStatistics(warehouse.reader, 'odd', endMs, lengthMs)
    expect(k).toEqual({
      credits: [...credits.values()].reduce((sum, n) => sum + n, 0),
      credits_squared: [...credits.values()].reduce((sum, n) => sum + n * n, 0),
      people: arrived.length + [...credits.keys()].filter((id) => !parents.has(id)).length,
      cycles: cycles.reduce((sum, n) => sum + n, 0),
      exposure: exposure(
        cycles,
        (minutes) => atOrBefore(endMs - minutes * MINUTE_MS),
        (minutes) => atOrBefore(endMs - minutes * MINUTE_MS) - atOrBefore(startMs - minutes * MINUTE_MS),
      ),
    })
    expect(k.exposure).toBeGreaterThan(0)
  })
})

test('people are told apart however they are numbered: neighbours in two channels, over groups of 64', async () => {
  const many = new Case('neighbours')
  const at = END - HOUR_MS
  for (let number = 1; number <= 200; number += 1) {
    const actor_id = `p${number}`
    const channel = number % 2 === 0 ? 'even' : 'odd'
    many.event({ type: 'share', content_id: 'c', actor_id, occurred_at: at, channel })
    if (number % 3 === 0) many.event({ type: 'invite', action: 'sent', invite_id: `i${number % 10}`, actor_id, occurred_at: at, channel })
    if (number % 5 === 0) many.event({ type: 'share', content_id: 'c', actor_id, occurred_at: at + 1, channel: 'even' })
    if (number > 150) many.event({ type: 'conversion', kind: 'purchase', actor_id: `q${number}`, occurred_at: at, channel: 'odd' })
  }
  await many.write()
  const window = { endMs: END, lengthMs: DAY_MS }
  const whole = { active_users: 250, inviters: 66, sharers: 200, spreaders: 200, invites_sent: 10, shares: 240 }
  expect(await readGrowthCounts(warehouse.reader, 'neighbours', window)).toEqual({ ...nothing, ...whole })
  const { slices } = await readGrowthBreakdown(warehouse.reader, 'neighbours', window, 'channel')
  expect(
    slices.map(({ value, counts }) => [value, counts.active_users, counts.inviters, counts.sharers, counts.invites_sent, counts.shares]),
  ).toEqual([
    ['odd', 150, 33, 100, 5, 100],
    ['even', 120, 33, 120, 5, 140],
  ])
  expect(await readGrowthCounts(warehouse.reader, 'neighbours', { ...window, filter: { channel: 'even' } })).toEqual(slices[1]?.counts)
})
