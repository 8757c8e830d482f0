/** Which events the naive pass takes for late, where each stands in the log: [partition, record] in the order read. */
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { collectFacts } from '../../verify/naive-pass.ts'

const NOW = Date.UTC(2026, 2, 20)
/** The oldest instant that counts beside an event of now. */
const LIMIT = NOW - 5_000 - 7 * DAY_MS

type Placed = readonly [partition: number, record: LogRecord]

function share(eventId: string, occurredAtMs: number, more: Partial<LogRecord> = {}): LogRecord {
  const event = { event_id: eventId, occurred_at: occurredAtMs, received_at: NOW, actor_id: 'ann', content_id: 'c' }
  return { v: 1, workspace: 'w', type: 'share', ...event, ...more } as LogRecord
}

function rum(eventId: string, occurredAtMs: number): LogRecord {
  const event = { event_id: eventId, occurred_at: occurredAtMs, received_at: occurredAtMs, name: 'LCP', value: 1, page: '/' }
  return { v: 1, workspace: 'w', type: 'rum', ...event }
}

function tick(receivedAtMs: number, workspace = '*'): LogRecord {
  return { v: 1, workspace, type: 'tick', received_at: receivedAtMs }
}

const base = { v: 1, workspace: 'w', received_at: NOW } as const
const importEnd: LogRecord = { ...base, type: 'import_end', import_id: 'm' }
const quarantined: LogRecord = { ...base, type: 'quarantined', quarantine_id: 'q', code: 'c', path: '', message: '', body: '' }
const tracked: LogRecord = { ...base, type: 'tracked', event_id: 't', occurred_at: NOW, kind: 'track', name: 'n' }

/** An event as old as it may be and one beyond that, each received with its occurrence: what came before decides. */
const justIn = share('just in', LIMIT, { received_at: LIMIT })
const justOut = share('just out', LIMIT - 1, { received_at: LIMIT - 1 })

async function readFacts(placed: readonly Placed[]) {
  const entries = placed.map(([partition, record], offset) => ({ partition, offset, record }))
  return collectFacts(entries, 'w')
}

async function late(placed: readonly Placed[]): Promise<string[]> {
  const { ordered } = await readFacts(placed)
  const counted = new Set(ordered.map(({ eventId }) => eventId))
  const shares = placed.flatMap(([, record]) => (record.type === 'share' && record.workspace === 'w' ? [record.event_id] : []))
  return shares.filter((id) => !counted.has(id))
}

describe('an event is late', () => {
  it.each<[string, readonly Placed[], string[]]>([
    [
      'by its own partition, to the millisecond',
      [
        [1, share('now', NOW)],
        [1, justIn],
        [1, justOut],
      ],
      ['just out'],
    ],
    [
      'not by another partition',
      [
        [0, share('now', NOW)],
        [1, justOut],
        [2, share('older', NOW - 300 * DAY_MS)],
      ],
      [],
    ],
    [
      'though the other partitions hold the watermark back',
      [
        [0, share('slow', LIMIT - DAY_MS, { received_at: NOW })],
        [1, share('now', NOW)],
        [1, justOut],
      ],
      ['just out'],
    ],
    [
      'wherever in the log its actor would belong',
      [
        [0, share('now', NOW)],
        [1, justOut],
        [0, share('the same actor', LIMIT - 1)],
      ],
      ['the same actor'],
    ],
    ['never as the first of its partition', [[3, share('old', NOW - 400 * DAY_MS)]], []],
    [
      'never when an import brings it',
      [
        [0, share('now', NOW)],
        [0, share('imported', NOW - 400 * DAY_MS, { import_id: 'm' })],
      ],
      [],
    ],
    [
      'by what an import brought',
      [
        [0, share('imported', NOW, { import_id: 'm' })],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'by RUM',
      [
        [0, rum('r', NOW)],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'by an event that came before, though it counts only once',
      [
        [1, share('twice', NOW)],
        [0, share('twice', NOW)],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'not by a clock that runs ahead',
      [
        [0, share('ahead', NOW + DAY_MS)],
        [0, justIn],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'not by what is no event, nor by the end of an import',
      [
        [0, importEnd],
        [0, quarantined],
        [0, tracked],
        [0, justOut],
      ],
      [],
    ],
    [
      'not by another workspace',
      [
        [0, share('theirs', NOW, { workspace: 'x' })],
        [0, tick(NOW, 'x')],
        [0, justOut],
      ],
      [],
    ],
  ])('%s', async (_, placed, expected) => {
    expect(await late(placed)).toEqual(expected)
  })
})

describe('a tick', () => {
  /** What makes the workspace live in a partition, long before now. */
  const early = LIMIT - 10 * DAY_MS
  const alive = share('alive', early, { received_at: early + 1_000 })
  const history = (ageMs: number) => share('history', early - ageMs, { received_at: early })
  it.each<[string, readonly Placed[], string[]]>([
    [
      'of the workspace moves its time, event or not',
      [
        [0, tick(NOW, 'w')],
        [0, justIn],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'of the partition moves a live workspace',
      [
        [0, alive],
        [0, tick(NOW)],
        [0, justIn],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'of the partition does not move a workspace that had no record yet',
      [
        [0, tick(NOW)],
        [0, justOut],
      ],
      [],
    ],
    [
      'of the partition moves a workspace with an event that was 7 days old',
      [
        [0, history(7 * DAY_MS)],
        [0, tick(NOW)],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'of the partition does not move a workspace that has only older history',
      [
        [0, history(7 * DAY_MS + 1)],
        [0, tick(NOW)],
        [0, justOut],
      ],
      [],
    ],
    [
      'of the partition moves one that a tick of its own made live',
      [
        [0, history(300 * DAY_MS)],
        [0, tick(early, 'w')],
        [0, tick(NOW)],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'of the partition does not make live',
      [
        [0, history(300 * DAY_MS)],
        [0, tick(NOW - HOUR_MS)],
        [0, tick(NOW)],
        [0, justOut],
      ],
      [],
    ],
    [
      'of the partition moves only where the workspace is live',
      [
        [0, alive],
        [0, tick(NOW)],
        [1, tick(NOW)],
        [1, justOut],
      ],
      [],
    ],
    [
      'of another partition moves nothing',
      [
        [0, alive],
        [1, tick(NOW)],
        [0, justOut],
      ],
      [],
    ],
    [
      'that is older than what came turns nothing back',
      [
        [0, share('now', NOW)],
        [0, tick(early)],
        [0, tick(early, 'w')],
        [0, justOut],
      ],
      ['just out'],
    ],
    [
      'is what `*` may be: an event of that workspace belongs to nobody',
      [
        [0, alive],
        [0, share('of nobody', NOW, { workspace: '*' })],
        [0, justOut],
      ],
      [],
    ],
  ])('%s', async (_, placed, expected) => {
    expect(await late(placed)).toEqual(expected)
  })
})

describe('a partition that was quiet for long', () => {
  const before = NOW - 60 * DAY_MS
  const last = share('last', before, { received_at: before })
  it.each<[string, readonly Placed[], string[]]>([
    [
      'takes what is old by the time of the others',
      [
        [0, last],
        [1, share('now', NOW)],
        [0, share('old', before - 7 * DAY_MS - 5_000)],
      ],
      [],
    ],
    [
      'and is as strict as ever by its own',
      [
        [0, last],
        [1, share('now', NOW)],
        [0, share('too old', before - 7 * DAY_MS - 5_001)],
      ],
      ['too old'],
    ],
    [
      'goes on with its ticks',
      [
        [0, last],
        [0, tick(NOW)],
        [0, share('old', before)],
      ],
      ['old'],
    ],
  ])('%s', async (_, placed, expected) => {
    expect(await late(placed)).toEqual(expected)
  })
})

describe('an event id', () => {
  it('counts once over all partitions, as it was first read', async () => {
    const { ordered, tally } = await readFacts([
      [1, share('x', NOW, { actor_id: 'first' })],
      [0, share('x', NOW, { actor_id: 'second' })],
      [1, share('x', NOW, { actor_id: 'third' })],
    ])
    expect(ordered.map(({ actorId }) => actorId)).toEqual(['first'])
    expect(tally).toEqual({ records: 3, duplicates: 2, late: 0 })
  })

  it('does not count because it comes again where it is not late', async () => {
    const { ordered, tally } = await readFacts([
      [0, share('now', NOW)],
      [0, justOut],
      [1, justOut],
    ])
    expect(ordered.map(({ eventId }) => eventId)).toEqual(['now'])
    expect(tally).toEqual({ records: 3, duplicates: 1, late: 1 })
  })
})
