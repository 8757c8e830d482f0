/** Partitions that are processed apart give the rows of one topology, wherever commits fall and whatever comes twice. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { GrowthRow, PersonRow } from '../../schemas/records.ts'
import type { PublishedRows } from '../support/published-rows.ts'
import { SpreadDriver } from '../support/spread-driver.ts'
import { TopologyDriver } from '../support/topology-driver.ts'
import { arbitraryAction } from './arbitrary-action.ts'

const DAY_ONE = Date.UTC(2026, 2, 2)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const people = ['ann', 'bob', 'cem', 'dee', 'eva', 'fay', 'gus']

const common = {
  actor_id: fc.constantFrom(...people),
  channel: fc.constantFrom('mail', 'chat', undefined),
  campaign: fc.constantFrom('spring', undefined),
}
const what = arbitraryAction(common)
/** What happens, how long after the one before, how late it is told, and what is done about it. */
const step = fc.record({
  what,
  afterMs: fc.oneof(fc.nat(2 * MINUTE), fc.nat(5 * HOUR), fc.nat(3 * DAY)),
  lateMs: fc.oneof(fc.constant(0), fc.nat(HOUR), fc.nat(9 * DAY)),
  /** An import brings it, much later. */
  imported: fc.boolean(),
  workspace: fc.constantFrom('w', 'w', 'other'),
  astray: fc.boolean(),
  acts: fc.array(
    fc.oneof(
      fc.record({ act: fc.constant('commit' as const), of: fc.nat(3) }),
      fc.record({ act: fc.constant('restart' as const), of: fc.nat(3) }),
      fc.record({ act: fc.constant('all' as const), of: fc.constant(0) }),
    ),
    { maxLength: 3 },
  ),
})
type Step = Omit<typeof step extends fc.Arbitrary<infer Value> ? Value : never, never>

interface Told {
  readonly record: LogRecord
  readonly step: Step
}

function told(steps: readonly Step[]): Told[] {
  let nowMs = DAY_ONE
  return steps.map((each, index) => {
    nowMs += each.afterMs
    const given = Object.fromEntries(Object.entries(each.what).filter(([, value]) => value !== undefined))
    const record = {
      v: 1,
      workspace: each.workspace,
      event_id: `e${index}`,
      received_at: nowMs,
      occurred_at: nowMs - each.lateMs * (each.imported ? 5 : 1),
      ...given,
      ...(each.imported ? { import_id: 'm' } : {}),
    } as LogRecord
    return { record, step: each }
  })
}

/** The import ends, and time goes on everywhere, as the tickers see to it. */
function ends(nowMs: number): LogRecord[] {
  const imports = ['w', 'other'].map(
    (workspace): LogRecord => ({ v: 1, type: 'import_end', workspace, received_at: nowMs, import_id: 'm' }),
  )
  return [
    ...imports,
    ...['w', 'other', '*'].map((workspace): LogRecord => ({ v: 1, type: 'tick', workspace, received_at: nowMs + 2 * HOUR })),
  ]
}

function outcome(rows: PublishedRows) {
  const plain = ({ version: _, watermark_ms: __, ...row }: GrowthRow) => row
  const byKey = (a: GrowthRow, b: GrowthRow) =>
    a.workspace.localeCompare(b.workspace) ||
    a.window.localeCompare(b.window) ||
    a.end_ms - b.end_ms ||
    a.dimension.localeCompare(b.dimension) ||
    a.value.localeCompare(b.value)
  const person = ({ version: _, ...row }: PersonRow) => row
  return {
    growth: rows
      .rows()
      .filter((row) => row.final && row.counts.active_users > 0)
      .sort(byKey)
      .map(plain),
    people: rows
      .people()
      .map(person)
      .sort((a, b) => `${a.workspace} ${a.actor_id}`.localeCompare(`${b.workspace} ${b.actor_id}`)),
    events: rows.events.map(({ record, late, actor }) => `${record.workspace} ${record.event_id} ${late} ${actor}`).sort(),
  }
}

async function spread(steps: readonly Told[], partitions: number, endMs: number, strays: boolean) {
  const driver = new SpreadDriver(partitions, steps.length % 2 === 0 ? 40 : undefined)
  for (const { record, step: each } of steps) {
    driver.put([record], strays && each.astray)
    for (const { act, of } of each.acts) {
      if (act === 'commit') await driver.commitOne(of % partitions)
      else if (act === 'all') await driver.commit()
      else {
        await driver.commitOne(of % partitions)
        driver.restart(of % partitions)
      }
    }
  }
  driver.put(ends(endMs))
  await driver.commit()
  await driver.commit()
  return outcome(driver)
}

async function together(steps: readonly Told[], partitions: number, endMs: number) {
  const driver = new TopologyDriver(partitions)
  await driver.put(steps.map(({ record }) => record))
  await driver.put(ends(endMs))
  driver.commit()
  return outcome(driver)
}

type Outcome = ReturnType<typeof outcome>

const LIMITS = {
  numRuns: Number(process.env.KAPPA_FUZZ_RUNS ?? 25),
  interruptAfterTimeLimit: Number(process.env.KAPPA_FUZZ_MS ?? 3_000),
  endOnFailure: true,
}

describe('partitions that are processed apart', () => {
  it('publish what one topology publishes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.integer({ min: 2, max: 4 }), async (steps, partitions) => {
        const history = told(steps)
        const endMs = history.at(-1)?.record.received_at ?? 0
        expect(await spread(history, partitions, endMs, false)).toEqual(await together(history, partitions, endMs))
      }),
      LIMITS,
    )
  }, 600_000)

  it('count an event with its actor, wherever somebody put it', async () => {
    // Lateness is judged where an event stands: here nothing is late.
    const inTime = step.map((each) => ({ ...each, lateMs: Math.min(each.lateMs, 6 * DAY), imported: false }))
    const withoutNumbers = ({ growth, people: rows, events }: Outcome) => ({
      growth,
      people: rows.map(({ actor: _, ...row }) => row),
      events: events.map((event) => event.replace(/ \d+$/, '')),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(inTime, { minLength: 1, maxLength: 20 }), fc.integer({ min: 2, max: 4 }), async (steps, partitions) => {
        const history = told(steps)
        const endMs = history.at(-1)?.record.received_at ?? 0
        expect(withoutNumbers(await spread(history, partitions, endMs, true))).toEqual(
          withoutNumbers(await together(history, partitions, endMs)),
        )
      }),
      LIMITS,
    )
  }, 600_000)
})
