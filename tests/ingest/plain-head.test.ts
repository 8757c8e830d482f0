import { describe, expect, it } from 'vitest'
import { mayBeginPlainHead, PlainHeads, readPlainHead } from '../../ingest/plain-head.ts'

const HEAD = ['POST /v1/events HTTP/1.1', 'Host: x', 'Authorization: Bearer k', 'Content-Type: application/json', 'Content-Length: 12']
/** The head with a line in the place of the one that starts with `start`, or behind all when none does. */
const withLine = (start: string, line: string) =>
  (HEAD.some((one) => one.startsWith(start)) ? HEAD.map((one) => (one.startsWith(start) ? line : one)) : [...HEAD, line]).join('\r\n')
const PLAIN = { authorization: 'Bearer k', key: undefined, contentEncoding: undefined, ndjson: false, bodyBytes: 12 }

describe('the head of a plain request', () => {
  it.each<[string, string, object]>([
    ['as clients send it', HEAD.join('\r\n'), {}],
    ['a key in the address', withLine('POST', 'POST /v1/events?key=a-b_c.1~ HTTP/1.1'), { key: 'a-b_c.1~' }],
    ['names in any case, space around values', withLine('Content-Length', 'cONTENT-lENGTH:\t 7  '), { bodyBytes: 7 }],
    ['NDJSON with a parameter', withLine('Content-Type', 'content-type: application/x-ndjson; charset=utf-8'), { ndjson: true }],
    ['gzip', withLine('Content-Encoding', 'content-encoding: gzip'), { contentEncoding: 'gzip' }],
    ['a connection that is kept', withLine('Connection', 'Connection: Keep-Alive'), {}],
    ['fields of which nothing is known', withLine('X', 'x-anything: "v\u00e9lue", b=1'), {}],
    ['an empty value', withLine('X', 'x-empty:'), {}],
  ])('is taken: %s', (_name, head, changed) => {
    expect(readPlainHead(head)).toEqual({ ...PLAIN, ...changed })
  })

  it.each<[string, string]>([
    ['another method', withLine('POST', 'GET /v1/events HTTP/1.1')],
    ['another path', withLine('POST', 'POST /v1/events/ HTTP/1.1')],
    ['an absolute address', withLine('POST', 'POST http://x/v1/events HTTP/1.1')],
    ['a key that is to be decoded', withLine('POST', 'POST /v1/events?key=a%20b HTTP/1.1')],
    ['more than a key', withLine('POST', 'POST /v1/events?key=a&workspace=b HTTP/1.1')],
    ['an older version', withLine('POST', 'POST /v1/events HTTP/1.0')],
    ['two spaces', withLine('POST', 'POST  /v1/events HTTP/1.1')],
    ['an empty line before it', `\r\n${HEAD.join('\r\n')}`],
    ['no host', HEAD.filter((line) => !line.startsWith('Host')).join('\r\n')],
    ['no length', HEAD.filter((line) => !line.startsWith('Content-Length')).join('\r\n')],
    ['two lengths', `${HEAD.join('\r\n')}\r\ncontent-length: 12`],
    ['two lengths in one', withLine('Content-Length', 'Content-Length: 12, 12')],
    ['a length with a sign', withLine('Content-Length', 'Content-Length: +12')],
    ['a length in hexadecimal', withLine('Content-Length', 'Content-Length: 0xc')],
    ['a length that begins with zero', withLine('Content-Length', 'Content-Length: 012')],
    ['a tab behind a length', withLine('Content-Length', 'Content-Length: 12\t')],
    ['a tab and a blank behind a length', withLine('Content-Length', 'Content-Length: 12\t ')],
    ['no body', withLine('Content-Length', 'Content-Length: 0')],
    ['a body above the limit', withLine('Content-Length', 'Content-Length: 99999999')],
    ['chunks', withLine('Transfer-Encoding', 'Transfer-Encoding: chunked')],
    ['a name that a proxy may take for another', withLine('Transfer', 'Transfer-Encoding : chunked')],
    ['a folded line', `${HEAD.join('\r\n')}\r\n b`],
    ['a bare line feed', `${HEAD.join('\r\n')}\r\nx: a\nTransfer-Encoding: chunked`],
    ['a bare carriage return', `${HEAD.join('\r\n')}\r\nx: a\rb`],
    ['a NUL', `${HEAD.join('\r\n')}\r\nx: a\0b`],
    ['a line without a colon', `${HEAD.join('\r\n')}\r\nx`],
    ['a name with a space', `${HEAD.join('\r\n')}\r\nx y: 1`],
    ['a field twice', `${HEAD.join('\r\n')}\r\nAUTHORIZATION: Bearer other`],
    ['a wish to be told to go on', withLine('Expect', 'Expect: 100-continue')],
    ['another protocol', withLine('Upgrade', 'Upgrade: h2c')],
    ['a connection that is to be closed', withLine('Connection', 'Connection: close')],
    ['a connection that is to be closed, in words of old', withLine('Proxy-Connection', 'Proxy-Connection: close')],
    ['a media type of others', withLine('Content-Type', 'Content-Type: text/html')],
  ])('is not taken: %s', (_name, head) => {
    expect(readPlainHead(head)).toBeUndefined()
  })

  it.each<[string, string]>([
    ['before a character that may not be there', `${' '.repeat(1_500)}\0`],
    ['behind a value', `a${' '.repeat(1_500)}\0`],
    ['between two words', `a${' \t'.repeat(750)}b`],
  ])('a lot of space costs no time: %s', (_name, value) => {
    const startedMs = performance.now()
    readPlainHead(withLine('X', `x:${value}`))
    expect(performance.now() - startedMs).toBeLessThan(500)
  })

  it('keeps space that is part of a value, and no other', () => {
    const head = withLine('Authorization', 'Authorization:\t  Basic \ta\u00a0  ')
    expect(readPlainHead(head)?.authorization).toBe('Basic \ta\u00a0')
    expect(readPlainHead(withLine('Authorization', 'Authorization: \t '))?.authorization).toBe('')
  })

  it('may be what begins as it does, and nothing else', () => {
    const head = Buffer.from(`${HEAD.join('\r\n')}\r\n\r`)
    for (let length = 1; length <= head.length; length += 1) expect(mayBeginPlainHead(head.subarray(0, length))).toBe(true)
    for (const other of ['GET', 'POST /v1/e_', 'post', '\r\nPOST', '\x16\x03\x01', 'POST /v1/events HTTP/1.1\nHost: x\n\n{}'])
      expect(mayBeginPlainHead(Buffer.from(other))).toBe(false)
  })

  it('says the same of a head that it has seen, however many there were between', () => {
    const heads = new PlainHeads()
    for (let length = 1; length < 2_500; length += 1) {
      const head = withLine('Content-Length', `Content-Length: ${length}`)
      expect([heads.read(head)?.bodyBytes, heads.read(head)?.bodyBytes]).toEqual([length, length])
      expect(heads.read(withLine('Content-Length', `Content-Length: ${length},`))).toBeUndefined()
    }
  })
})
