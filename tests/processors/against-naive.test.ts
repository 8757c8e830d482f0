/** Random histories, late and too late ones, ticks, imports that reach far back: the stream equals the naive pass at every end it published. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import { LIVE_WINDOWS } from '../../schemas/windows.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import { TopologyDriver } from '../support/topology-driver.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
const START = Date.UTC(2026, 2, 2, 0, 0, 0)

const person = fc.constantFrom('ann', 'bob', 'cem', 'dee', 'eva', 'fay')
const optional = <Value>(...values: Value[]) => fc.constantFrom(...values, undefined)
const cause = {
  invite_id: optional('i1', 'i2'),
  referral_code: optional('c1', 'c2'),
  share_id: optional('s1'),
  referrer_id: optional('ann', 'bob', 'zoe'),
}
const slice = { channel: optional('mail', 'chat'), campaign: optional('spring') }
const what = fc.oneof(
  fc.record({
    type: fc.constant('share'),
    actor_id: person,
    content_id: fc.constant('x'),
    share_id: cause.share_id,
    referral_code: cause.referral_code,
    ...slice,
  }),
  fc.record({
    type: fc.constant('invite'),
    actor_id: person,
    action: fc.constantFrom('sent', 'sent', 'opened'),
    invite_id: fc.constantFrom('i1', 'i2', 'i3'),
    ...slice,
  }),
  fc.record({ type: fc.constant('conversion'), actor_id: person, kind: fc.constant('signup'), ...cause, ...slice }),
  fc.record({
    type: fc.constant('conversion'),
    actor_id: person,
    kind: fc.constantFrom('purchase', 'refund'),
    amount_minor: fc.nat(900),
    currency: fc.constantFrom('EUR', 'USD'),
    ...slice,
  }),
)
/** How far the log's time moves on before the event, how late the event is then, and whether an import brings it. */
const step = fc.record({
  what,
  afterMs: fc.oneof(fc.nat(2 * HOUR), fc.nat(30 * HOUR)),
  lateMs: fc.oneof(fc.constant(0), fc.nat(2 * HOUR), fc.nat(9 * DAY)),
  imported: fc.boolean(),
})
type Step = { what: Record<string, unknown>; afterMs: number; lateMs: number; imported: boolean }

/** The log of the steps: received in order, an import in one piece at the end, a last tick. */
function logOf(steps: readonly Step[]): LogRecord[] {
  let nowMs = START
  const records: LogRecord[] = []
  const imported: LogRecord[] = []
  for (const [index, { what: event, afterMs, lateMs, imported: byImport }] of steps.entries()) {
    nowMs += afterMs
    const given = Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined))
    const record = { v: 1, workspace: 'w', event_id: `e${index}`, received_at: nowMs, occurred_at: nowMs - lateMs, ...given } as LogRecord
    if (byImport) imported.push({ ...record, occurred_at: nowMs - lateMs * 5, import_id: 'm' } as LogRecord)
    else records.push(record)
  }
  for (const record of imported) records.push({ ...record, received_at: nowMs })
  if (imported.length > 0) records.push({ v: 1, type: 'import_end', workspace: 'w', received_at: nowMs, import_id: 'm' })
  records.push({ v: 1, type: 'tick', workspace: 'w', received_at: nowMs + 2 * HOUR })
  return records
}

async function check(steps: readonly Step[], partitions: number, commitEvery: number): Promise<void> {
  const records = logOf(steps)
  const driver = new TopologyDriver(partitions)
  for (let start = 0; start < records.length; start += commitEvery) {
    await driver.put(records.slice(start, start + commitEvery))
    driver.commit()
    if (start % 3 === 0) driver.restart()
  }
  async function* entries() {
    for (const [offset, record] of records.entries()) yield { partition: 0, offset, record }
  }
  const facts = await collectFacts(entries(), 'w')
  const rows = driver.rows('w')
  for (const window of LIVE_WINDOWS) {
    const ends = [...new Set(rows.filter((row) => row.window === window.name && row.dimension === '').map((row) => row.end_ms))].sort(
      (a, b) => a - b,
    )
    const asked = ends.filter((_, index) => index % Math.ceil(ends.length / 12) === 0 || index === ends.length - 1)
    for (const endMs of asked) {
      const naive = naiveWindow(facts, { endMs, lengthMs: window.lengthMs })
      const at = rows.filter((row) => row.window === window.name && row.end_ms === endMs)
      const whole = at.find((row) => row.dimension === '') as GrowthRow
      const where = `${window.name} at ${new Date(endMs).toISOString()}`
      expect(whole.counts, where).toEqual(naive.whole.counts)
      expect({ ...whole.k, exposure: null }, where).toEqual({ ...naive.whole.k, exposure: null })
      const slicesOf = (slices: readonly { dimension: string; value: string; counts: GrowthRow['counts'] }[]) =>
        slices
          .filter(({ dimension, counts }) => dimension !== '' && counts.active_users > 0)
          .map(({ dimension, value, counts }) => ({ slice: `${dimension}=${value}`, counts }))
          .sort((a, b) => (a.slice < b.slice ? -1 : 1))
      expect(slicesOf(at), where).toEqual(slicesOf(naive.slices))
    }
  }
}

describe('the stream equals the naive pass at every published end', () => {
  it('whatever the order, the lateness and the cuts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 8 }), (steps, commitEvery) =>
        check(steps as Step[], 1, commitEvery),
      ),
      {
        numRuns: Number(process.env.KAPPA_FUZZ_RUNS ?? 25),
        interruptAfterTimeLimit: Number(process.env.KAPPA_FUZZ_MS ?? 4_000),
        endOnFailure: true,
      },
    )
  }, 600_000)
})
