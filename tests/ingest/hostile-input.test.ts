import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVENT_ERRORS, REQUEST_ERRORS } from '../../schemas/errors.ts'
import { type IngestFixture, rum, share, startIngest } from './ingest-fixture.ts'

const data = join(import.meta.dirname, '../../../shared/data')
const parsing = join(data, 'hostile-json/test_parsing.jsonl.gz')
const strings = join(data, 'hostile-strings/blns.json.gz')
if (!existsSync(parsing)) console.warn(`hostile input: ${parsing} is not there, those tests are skipped`)

let ingest: IngestFixture
beforeAll(async () => {
  ingest = await startIngest()
})
afterAll(() => ingest.close())

/** Whatever comes: a 202 with known codes or a 4xx problem, and the process goes on. */
async function send(body: Buffer | string, contentType: string) {
  const answer = await ingest.post(body, { headers: { 'content-type': contentType } })
  if (answer.status === 202) {
    for (const { code } of answer.body.quarantined as { code: string }[]) expect(Object.keys(EVENT_ERRORS)).toContain(code)
  } else {
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(Object.keys(REQUEST_ERRORS)).toContain(answer.body.code)
  }
  expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.ts:\d+/)
  return answer
}

describe('hostile input', () => {
  it.runIf(existsSync(parsing))('JSON parsing test suite: each file as a body, as a line, as a field', async () => {
    const rows = gunzipSync(readFileSync(parsing)).toString('utf8').trim().split('\n')
    expect(rows.length).toBeGreaterThan(100)
    for (const row of rows) {
      const entry = JSON.parse(row) as { file: string; expect: string; content_base64: string }
      const raw = Buffer.from(entry.content_base64, 'base64')
      const whole = await send(raw, 'application/json')
      if (entry.expect === 'must_accept') expect([entry.file, whole.status]).toEqual([entry.file, 202])
      if (entry.expect === 'must_reject') expect([entry.file, whole.status >= 400]).toEqual([entry.file, true])
      const flat = Buffer.from(raw.filter((byte) => byte !== 10 && byte !== 13))
      const line = await send(
        Buffer.concat([Buffer.from(`${JSON.stringify(share())}\n`), flat, Buffer.from(`\n${JSON.stringify(share())}`)]),
        'application/x-ndjson',
      )
      expect(line.status).toBe(202)
      expect(line.body.accepted).toBe(2)
      await send(
        Buffer.concat([Buffer.from('{"type":"share","actor_id":"a","content_id":"c","properties":{"v":'), flat, Buffer.from('}}')]),
        'application/json',
      )
    }
  })

  it.runIf(existsSync(strings))('the big list of naughty strings in every field', async () => {
    const naughty = JSON.parse(gunzipSync(readFileSync(strings)).toString('utf8')) as string[]
    expect(naughty.length).toBeGreaterThan(400)
    for (const text of naughty) {
      const answer = await send(
        JSON.stringify([
          share({ actor_id: text || 'a', event_id: undefined, properties: { text, [text]: text } }),
          rum({ page: text || '/', name: text || 'x' }),
          share({ [text]: 1 }),
        ]),
        'application/json',
      )
      expect(answer.status).toBe(202)
    }
    const records = await ingest.records()
    const actors = new Set(records.map((record) => ('actor_id' in record ? record.actor_id : undefined)))
    for (const text of naughty) if (text && text.length <= 200) expect(actors.has(text)).toBe(true)
  })

  it('any JSON at all, as a body and as an event among others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 6 }), fc.jsonValue(), async (body, value) => {
        await send(body, 'application/json')
        const among = await send(JSON.stringify([share(), value, share()]), 'application/json')
        expect(among.body.accepted).toBeGreaterThanOrEqual(2)
      }),
      { numRuns: 80 },
    )
  })

  it('any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain'),
        async (bytes, type) => {
          await send(Buffer.from(bytes), type)
        },
      ),
      { numRuns: 80 },
    )
  })

  it('is split the same whether it comes as an array or as lines', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant(share()), fc.jsonValue({ maxDepth: 3 })), { minLength: 1, maxLength: 10 }),
        async (values) => {
          const asArray = await send(JSON.stringify(values), 'application/json')
          const asLines = await send(values.map((value) => JSON.stringify(value)).join('\n'), 'application/x-ndjson')
          expect(asLines.body).toEqual(asArray.body)
        },
      ),
      { numRuns: 60 },
    )
  })
})
