import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BrokenOffImports } from '../../ingest/broken-off-imports.ts'
import { CsvError, csvMap, readCsvItems } from '../../ingest/csv-rows.ts'
import { DecompressionError, decompress } from '../../ingest/decompress.ts'
import { type ImportOptions, type ImportProgress, importEvents, importItems } from '../../ingest/import-session.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'
import type { KeptEvent } from '../../schemas/ports/kept-ids.ts'
import { DAY_MS } from '../../schemas/windows.ts'
import { type IngestFixture, NOW_MS, share, signup, startIngest } from './ingest-fixture.ts'

let ingest: IngestFixture
let kept: KeptEvent[]
beforeEach(async () => {
  ingest = await startIngest()
  kept = []
})
afterEach(() => ingest.close())

const options = (importId: string): ImportOptions => ({
  workspace: 'default',
  importId,
  clock: ingest.clock,
  workspaces: ingest.workspaces,
  dedupe: ingest.dedupe,
  committer: ingest.committer,
  kept: { loadKept: async () => kept },
  partitions: 3,
  newId: ingest.newId,
  batchSize: 7,
})

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function last(progress: AsyncIterable<ImportProgress>): Promise<ImportProgress> {
  let final: ImportProgress | undefined
  for await (const one of progress) final = one
  if (!final) throw new Error('no progress at all')
  return final
}

const run = (text: string | Buffer, importId = 'import-1', size = 13) =>
  last(importEvents({ ...options(importId), lines: chunked(Buffer.from(text), size) }))

const old = Date.UTC(2012, 6, 4)
const rows = Array.from({ length: 40 }, (_, i) => ({ ...share(), event_id: `e${i}`, occurred_at: old + i, actor_id: `ä${i % 5}` }))
const ndjson = rows.map((row) => JSON.stringify(row)).join('\n')

describe('importEvents', () => {
  it.each([1, 3, 64, 100_000])('takes every row, cut into chunks of %i bytes, and ends in every partition', async (size) => {
    expect(await run(ndjson, 'import-1', size)).toEqual({ read: 40, accepted: 40, duplicates: 0, quarantined: 0, reasons: {}, samples: [] })
    const records = await ingest.records()
    expect(
      records
        .filter((record) => record.type === 'share')
        .every((record) => record.import_id === 'import-1' && record.received_at === NOW_MS),
    ).toBe(true)
    for (const partition of [0, 1, 2]) {
      const stored = await ingest.log.read(partition, 0, 100)
      expect(JSON.parse(Buffer.from(stored.at(-1)?.value ?? []).toString())).toEqual({
        v: 1,
        type: 'import_end',
        workspace: 'default',
        received_at: NOW_MS,
        import_id: 'import-1',
      })
    }
  })

  it('again: nothing but duplicates; and beside HTTP', async () => {
    await ingest.post(rows.slice(0, 10))
    expect(await run(ndjson)).toMatchObject({ accepted: 30, duplicates: 10 })
    expect(await run(ndjson, 'import-2')).toMatchObject({ read: 40, accepted: 0, duplicates: 40 })
    expect((await ingest.post(rows)).body).toMatchObject({ accepted: 0, duplicates: 40 })
  })

  it('again after the horizon: what the warehouse keeps is a duplicate', async () => {
    await run(ndjson)
    ingest.clock.set(NOW_MS + 30 * DAY_MS)
    kept = rows
      .slice(0, 35)
      .map((row, i) => ({ event_id: row.event_id, late: false, partition: 0, offset: i, occurred_at: row.occurred_at }))
    expect(await run(ndjson, 'import-2')).toMatchObject({ accepted: 5, duplicates: 35 })
  })

  it('an event kept as late is accepted again, once, and names the row that it replaces', async () => {
    await ingest.post(rows.slice(0, 2))
    kept = [{ event_id: 'e1', late: true, partition: 2, offset: 17, occurred_at: old + 1 }]
    expect(await run(`${ndjson}\n${JSON.stringify(rows[1])}`)).toMatchObject({ accepted: 39, duplicates: 2 })
    expect(await run(ndjson, 'import-2')).toMatchObject({ accepted: 0, duplicates: 40 })
    const superseding = (await ingest.records()).filter((record) => 'supersedes' in record)
    expect(superseding).toMatchObject([
      { event_id: 'e1', import_id: 'import-1', supersedes: { partition: 2, offset: 17, occurred_at: old + 1 } },
    ])
  })

  it('counts and shows what it quarantines, and stores it', async () => {
    const bad = [
      JSON.stringify(share({ role: 'x' })),
      '{"type":',
      'x'.repeat(300_000),
      ' '.repeat(200_000),
      JSON.stringify(signup({ occurred_at: NOW_MS + 2 * DAY_MS })),
    ]
    const result = await run([JSON.stringify(rows[0]), ...bad, JSON.stringify(rows[1])].join('\r\n'), 'i', 1_000)
    expect(result).toMatchObject({ accepted: 2, reasons: { field_unknown: 1, event_malformed: 1, time_in_future: 1 } })
    expect(result.read).toBe(result.accepted + result.duplicates + result.quarantined)
    expect(result.reasons.event_too_large).toBeGreaterThanOrEqual(1)
    expect(result.samples[0]).toMatchObject({ index: 1, code: 'field_unknown', path: 'role' })
    expect((await ingest.records()).filter((record) => record.type === 'quarantined').length).toBe(result.quarantined)
  })

  it('corrects no clock', async () => {
    await run(JSON.stringify(share({ occurred_at: old, sent_at: old + 5 })))
    expect((await ingest.records()).filter(({ type }) => type === 'share')).toMatchObject([{ occurred_at: old }])
  })

  it('an empty file ends too', async () => {
    expect(await run('')).toMatchObject({ read: 0, accepted: 0 })
    expect((await ingest.records()).length).toBe(3)
  })

  it('stops when the log can not be written, and can be run again', async () => {
    const append = ingest.log.append.bind(ingest.log)
    let left = 2
    ingest.log.append = async (...args) => {
      if (left-- <= 0) throw new LogUnavailableError('disk full')
      return append(...args)
    }
    await expect(run(ndjson)).rejects.toMatchObject({ code: 'log_unavailable' })
    ingest.log.append = append
    const again = await run(ndjson)
    expect([again.accepted + again.duplicates, again.accepted > 0, again.duplicates > 0]).toEqual([40, true, true])
    expect(new Set((await ingest.records()).map((record) => ('event_id' in record ? record.event_id : undefined))).size).toBe(41)
  })

  it.each([0, 1, 2, 5])('broken off by the log after %i commits ends with the next import of the workspace', async (commits) => {
    const brokenOff = new BrokenOffImports()
    const attempt = (importId: string, workspace = 'default') =>
      last(importEvents({ ...options(importId), workspace, brokenOff, lines: chunked(Buffer.from(ndjson), 13) }))
    const append = ingest.log.append.bind(ingest.log)
    let left = commits
    ingest.log.append = async (...args) => {
      if (left-- <= 0) throw new LogUnavailableError('disk full')
      return append(...args)
    }
    for (const importId of ['import-1', 'import-2']) await expect(attempt(importId)).rejects.toMatchObject({ code: 'log_unavailable' })
    ingest.log.append = append
    await attempt('import-3', 'other')
    await attempt('import-4')
    await attempt('import-5')
    const ends = (await ingest.records()).flatMap((record) =>
      record.type === 'import_end' ? [`${record.workspace} ${record.import_id}`] : [],
    )
    const expected = ['other import-3', ...[1, 2, 4, 5].map((number) => `default import-${number}`)]
    expect(ends.sort()).toEqual(expected.flatMap((end) => [end, end, end]).sort())
  })

  it('that nobody reads on ends with the next one too', async () => {
    const brokenOff = new BrokenOffImports()
    const start = (importId: string) => importEvents({ ...options(importId), brokenOff, lines: chunked(Buffer.from(ndjson), 13) })
    for await (const _ of start('import-1')) break
    expect(brokenOff.of('default')).toEqual(['import-1'])
    await last(start('import-2'))
    expect(brokenOff.of('default')).toEqual([])
    const ends = (await ingest.records()).flatMap((record) => (record.type === 'import_end' ? [record.import_id] : []))
    expect(ends.sort()).toEqual(['import-1', 'import-1', 'import-1', 'import-2', 'import-2', 'import-2'])
  })
})

describe('decompress', () => {
  const text = ndjson.repeat(50)
  const collect = async (source: AsyncIterable<Uint8Array>) => {
    const parts: Uint8Array[] = []
    for await (const part of source) parts.push(part)
    return Buffer.concat(parts).toString()
  }
  it.each([1, 1_000, 1_000_000])('gzip, several members, and plain, in chunks of %i bytes', async (size) => {
    const short = size === 1 ? ndjson : text
    expect(await collect(decompress(chunked(Buffer.concat([gzipSync(short), gzipSync('end')]), size)))).toBe(`${short}end`)
    expect(await collect(decompress(chunked(Buffer.from(short), size)))).toBe(short)
  })
  it.each([1, 1_000])('zstd in chunks of %i bytes', async (size) => {
    // Single segment, content size 6, one last raw block (RFC 8878, 3.1.1).
    const frame = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x06, 0x31, 0x00, 0x00]), Buffer.from('kappa\n')])
    expect(await collect(decompress(chunked(frame, size)))).toBe('kappa\n')
  })
  it('says what is wrong with damaged data', async () => {
    await expect(collect(decompress(chunked(gzipSync(text).subarray(0, 500), 100)))).rejects.toThrow(DecompressionError)
    await expect(collect(decompress(chunked(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]), 3)))).rejects.toThrow(
      DecompressionError,
    )
    expect(await collect(decompress(chunked(Buffer.alloc(0), 1)))).toBe('')
    expect(await collect(decompress(chunked(Buffer.from('ab'), 1)))).toBe('ab')
  })
})

describe('CSV', () => {
  const map = csvMap.parse({
    columns: {
      id: 'event_id',
      who: 'actor_id',
      when: 'occurred_at',
      cents: 'amount_minor',
      cur: 'currency',
      plan: 'properties.plan',
      region: 'properties.region',
    },
    constants: { type: 'conversion', kind: 'purchase' },
  })
  const load = (text: string) => last(importItems({ ...options('csv'), items: readCsvItems(chunked(Buffer.from(text), 11), map, 2) }))

  it('maps columns and constants to fields', async () => {
    const header = '\uFEFFid,who,when,cents,cur,plan,region,unused\r\n'
    const result = await load(
      `${header}o1,ada,2024-05-01T10:00:00Z,1200,EUR,"pro, yearly",,x\r\no2,bob,${old},,,,"EU\nWest",x\r\no3,eve,yesterday,,,,,x\r\no4,short\r\n`,
    )
    expect(result).toMatchObject({ read: 4, accepted: 2, quarantined: 2, reasons: { time_invalid: 1, event_malformed: 1 } })
    const records = new Map((await ingest.records()).map((record) => ['event_id' in record ? record.event_id : '', record]))
    expect(records.get('o1')).toMatchObject({ kind: 'purchase', amount_minor: 1200, currency: 'EUR', properties: { plan: 'pro, yearly' } })
    expect(records.get('o2')).toMatchObject({ occurred_at: old, properties: { region: 'EU\nWest' } })
  })

  it.each([
    ['a column that is not there', 'id,who\n1,2\n'],
    ['an empty file', ''],
    ['a quote that does not close', 'id,who,when,cents,cur,plan,region\n"1,2\n'],
  ])('%s is said', async (_name, text) => {
    await expect(load(text)).rejects.toThrow(CsvError)
  })

  it('refuses a map with fields that can not be', () => {
    expect(csvMap.safeParse({ columns: { a: '__proto__.x.y' } }).success).toBe(false)
    expect(csvMap.safeParse({ columns: { a: 'properties.' } }).success).toBe(false)
  })
})
