/** Random logs of several partitions, events in anybody's partition and ticks of whole partitions among them: the stream says what the naive pass says. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import { DAY_MS, HOUR_MS, LIVE_WINDOWS } from '../../schemas/windows.ts'
import type { LogEntry } from '../../verify/log-entries.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { partitionsOfRecord } from '../support/partition-of-record.ts'
import { SpreadDriver } from '../support/spread-driver.ts'

const START = Date.UTC(2026, 2, 2)

const actor_id = fc.constantFrom('ann', 'bob', 'cem', 'dee', 'eva')
const event = fc.oneof(
  fc.record({ type: fc.constant('share'), actor_id, content_id: fc.constant('x'), share_id: fc.constantFrom('s1', 's2') }),
  fc.record({ type: fc.constant('invite'), actor_id, action: fc.constant('sent'), invite_id: fc.constantFrom('i1', 'i2') }),
  fc.record({ type: fc.constant('conversion'), actor_id, kind: fc.constant('signup'), invite_id: fc.constantFrom('i1', 'i2') }),
  fc.record({ type: fc.constant('conversion'), actor_id, kind: fc.constant('signup'), share_id: fc.constantFrom('s1', 's2') }),
)
const tick = fc.record({ type: fc.constant('tick'), workspace: fc.constantFrom('*', '*', 'w') })
const step = fc.record({
  what: fc.oneof({ weight: 5, arbitrary: event }, { weight: 1, arbitrary: tick }),
  afterMs: fc.oneof(fc.nat(HOUR_MS), fc.nat(4 * DAY_MS)),
  lateMs: fc.oneof(fc.constant(0), fc.nat(HOUR_MS), fc.nat(16 * DAY_MS)),
  isAstray: fc.boolean(),
  isCommitted: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** Numbers of the stream's whole workspace beside those of the naive pass, and which events were late to whom. */
async function compared(steps: readonly Step[], partitions: number) {
  const driver = new SpreadDriver(partitions)
  const offsets = new Array<number>(partitions).fill(0)
  const entries: LogEntry[] = []
  const put = (record: LogRecord, isAstray: boolean) => {
    driver.put([record], isAstray)
    const shift = isAstray && record.type !== 'tick' ? 1 : 0
    for (const own of partitionsOfRecord(record, partitions)) {
      const partition = (own + shift) % partitions
      const offset = offsets[partition] as number
      offsets[partition] = offset + 1
      entries.push({ partition, offset, record })
    }
  }
  let nowMs = START
  for (const [index, { what, afterMs, lateMs, isAstray, isCommitted }] of steps.entries()) {
    nowMs += afterMs
    const times = what.type === 'tick' ? {} : { event_id: `e${index}`, occurred_at: nowMs - lateMs }
    put({ v: 1, workspace: 'w', received_at: nowMs, ...times, ...what } as LogRecord, isAstray)
    if (isCommitted) await driver.commit()
  }
  for (const workspace of ['w', '*']) put({ v: 1, workspace, type: 'tick', received_at: nowMs + 2 * HOUR_MS }, false)
  await driver.commit()

  const facts = await collectFacts(entries, 'w')
  const published = driver.rows('w').filter((row) => row.final && row.dimension === '')
  const windows = published.map((row) => {
    const lengthMs = LIVE_WINDOWS.find(({ name }) => name === row.window)?.lengthMs ?? 0
    const { whole } = naiveWindow(facts, { endMs: row.end_ms, lengthMs })
    const where = `${row.window} to ${new Date(row.end_ms).toISOString()}`
    return { stream: { where, counts: row.counts }, naive: { where, counts: whole.counts } }
  })
  return {
    stream: {
      counted: driver.events.flatMap(({ late, record }) => (late ? [] : [record.event_id])).sort(),
      windows: windows.map(({ stream }) => stream),
    },
    naive: { counted: facts.ordered.map(({ eventId }) => eventId).sort(), windows: windows.map(({ naive }) => naive) },
    late: facts.tally.late,
  }
}

/** Ann goes on, then tells of what is 10 days old: too late where she is, in time where nobody was. */
const shares = [0, 0, 10 * DAY_MS].map((lateMs): Step => {
  const what = { type: 'share', actor_id: 'ann', content_id: 'x', share_id: 's1' } as const
  return { what, afterMs: 2 * DAY_MS, lateMs, isAstray: false, isCommitted: true }
})

describe('over several partitions', () => {
  it.each([
    ['too late by its own partition', shares, 1],
    ['in time in a partition of which nothing came yet', shares.map((each) => ({ ...each, isAstray: each.lateMs > 0 })), 0],
  ])('an event is %s', async (_, steps, late) => {
    const { stream, naive, ...found } = await compared(steps, 3)
    expect(found.late).toBe(late)
    expect(naive.windows.length).toBeGreaterThan(0)
    expect(stream).toEqual(naive)
  })

  it('the same events are late, and the same numbers follow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 16 }), fc.integer({ min: 1, max: 4 }), async (steps, partitions) => {
        const { stream, naive } = await compared(steps, partitions)
        expect(stream).toEqual(naive)
      }),
      {
        numRuns: Number(process.env['KAPPA_FUZZ_RUNS'] ?? 25),
        interruptAfterTimeLimit: Number(process.env['KAPPA_FUZZ_MS'] ?? 5_000),
        endOnFailure: true,
      },
    )
  }, 600_000)
})
