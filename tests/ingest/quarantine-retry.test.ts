/** Quarantined events, tried again or given up: in one place at any time, and never more than it was worth. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { discardEvents, type QuarantinedEvent, retryEvents, type SettleDeps } from '../../ingest/quarantine-retry.ts'
import type { EventRecord, LogRecord, QuarantinedRecord } from '../../schemas/log-records.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { type IngestFixture, NOW_MS, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
beforeEach(async () => {
  ingest = await startIngest()
})
afterEach(() => ingest.close())

const depsOf = (): SettleDeps => ({ ...ingest, partitions: ingest.log.partitions })
const NOTHING = new Set<string>()

function retry(events: readonly QuarantinedEvent[], storedIds: ReadonlySet<string> = NOTHING) {
  return retryEvents(depsOf(), { workspace: 'default', events, storedIds })
}

/** What the quarantine holds after a body was sent. */
async function quarantined(body: unknown, kind: 'server' | 'write' = 'server'): Promise<QuarantinedEvent> {
  const known = new Set((await ingest.records()).map((one) => JSON.stringify(one)))
  await ingest.post(body, { kind })
  const record = (await ingest.records()).find(
    (one): one is QuarantinedRecord => one.type === 'quarantined' && !known.has(JSON.stringify(one)),
  )
  if (record === undefined) throw new Error('it was accepted')
  const { quarantine_id: id, code, body: kept, event_id: eventId = '', received_at: receivedAtMs } = record
  return { id, code, body: kept, eventId, receivedAtMs }
}

const events = async () => (await ingest.records()).filter((record): record is EventRecord => 'occurred_at' in record)
const settlements = async () =>
  (await ingest.records()).flatMap((record: LogRecord) =>
    record.type === 'quarantine_settled' ? [`${record.quarantine_id} ${record.outcome}`] : [],
  )

const share = { type: 'share', actor_id: 'ada', content_id: 'c' }
/** Too early to be right when it comes, right two days later. */
const ahead = { ...share, event_id: 's1', occurred_at: NOW_MS + 2 * DAY_MS }

describe('a retry', () => {
  it('takes an event that is right now, as an import that has ended, and settles it beside it', async () => {
    const event = await quarantined(ahead)
    expect(event.code).toBe('time_in_future')
    ingest.clock.set(NOW_MS + 3 * DAY_MS)
    expect(await retry([event])).toEqual([{ id: event.id, outcome: 'accepted' }])
    const [record] = await events()
    expect(record).toMatchObject({ event_id: 's1', occurred_at: ahead.occurred_at, received_at: NOW_MS + 3 * DAY_MS })
    expect(record?.import_id).toMatch(/^retry:/)
    const ends = (await ingest.records()).filter(({ type }) => type === 'import_end')
    expect(ends).toHaveLength(ingest.log.partitions)
    expect(await settlements()).toEqual([`${event.id} retried`])
  })

  it('leaves an event that is still wrong where it is, with its fault, and writes nothing', async () => {
    const event = await quarantined({ ...share, event_id: 's2', colour: 'red' })
    const before = await ingest.records()
    expect(await retry([event])).toEqual([
      expect.objectContaining({ id: event.id, outcome: 'rejected', code: 'field_unknown', path: 'colour' }),
    ])
    expect(await ingest.records()).toEqual(before)
  })

  it('of several takes what is right', async () => {
    const right = await quarantined(ahead)
    const wrong = await quarantined({ ...share, event_id: 's2', colour: 'red' })
    ingest.clock.set(NOW_MS + 3 * DAY_MS)
    expect((await retry([wrong, right])).map(({ outcome }) => outcome)).toEqual(['rejected', 'accepted'])
    expect(await settlements()).toEqual([`${right.id} retried`])
  })

  it.each([
    ['twice at once', 'together'],
    ['again, when the warehouse does not know of the first yet', 'after'],
  ])('%s counts the event once', async (_, order) => {
    const event = await quarantined({ ...share, occurred_at: NOW_MS + 2 * DAY_MS }) // without an id of its own
    ingest.clock.set(NOW_MS + 3 * DAY_MS)
    const outcomes =
      order === 'together'
        ? (await Promise.all([retry([event]), retry([event])])).flat()
        : [...(await retry([event])), ...(await retry([event]))]
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['accepted', 'duplicate'])
    expect(await events()).toHaveLength(1)
  })

  it('of an event that came again, right, in the meantime settles it as a duplicate', async () => {
    const event = await quarantined({ ...share, event_id: 's3', occurred_at: NOW_MS + 2 * DAY_MS })
    await ingest.post({ ...share, event_id: 's3' })
    ingest.clock.set(NOW_MS + 3 * DAY_MS)
    expect(await retry([event])).toEqual([{ id: event.id, outcome: 'duplicate' }])
    expect(await events()).toHaveLength(1)
    expect(await settlements()).toEqual([`${event.id} retried`])
  })

  it('of an event whose id was stored long ago settles it as a duplicate', async () => {
    const event = await quarantined(ahead)
    ingest.clock.set(NOW_MS + 30 * DAY_MS)
    expect(await retry([event], new Set(['s1']))).toEqual([{ id: event.id, outcome: 'duplicate' }])
    expect(await events()).toEqual([])
  })

  it.each<[string, unknown]>([
    [
      'personal data was taken from it',
      { type: 'conversion', kind: 'signup', actor_id: 'a', email: 'ada@example.org', occurred_at: NOW_MS + 2 * DAY_MS },
    ],
    ['it was no JSON', `${JSON.stringify(share)}\n{"type":"share","actor_id":"ada"`],
  ])('is not possible when %s: nobody knows what it was', async (_, body) => {
    const event = await quarantined(body)
    ingest.clock.set(NOW_MS + 3 * DAY_MS)
    const before = await ingest.records()
    expect(await retry([event])).toEqual([{ id: event.id, outcome: 'incomplete' }])
    expect(await ingest.records()).toEqual(before)
  })

  it('lets no money through that a write key sent', async () => {
    const event = await quarantined({ type: 'conversion', kind: 'purchase', actor_id: 'a', amount_minor: 5, currency: 'EUR' }, 'write')
    expect(event.code).toBe('event_not_allowed')
    expect(await retry([event])).toEqual([expect.objectContaining({ outcome: 'rejected', code: 'event_not_allowed' })])
  })

  it('gives an event without a time the time at which it came', async () => {
    const event: QuarantinedEvent = { id: 'q', code: 'field_unknown', body: JSON.stringify(share), eventId: '', receivedAtMs: NOW_MS }
    ingest.clock.set(NOW_MS + 9 * DAY_MS)
    await retry([event])
    expect((await events())[0]?.occurred_at).toBe(NOW_MS)
  })

  it('of a record that could not be processed puts it into the log again, although its id is known', async () => {
    await ingest.post({ ...share, event_id: 's9' })
    const [record] = await events()
    const event: QuarantinedEvent = {
      id: 'log-0-0',
      code: 'processing_failed',
      body: JSON.stringify(record),
      eventId: 's9',
      receivedAtMs: NOW_MS,
    }
    // Its first record was left out, so the warehouse knows no such id.
    expect(await retry([event])).toEqual([{ id: 'log-0-0', outcome: 'accepted' }])
    const again = (await events()).filter(({ event_id }) => event_id === 's9')
    expect(again).toHaveLength(2)
    expect(again.filter(({ import_id }) => import_id?.startsWith('retry:'))).toHaveLength(1)
    expect(await retry([event])).toEqual([{ id: 'log-0-0', outcome: 'duplicate' }])
    expect(await events()).toHaveLength(2)
  })
})

describe('to discard', () => {
  it('settles without an event', async () => {
    const event = await quarantined({ ...share, colour: 'red' })
    expect(await discardEvents(depsOf(), { workspace: 'default', events: [event], storedIds: NOTHING })).toEqual([
      { id: event.id, outcome: 'discarded' },
    ])
    expect(await settlements()).toEqual([`${event.id} discarded`])
    expect(await events()).toEqual([])
  })
})
