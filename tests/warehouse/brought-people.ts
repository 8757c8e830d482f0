/** A workspace of people who come by themselves, and of those they bring, filled in directly. */
import Fastify, { type FastifyInstance } from 'fastify'
import type { Principal } from '../../schemas/ports/workspaces.ts'
import type { EventRecord } from '../../schemas/log-records.ts'
import { eventRecord } from '../../schemas/log-records.ts'
import type { GrowthRow, PersonRow } from '../../schemas/records.ts'
import { DAY_MS, HOUR_MS } from '../../schemas/windows.ts'
import { createRandom } from '../../simulate/random.ts'
import { replyWithProblem } from '../../warehouse/api/problem-replies.ts'
import type { AccessPorts } from '../../warehouse/api/read-access.ts'
import type { Warehouse } from '../../warehouse/drivers/clickhouse-warehouse.ts'
import { createSink } from '../../warehouse/sink/sink.ts'

export const START = Date.UTC(2026, 2, 1)
const DAYS = 30
export const END = START + DAYS * DAY_MS

export interface Arrival {
  readonly id: string
  readonly atMs: number
  readonly referrer: string
}

/** People who come by themselves, and those they bring one to five days later. */
function arrivals(): Arrival[] {
  const random = createRandom(7)
  const people: Arrival[] = []
  for (let index = 0; index < 120; index += 1)
    people.push({ id: `p${index}`, atMs: START + Math.ceil(random.uniform() * (END - START)), referrer: '' })
  for (let index = 0; index < people.length && people.length < 400; index += 1) {
    const parent = people[index] as Arrival
    for (let child = 0; child < Math.floor(random.uniform() * 3); child += 1) {
      const atMs = parent.atMs + Math.ceil((1 + 4 * random.uniform()) * DAY_MS)
      people.push({ id: `p${index}-${child}`, atMs, referrer: parent.id })
    }
  }
  return people
}
export const PEOPLE = arrivals()

function personRow({ id, atMs, referrer }: Arrival, index: number): PersonRow {
  const signup = { signup_ms: atMs, signup_event_id: `s${index}`, referrer_id: referrer, via: referrer === '' ? '' : 'referrer' } as const
  const nothing = { channel: '', campaign: '', variant: '' }
  return { workspace: 'acme', actor_id: id, actor: index + 1, first_activity_ms: atMs, ...signup, ...nothing, version: 1 } as PersonRow
}

/** All that says how far the workspace is. */
function windowRow(watermarkMs: number): GrowthRow {
  const counts = Object.fromEntries(
    'active_users new_users inviters sharers spreaders invites_sent shares via_invite via_code via_share via_referrer'
      .split(' ')
      .map((name) => [name, 0]),
  )
  return {
    workspace: 'acme',
    window: '7d',
    dimension: '',
    value: '',
    end_ms: END,
    counts: { ...counts, revenue: {}, referred_revenue: {} } as unknown as GrowthRow['counts'],
    k: null,
    final: true,
    version: 1,
    watermark_ms: watermarkMs,
  }
}

/** How far the workspace is: three hours beyond the last day. */
export const WATERMARK = END + 3 * HOUR_MS

/** Writes the people, and events if any. */
export async function writePeople(warehouse: Warehouse, token: string, records: readonly EventRecord[] = []): Promise<void> {
  const actors = new Map(PEOPLE.map(({ id }, index) => [id, index + 1]))
  await createSink(warehouse.writer, warehouse.reader).write({
    token,
    version: 1,
    events: records.map((record, offset) => ({ record, partition: 0, offset, actor: actors.get(record.actor_id ?? '') ?? 0, late: false })),
    quarantined: [],
    people: PEOPLE.map(personRow),
    growth: [windowRow(WATERMARK)],
    restatements: [],
  })
}

/** A share of a person. */
export function shareOf(index: number, actorId: string, occurredMs: number): EventRecord {
  const what = { type: 'share', event_id: `share-${index}`, actor_id: actorId, content_id: 'c' }
  return eventRecord.parse({ v: 1, workspace: 'acme', received_at: END, occurred_at: occurredMs, ...what })
}

/** A server with the routes that `add` adds; the key is the workspace. */
export function serverOf(
  warehouse: Warehouse,
  add: (app: FastifyInstance, deps: AccessPorts & { reader: Warehouse['reader'] }) => void,
): FastifyInstance {
  const app = Fastify()
  app.setErrorHandler(replyWithProblem)
  app.setValidatorCompiler(() => () => true)
  const authenticate = (workspace: string): Principal => ({ workspace, kind: 'read', keyId: workspace })
  add(app, { reader: warehouse.reader, workspaces: { authenticate, exists: () => true }, session: () => undefined })
  return app
}
