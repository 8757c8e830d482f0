import { describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import { type LogEntry, readLogEntries } from '../../verify/log-entries.ts'
import { NaiveWatermark } from '../../verify/naive-watermark.ts'

function shareAt(receivedAtMs: number, occurredAtMs = receivedAtMs): LogRecord {
  const id = `e${receivedAtMs}`
  return {
    v: 1,
    workspace: 'w',
    type: 'share',
    event_id: id,
    received_at: receivedAtMs,
    occurred_at: occurredAtMs,
    actor_id: 'ann',
    content_id: 'c',
  }
}

function tickAt(receivedAtMs: number): LogRecord {
  return { v: 1, workspace: 'w', type: 'tick', received_at: receivedAtMs }
}

async function collect(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

describe('the entries of a log', () => {
  const message = (partition: number, record: unknown) => ({ partition, value: new TextEncoder().encode(JSON.stringify(record)) })

  it('come in log order within a partition, merged by receipt, up to the given ends', async () => {
    const log = createMemoryLog({ partitions: 3 })
    await log.append([
      message(0, shareAt(10)),
      message(0, shareAt(40)),
      message(1, shareAt(20)),
      message(1, shareAt(30)),
      message(1, shareAt(50)),
    ])
    const places = (await collect(readLogEntries(log))).map(({ partition, offset }) => [partition, offset])
    expect(places).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [1, 2],
    ])
    expect(await collect(readLogEntries(log, [1, 2, 0]))).toHaveLength(3)
    await log.close()
  })

  it('are refused when they are no log records', async () => {
    const log = createMemoryLog({ partitions: 1 })
    await log.append([message(0, shareAt(10)), message(0, { v: 2, type: 'share' })])
    await expect(collect(readLogEntries(log))).rejects.toThrow('partition 0, offset 1')
    await log.close()
  })
})

describe('the watermark, replayed', () => {
  it.each<[string, [number, LogRecord][], number]>([
    ['nothing before the first event', [], Number.NEGATIVE_INFINITY],
    ['5 s behind the newest event', [[0, shareAt(100_000)]], 95_000],
    ['not ahead of the receipt', [[0, shareAt(100_000, 500_000)]], 95_000],
    [
      'not back again',
      [
        [0, shareAt(100_000)],
        [0, shareAt(101_000, 5_000)],
      ],
      95_000,
    ],
    [
      'on with a tick',
      [
        [0, shareAt(100_000)],
        [0, tickAt(160_000)],
      ],
      155_000,
    ],
    [
      'the slowest partition holds',
      [
        [0, shareAt(100_000)],
        [1, shareAt(110_000, 20_000)],
      ],
      15_000,
    ],
    [
      'until it is idle',
      [
        [1, shareAt(100_000, 20_000)],
        [0, shareAt(160_000)],
      ],
      155_000,
    ],
    [
      'and not a moment before',
      [
        [1, shareAt(100_000, 20_000)],
        [0, shareAt(159_999)],
      ],
      15_000,
    ],
  ])('%s', (_, records, expected) => {
    const watermark = new NaiveWatermark()
    for (const [partition, record] of records) watermark.observe(partition, record)
    expect(watermark.currentMs()).toBe(expected)
  })
})
