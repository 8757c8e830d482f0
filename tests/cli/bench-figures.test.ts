/** The bench's own arithmetic, and the client that it measures with: a wrong ruler would measure wrongly for ever. */
import { createServer, type Server } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { writeSimulatedEvents } from '../../cli/bench/bench-events.ts'
import { atLeast, atMost, type BenchResult, isReached, percentile } from '../../cli/bench/bench-figures.ts'
import { runLoad } from '../../cli/bench/bench-load.ts'
import { runPace } from '../../cli/bench/bench-pace.ts'
import { benchReport, comparisonText } from '../../cli/bench/bench-report.ts'
import { bodiesOf, readLines, stampedNow } from '../../cli/bench/bench-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'kappa-bench-unit-'))
let server: Server | undefined
afterEach(async () => {
  const open = server
  server = undefined
  open?.closeAllConnections()
  await new Promise<void>((closed) => (open === undefined ? closed() : open.close(() => closed())))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A server that answers the n-th request as `answer(n)` says. Resolves with its port. */
async function serve(answer: (request: number) => { status: number; afterMs?: number }): Promise<number> {
  let requests = 0
  server = createServer((request, response) => {
    requests += 1
    const { status, afterMs = 0 } = answer(requests)
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      const value = JSON.parse(body) as unknown
      const accepted = Array.isArray(value) ? value.length : 1
      const text = JSON.stringify({ accepted, duplicates: 0, quarantined: [] })
      setTimeout(() => response.writeHead(status, { 'content-length': text.length }).end(text), afterMs)
    })
  })
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
  return (server.address() as AddressInfo).port
}

test.each([
  [[5], 50, 5],
  [[1, 2, 3, 4], 50, 2],
  [[4, 3, 2, 1], 75, 3],
  [[1, 2, 3, 4], 99, 4],
  [[1, 2, 3, 4], 0, 1],
])('of %j the percentile %d is %d', (values, p, expected) => {
  expect(percentile(values, p)).toBe(expected)
})

test('a percentile is one of the values, and as many as it says do not exceed it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, p) => {
      const found = percentile(values, p)
      const upTo = (least: number) => values.filter((value) => value <= least).length
      expect(values.some((value) => value === found)).toBe(true)
      expect(upTo(found)).toBeGreaterThanOrEqual((p / 100) * values.length - 1e-9)
      expect(values.filter((value) => value < found).length).toBeLessThan((p / 100) * values.length + 1e-9)
    }),
  )
  expect(() => percentile([], 50)).toThrow(RangeError)
})

test.each([
  [{ value: 10, limit: atLeast(10) }, true],
  [{ value: 9.9, limit: atLeast(10) }, false],
  [{ value: 10, limit: atMost(10) }, true],
  [{ value: 10.1, limit: atMost(10) }, false],
  [{ value: null, limit: atMost(10) }, null],
  [{ value: 1 }, null],
])('%j reaches its limit: %s', (figure, expected) => {
  expect(isReached({ name: 'x', unit: 'ms', ...figure })).toBe(expected)
})

test('simulated events are as many as asked for, in order of time, each with an id of its own, and always the same', async () => {
  const made = await writeSimulatedEvents(join(folder, 'a.ndjson'), 1_500)
  const lines = readLines(made.path, 10_000).map((line) => JSON.parse(line.toString()) as { event_id: string; occurred_at: string })
  const times = lines.map(({ occurred_at }) => Date.parse(occurred_at))
  expect(lines).toHaveLength(1_500)
  expect(new Set(lines.map(({ event_id }) => event_id)).size).toBe(1_500)
  expect(times).toEqual([...times].sort((left, right) => left - right))
  expect([made.fromMs, made.toMs]).toEqual([times[0], times[times.length - 1]])
  await writeSimulatedEvents(join(folder, 'b.ndjson'), 1_500)
  expect(readLines(join(folder, 'b.ndjson'), 10_000).map(String)).toEqual(readLines(made.path, 10_000).map(String))
})

test.each([
  ['', 5, []],
  ['a\nb\nc\n', 2, ['a', 'b']],
  ['a\n\nb', 5, ['a', 'b']],
  [`${'x'.repeat(3_000_000)}\n${'y'.repeat(3_000_000)}\nz\n`, 5, ['x'.repeat(3_000_000), 'y'.repeat(3_000_000), 'z']],
])('lines of a file, however long', (text, events, expected) => {
  writeFileSync(join(folder, 'lines'), text)
  expect(readLines(join(folder, 'lines'), events).map(String)).toEqual(expected)
})

test.each([
  ['{"a":1,"occurred_at":"2012-07-01T00:02:52.000Z","b":2}', '{"a":1,"occurred_at":"2026-01-02T03:04:05.000Z","b":2}'],
  ['{"occurred_at": 1341100972000}', '{"occurred_at":"2026-01-02T03:04:05.000Z"}'],
  ['{"name":"ö"}', '{"name":"ö"}'],
])('%s happens now', (line, expected) => {
  expect(stampedNow([Buffer.from(line)], Date.UTC(2026, 0, 2, 3, 4, 5)).map(String)).toEqual([expected])
})

test('bodies hold every line once, an object or arrays', () => {
  const lines = ['{"a":1}', '{"a":2}', '{"a":3}'].map((line) => Buffer.from(line))
  expect(bodiesOf(lines, 1).map(String)).toEqual(['{"a":1}', '{"a":2}', '{"a":3}'])
  expect(bodiesOf(lines, 2).map(String)).toEqual(['[{"a":1},{"a":2}]', '[{"a":3}]'])
})

describe('load', () => {
  test('everything is sent until it is acknowledged, and what was put off is counted', async () => {
    const { path } = await writeSimulatedEvents(join(folder, 'c.ndjson'), 1_000)
    const port = await serve((request) => ({ status: request % 7 === 0 ? 503 : request % 11 === 0 ? 429 : 202 }))
    const job = { host: '127.0.0.1', port, key: 'k', path, events: 1_000, batch: 10, connections: 3, depth: 4 }
    const report = await runLoad(job)
    expect(report).toMatchObject({ requests: 100, accepted: 1_000, duplicates: 0 })
    expect(report.putOff).toBeGreaterThan(0)
  })

  test('another answer ends it, with what was said', async () => {
    const { path } = await writeSimulatedEvents(join(folder, 'd.ndjson'), 100)
    const port = await serve(() => ({ status: 401 }))
    const job = { host: '127.0.0.1', port, key: 'k', path, events: 100, batch: 10, connections: 1, depth: 1 }
    await expect(runLoad(job)).rejects.toThrow('answered with 401')
  })

  test('who stands still is charged for everybody who would have come meanwhile', async () => {
    // The 20th request of one connection is held for 300 ms, and with it all behind it.
    const port = await serve((request) => ({ status: 202, afterMs: request === 20 ? 300 : 0 }))
    const pace = { host: '127.0.0.1', port, key: 'k', perSecond: 200, seconds: 0.5, connections: 1, prefix: 'p' }
    const report = await runPace(pace)
    expect(report).toMatchObject({ requests: 100, accepted: 100, refused: 0 })
    expect(report.maxMs).toBeGreaterThanOrEqual(295)
    // Of those behind it, more than a fifth of all waited for at least half as long.
    expect(report.p50Ms).toBeLessThan(report.p99Ms)
    expect(report.p99Ms).toBeGreaterThan(250)
  })
})

test('the report says what was reached, and a comparison how far each figure moved', () => {
  const result = (perSecond: number, baseline: number, more: Partial<BenchResult> = {}): BenchResult => ({
    kind: 'kappa bench',
    date: '2026-01-31T00:00:00.000Z',
    commit: 'abc1234',
    version: '0.1.0',
    machine: { cpu: 'A', cpus: 2, memory_mb: 4_000, system: 'linux x64' },
    node: 'v20.0.0',
    load_before: [0.5, 0.4, 0.3],
    events: 1_000,
    full: false,
    file: null,
    cases: [
      {
        name: 'import',
        measures: '',
        seconds: 1,
        failed: null,
        figures: [
          {
            name: 'imported',
            unit: 'events/s',
            value: perSecond,
            limit: atLeast(150_000),
            reached: perSecond >= 150_000,
            baseline: { name: 'JSON.parse', value: baseline },
          },
        ],
      },
      { name: 'queries', measures: '', seconds: 1, failed: 'no events', figures: [] },
    ],
    ...more,
  })
  const before = result(100_000, 1_000_000)
  expect(benchReport(before)).toMatch(
    /import +imported +100,000 events\/s +>= 150,000 events\/s {2}NOT reached +JSON\.parse: 1,000,000 events\/s \(x 0\.10\)/,
  )
  expect(benchReport(before)).toContain('FAILED: no events')
  const now = result(200_000, 1_000_000, { machine: { ...before.machine, cpus: 4 }, events: 2_000 })
  expect(benchReport(now)).toMatch(/150,000 events\/s {2}reached/)
  const compared = comparisonText(before, now)
  expect(compared).toMatch(/import +imported +100,000 events\/s +200,000 events\/s +\+100 % +\+100 %/)
  expect(compared).toContain('different machines and numbers of events')
  expect(compared).not.toContain('busy')
  expect(comparisonText(before, { ...now, load_before: [9, 1, 1] })).toContain('busy: load 0.50 before the one, 9.00 before the other')
})
