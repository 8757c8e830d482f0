/** Imports of Segment's messages: what becomes of a line, when it happened, and that it is the same event as over HTTP. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImportProgress } from '../../ingest/import-session.ts'
import { createEventMap } from '../../ingest/segment/event-map.ts'
import { importSegmentMessages } from '../../ingest/segment/segment-import.ts'
import { eventMap } from '../../schemas/event-map-rules.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { type IngestFixture, NOW_MS, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
beforeEach(async () => {
  ingest = await startIngest()
})
afterEach(() => ingest.close())

async function* chunked(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function importText(text: string, map = createEventMap()): Promise<ImportProgress | undefined> {
  const { clock, workspaces, dedupe, committer, newId } = ingest
  let last: ImportProgress | undefined
  const progress = importSegmentMessages({
    workspace: 'default',
    importId: 'import-1',
    clock,
    workspaces,
    dedupe,
    committer,
    kept: { loadKept: async () => [] },
    partitions: 3,
    newId,
    batchSize: 5,
    lines: chunked(text, 64 * 1024),
    eventMap: map,
  })
  for await (const one of progress) last = one
  return last
}

const importLines = (...lines: unknown[]) => importText(lines.map((line) => JSON.stringify(line)).join('\n'))

async function storedEvents(): Promise<LogRecord[]> {
  return (await ingest.records()).filter(({ type }) => type !== 'import_end')
}

async function postBatch(batch: readonly unknown[], headers: Record<string, string> = {}) {
  const answer = await ingest.app.inject({
    method: 'POST',
    url: '/v1/batch?key=server-key',
    headers: { 'content-type': 'application/json', ...headers },
    payload: JSON.stringify({ batch }),
  })
  return answer.json<Record<string, unknown>>()
}

const at = '2024-03-01T10:00:00.000Z'
const atMs = Date.parse(at)
const track = (fields: object = {}) => ({ type: 'track', event: 'Signed Up', userId: 'ada', timestamp: at, ...fields })

describe('importSegmentMessages', () => {
  it('maps what the event map knows, stores the rest as tracked, and hides addresses', async () => {
    const lines = [
      track({ messageId: 'm1', userId: 'Ada@Example.org' }),
      track({ messageId: 'm2', event: 'Order Completed', properties: { revenue: 19.99, currency: 'EUR', order_id: 'o1' } }),
      { type: 'identify', messageId: 'm3', userId: 'ada', timestamp: at, traits: { email: 'ada@example.org', plan: 'pro' } },
      { type: 'page', messageId: 'm4', anonymousId: 'a1', timestamp: at, name: 'Home' },
    ]
    expect(await importLines(...lines)).toMatchObject({ read: 4, accepted: 4, duplicates: 0, quarantined: 0 })
    const records = await storedEvents()
    expect(Object.fromEntries(records.map((record) => ['event_id' in record ? record.event_id : '', record]))).toMatchObject({
      m1: { type: 'conversion', kind: 'signup', occurred_at: atMs, received_at: NOW_MS, import_id: 'import-1' },
      m2: { type: 'conversion', kind: 'purchase', amount_minor: 1999, currency: 'EUR', order_id: 'o1' },
      m3: { type: 'tracked', kind: 'identify', properties: { plan: 'pro' } },
      m4: { type: 'tracked', kind: 'page', name: 'Home' },
    })
    expect(JSON.stringify(records).toLowerCase()).not.toContain('ada@example.org')
  })

  it('goes by the map that it is given', async () => {
    const own = eventMap.parse({ events: { 'Story Forwarded': { type: 'share', fields: { content_id: 'story' } }, 'Signed Up': null } })
    const lines = [track({ messageId: 'm1', event: 'story_forwarded', properties: { story: 's1' } }), track({ messageId: 'm2' })]
    await importText(lines.map((line) => JSON.stringify(line)).join('\n'), createEventMap(own))
    const types = (await storedEvents()).map((record) => [record.type, 'content_id' in record ? record.content_id : undefined])
    expect(new Map(types as [string, string | undefined][])).toEqual(
      new Map([
        ['share', 's1'],
        ['tracked', undefined],
      ]),
    )
  })

  it.each<[string, object, number]>([
    ['timestamp', {}, atMs],
    ['timestamp, whatever sentAt says', { sentAt: '2024-03-01T12:00:00Z' }, atMs],
    ['timestamp, whatever the other instants say', { originalTimestamp: '2024-02-01T00:00:00Z', receivedAt: '2024-03-01T12:00:00Z' }, atMs],
    ['originalTimestamp without it', { timestamp: undefined, originalTimestamp: at, sentAt: '2024-03-01T12:00:00Z' }, atMs],
    ['originalTimestamp when it is none', { timestamp: 'yesterday', originalTimestamp: at }, atMs],
    ['receipt without either, as over HTTP', { timestamp: undefined }, NOW_MS],
  ])('happened at %s', async (_instant, fields, occurredAtMs) => {
    await importLines(track(fields))
    expect(await storedEvents()).toMatchObject([{ occurred_at: occurredAtMs }])
  })

  it('a batch counts as its messages, with its context', async () => {
    const batch = Array.from({ length: 12 }, (_, i) => track({ messageId: `m${i}`, userId: `u${i}` }))
    const body = { batch, sentAt: '2026-01-01T00:00:00Z', context: { campaign: { name: 'spring' } }, writeKey: 'server-key' }
    expect(await importLines(body, track({ messageId: 'm12' }), { batch: [] })).toMatchObject({ read: 13, accepted: 13 })
    const records = await storedEvents()
    expect(records.filter((record) => 'campaign' in record && record.campaign === 'spring').length).toBe(12)
    expect(records.every((record) => 'occurred_at' in record && record.occurred_at === atMs)).toBe(true)
    expect(JSON.stringify(records)).not.toContain('server-key')
  })

  it('a batch may be longer than an event, up to 1 MB', async () => {
    const message = (i: number) => track({ messageId: `m${i}`, properties: { note: 'x'.repeat(30_000) } })
    const result = await importLines({ batch: Array.from({ length: 30 }, (_, i) => message(i)) })
    expect(result).toMatchObject({ read: 30, accepted: 30 })
    const tooLong = await importLines({ batch: Array.from({ length: 40 }, (_, i) => message(100 + i)) }, track({ messageId: 'after' }))
    expect(tooLong).toMatchObject({ read: 2, accepted: 1, reasons: { event_too_large: 1 } })
    expect(tooLong?.samples).toMatchObject([{ message: 'A line has at most 1024 KB.' }])
  })

  it('more messages on a line than go to the log at once', async () => {
    const batch = Array.from({ length: 10_007 }, (_, i) => ({ event: 'x', messageId: String(i) }))
    expect(await importLines({ batch })).toMatchObject({ read: 10_007, accepted: 10_007 })
  })

  it('what is no message is quarantined with its reason, the rest of its batch taken', async () => {
    const lines = [
      '{"type":',
      '7',
      JSON.stringify({ batch: [track({ messageId: 'm1' }), null] }),
      JSON.stringify(track({ messageId: 'm2', timestamp: new Date(NOW_MS + 2 * DAY_MS).toISOString() })),
    ]
    const result = await importText(lines.join('\n'))
    expect(result).toMatchObject({ read: 5, accepted: 1, reasons: { event_malformed: 1, event_not_object: 2, time_in_future: 1 } })
    expect(result?.samples.map(({ index, event_id }) => [index, event_id])).toEqual([
      [0, null],
      [1, null],
      [3, null],
      [4, 'm2'],
    ])
  })

  it('again, and after HTTP: nothing but duplicates', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => track({ messageId: `m${i}` }))
    expect(await postBatch(lines.slice(0, 4))).toMatchObject({ accepted: 4 })
    expect(await importLines(...lines)).toMatchObject({ read: 12, accepted: 8, duplicates: 4 })
    expect(await importLines({ batch: lines })).toMatchObject({ read: 12, accepted: 0, duplicates: 12 })
    expect(await postBatch(lines)).toMatchObject({ accepted: 0, duplicates: 12 })
  })
})

const DATA = join(import.meta.dirname, '../../../shared/data/segment-payloads')

it('the messages of Segment’s docs and of the spec become what they become over HTTP', async ({ skip }) => {
  const read = (name: string) => JSON.parse(gunzipSync(readFileSync(join(DATA, `${name}.json.gz`))).toString('utf8'))
  let messages: Record<string, unknown>[] = []
  try {
    messages = [
      ...(read('segment-docs-examples') as { payload: Record<string, unknown> }[]).map(({ payload }) => payload),
      ...(read('spec-messages-posthog') as { message: Record<string, unknown> }[]).map(({ message }) => message),
    ]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    skip(`${DATA} is not there`)
  }
  // Times differ by intent: an import corrects no clock.
  const plain = async () => {
    const records = (await storedEvents()).map((record) => ({ ...record, event_id: '', occurred_at: 0, import_id: undefined }))
    return records.map((record) => JSON.stringify(record)).sort()
  }
  const withIds = messages.map((message, i) => ({ messageId: `doc-${i}`, ...message }))
  expect(await postBatch(withIds)).toMatchObject({ quarantined: [] })
  const overHttp = await plain()
  await ingest.close()
  ingest = await startIngest()
  expect(await importLines(...withIds)).toMatchObject({ read: messages.length, quarantined: 0, accepted: overHttp.length })
  expect(await plain()).toEqual(overHttp)
})
