/** What must hold once all is quiet, looked at with nothing of the stream: the log, the rows, and the naive pass. */
import { decodeAnyRecord } from '../../processors/runtime/decode-record.ts'
import type { GrowthRow } from '../../schemas/records.ts'
import { LIVE_WINDOWS } from '../../schemas/windows.ts'
import type { Facts } from '../../verify/naive-facts.ts'
import { collectFacts } from '../../verify/naive-pass.ts'
import { naiveWindow } from '../../verify/naive-window.ts'
import type { Choices } from './seeded-choices.ts'
import type { StoredTopic } from './simulated-log.ts'
import type { Told } from './simulated-senders.ts'
import type { SimulatedWarehouse } from './simulated-warehouse.ts'

/** Window ends that are counted anew, of each window and workspace. */
const ENDS = 4

export interface PromiseParts {
  readonly topic: StoredTopic
  readonly warehouse: SimulatedWarehouse
  readonly told: Told
  readonly choices: Choices
}

/** What does not hold of a workspace, in words; nothing when all does. */
export async function brokenPromises(workspace: string, parts: PromiseParts): Promise<string[]> {
  return [...brokenPlaces(workspace, parts), ...(await brokenNumbers(workspace, parts))]
}

/** Acknowledged events are stored, each event in one place, quarantined ones in the quarantine. */
function brokenPlaces(workspace: string, { topic, warehouse, told }: PromiseParts): string[] {
  const broken: string[] = []
  const counts = new Map<string, number>()
  for (const { record } of warehouse.events(workspace)) counts.set(record.event_id, (counts.get(record.event_id) ?? 0) + 1)
  for (const id of told.stored.get(workspace) ?? [])
    if (!counts.has(id)) broken.push(`${workspace}: ${id} was acknowledged and is not stored`)
  for (const [id, count] of counts) if (count > 1) broken.push(`${workspace}: ${id} is stored ${count} times`)
  const quarantined = new Set(warehouse.quarantined().map(({ record }) => record.event_id ?? ''))
  for (const id of told.quarantined) if (!quarantined.has(id)) broken.push(`${id} was quarantined and is not there`)
  for (const id of quarantined) if (counts.has(id)) broken.push(`${workspace}: ${id} is stored and in the quarantine`)
  for (const message of topic.partitions.flat()) {
    const record = decodeAnyRecord(message)
    if (record.workspace === workspace && 'occurred_at' in record && !counts.has(record.event_id))
      broken.push(`${workspace}: ${record.event_id} stands in the log at ${message.partition}/${message.offset} and is not stored`)
  }
  return broken
}

/** Numbers of people and windows as the naive pass over the log has them. */
async function brokenNumbers(workspace: string, { topic, warehouse, choices }: PromiseParts): Promise<string[]> {
  const entries = topic.partitions.flatMap((messages) =>
    messages.map((message) => ({ partition: message.partition, offset: message.offset, record: decodeAnyRecord(message) })),
  )
  const facts = await collectFacts(entries, workspace)
  const broken: string[] = []
  const people = new Map(warehouse.people(workspace).map((person) => [person.actor_id, person]))
  for (const [actorId, firstMs] of facts.firstActivityMs) {
    const found = people.get(actorId)?.first_activity_ms
    if (found !== firstMs) broken.push(`${workspace}: ${actorId} was first active at ${found}, and is by the log at ${firstMs}`)
  }
  const rows = warehouse.growth(workspace)
  for (const { name, lengthMs, paneMs } of LIVE_WINDOWS) {
    const published = new Map<number, GrowthRow[]>()
    for (const row of rows) if (row.window === name) published.set(row.end_ms, [...(published.get(row.end_ms) ?? []), row])
    for (const endMs of endsOf(facts, published, paneMs, choices)) {
      const naive = naiveWindow(facts, { endMs, lengthMs })
      const found = shapeOf(published.get(endMs) ?? [])
      const wanted = shapeOf([{ ...naive.whole, dimension: '', value: '' }, ...naive.slices.map((slice) => ({ ...slice, k: null }))])
      if (found !== wanted) broken.push(`${workspace} ${name} at ${new Date(endMs).toISOString()}:\n  ${found}\n  by the log\n  ${wanted}`)
    }
  }
  return broken
}

/** Some ends of windows that are final: ends published, and ends of panes in which something happened; and the running one. */
function endsOf(facts: Facts, published: ReadonlyMap<number, readonly GrowthRow[]>, paneMs: number, choices: Choices): number[] {
  const finals = [...published].filter(([, rows]) => rows.some((row) => row.final)).map(([endMs]) => endMs)
  const newestMs = Math.max(...finals)
  const panes = facts.ordered.map(({ occurredAtMs }) => Math.ceil(occurredAtMs / paneMs) * paneMs).filter((endMs) => endMs <= newestMs)
  const ends = new Set<number>(published.size === 0 ? [] : [Math.max(...published.keys())])
  for (let index = 0; index < ENDS; index += 1) for (const of of [finals, panes]) if (of.length > 0) ends.add(choices.oneOf(of))
  return [...ends]
}

/** The numbers of one end as text; slices in which nobody was active mean the same as none. */
function shapeOf(rows: readonly Pick<GrowthRow, 'dimension' | 'value' | 'counts' | 'k'>[]): string {
  return rows
    .filter(({ counts }) => counts.active_users > 0)
    .map(({ dimension, value, counts, k }) => {
      const { exposure: _, ...sums } = k ?? { exposure: null }
      return `${dimension}=${value} ${JSON.stringify(sorted(counts))} ${JSON.stringify(sorted(sums))}`
    })
    .sort()
    .join('\n  ')
}

function sorted(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, one]): [string, unknown] => [key, typeof one === 'object' && one !== null ? sorted(one as object) : one])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
