import { describe, expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { LogReader, StoredMessage } from '../../schemas/ports/log.ts'
import { type LogEntry, readLogEntries } from '../../verify/log-entries.ts'

function shareAt(receivedAtMs: number): LogRecord {
  const event = { event_id: `e${receivedAtMs}`, received_at: receivedAtMs, occurred_at: receivedAtMs, actor_id: 'ann', content_id: 'c' }
  return { v: 1, workspace: 'w', type: 'share', ...event }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const json = (value: unknown) => bytes(JSON.stringify(value))

async function collect(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

async function placesOf(entries: AsyncIterable<LogEntry>): Promise<[number, number][]> {
  return (await collect(entries)).map(({ partition, offset }) => [partition, offset])
}

describe('the entries of a log', () => {
  const message = (partition: number, record: unknown) => ({ partition, value: json(record) })

  it('come in log order within a partition, merged by receipt, up to the given ends', async () => {
    const log = createMemoryLog({ partitions: 3 })
    await log.append([
      message(0, shareAt(10)),
      message(0, shareAt(40)),
      message(1, shareAt(20)),
      message(1, shareAt(30)),
      message(1, shareAt(50)),
    ])
    expect(await placesOf(readLogEntries(log))).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [1, 2],
    ])
    expect(await collect(readLogEntries(log, [1, 2, 0]))).toHaveLength(3)
    await log.close()
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
    ['a record with a byte that is no UTF-8', Buffer.from(JSON.stringify({ ...shareAt(20), actor_id: 'J\u00fcrg' }), 'latin1')],
    ['text', bytes('hello')],
    ['half a record', json(shareAt(20)).slice(0, -9)],
    ['null', json(null)],
    ['a number', json(2)],
    ['a list', json([shareAt(20)])],
    ['an object of somebody else', json({ user: 'ann', clicked: true })],
    ['no version', json({ ...shareAt(20), v: undefined })],
    ['a version that never was', json({ ...shareAt(20), v: 0 })],
    ['a version that is no number', json({ ...shareAt(20), v: '2' })],
    ['a type of somebody else', json({ ...shareAt(20), type: 'like' })],
    ['a field of somebody else', json({ ...shareAt(20), likes: 3 })],
    ['an instant as text', json({ ...shareAt(20), occurred_at: '2026-03-02T00:00:00Z' })],
    ['no workspace', json({ ...shareAt(20), workspace: '' })],
  ])('are without what is not ours: %s', async (_, value) => {
    const log = createMemoryLog({ partitions: 2 })
    await log.append([
      { partition: 0, value },
      message(0, shareAt(10)),
      { partition: 0, value },
      { partition: 1, value },
      message(0, shareAt(30)),
      { partition: 0, value },
    ])
    expect(await placesOf(readLogEntries(log))).toEqual([
      [0, 1],
      [0, 3],
    ])
    await log.close()
  })

  it.each([
    ['whatever else it says', { v: 2, type: 'like' }],
    ['though it looks like one of this version', { ...shareAt(20), v: 2 }],
  ])('are refused when one is of a newer version, %s', async (_, newer) => {
    const log = createMemoryLog({ partitions: 1 })
    await log.append([message(0, shareAt(10)), message(0, newer)])
    await expect(collect(readLogEntries(log))).rejects.toThrow('partition 0, offset 1 has form 2')
    expect(await collect(readLogEntries(log, [1]))).toHaveLength(1)
    await log.close()
  })
})

/** A log as Kafka's may be: offsets with gaps, an end behind the last record, and now and then a read that gives nothing yet. */
function gappyLog(offsets: readonly number[], { start = 0, end = 0, nothingYetAt = -1 } = {}): LogReader {
  const stored = offsets.map((offset): StoredMessage => ({ partition: 0, offset, value: json(shareAt(offset)) }))
  let nothingYet = 3
  return {
    partitions: 1,
    read(_, offset) {
      if (offset >= nothingYetAt && nothingYetAt >= 0 && nothingYet > 0) {
        nothingYet -= 1
        return []
      }
      return stored.filter((message) => message.offset >= offset).slice(0, 2)
    },
    startOffset: () => start,
    endOffset: () => end,
    onAppend: () => () => {},
  }
}

describe('offsets with gaps', () => {
  const offsets = [5, 6, 9, 20, 21, 40]
  it.each<[string, LogReader, number[] | undefined, number[]]>([
    ['are read over', gappyLog(offsets, { start: 5, end: 41 }), undefined, offsets],
    ['may stand at the start', gappyLog(offsets, { end: 41 }), undefined, offsets],
    ['may stand before the end', gappyLog(offsets, { start: 5, end: 60 }), undefined, offsets],
    ['may be where the reading ends', gappyLog(offsets, { start: 5, end: 41 }), [15], [5, 6, 9]],
    ['do not hide the end', gappyLog(offsets, { start: 5, end: 41 }), [21], [5, 6, 9, 20]],
    ['may leave nothing at all', gappyLog([], { start: 7, end: 9 }), undefined, []],
    ['are not what a read is that gives nothing yet', gappyLog(offsets, { start: 5, end: 41, nothingYetAt: 10 }), undefined, offsets],
  ])('%s', async (_, log, ends, expected) => {
    expect((await placesOf(readLogEntries(log, ends))).map(([, offset]) => offset)).toEqual(expected)
  })
})
