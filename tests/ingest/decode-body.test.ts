import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeBody } from '../../ingest/decode-body.ts'
import { share, startIngest } from './ingest-fixture.ts'

describe('bodies that are small only while they travel', () => {
  it('are decoded a few at a time: the first is there long before the last', async () => {
    const bomb = gzipSync(Buffer.alloc(2 * 1024 * 1024))
    const startedMs = performance.now()
    const doneMs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        await decodeBody(bomb, 'gzip')
        return performance.now() - startedMs
      }),
    )
    expect(Math.min(...doneMs)).toBeLessThan(Math.max(...doneMs) / 2)
  })

  it('make way for the next also when they can not be decoded', async () => {
    const broken = Array.from({ length: 50 }, () => decodeBody(Buffer.from('no gzip'), 'gzip'))
    for (const outcome of await Promise.allSettled(broken)) expect(outcome).toMatchObject({ reason: { code: 'body_undecodable' } })
    expect(String(await decodeBody(gzipSync('x'), 'gzip'))).toBe('x')
  })

  it('count as large as they are', async () => {
    const ingest = await startIngest({ waitingBytesMax: 100_000 })
    const body = gzipSync(JSON.stringify(share()) + ' '.repeat(100_000))
    const others = ingest.committer.reserve(1)
    const refused = await ingest.post(body, { headers: { 'content-encoding': 'gzip' } })
    expect([refused.status, refused.body.code]).toEqual([503, 'overloaded'])
    others()
    expect(ingest.committer.waitingBytes).toBe(0)
    expect((await ingest.post(gzipSync(JSON.stringify(share())), { headers: { 'content-encoding': 'gzip' } })).status).toBe(202)
    await ingest.close()
  })
})
