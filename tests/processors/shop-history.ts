/** A log of two workspaces for tests of the runner. */
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'
import { partitionsOfRecord } from '../support/partition-of-record.ts'

export const START_MS = Date.UTC(2026, 2, 2)

/** Hours of people who come, invite and share; some of it two hours late; by time of receipt. */
export function history(): LogRecord[] {
  const records: LogRecord[] = []
  for (let index = 0; index < 180; index += 1) {
    const actor = `p${(index * 7) % 40}`
    const occurredAtMs = START_MS + index * 2 * MINUTE_MS
    const receivedAtMs = occurredAtMs + (index % 11 === 0 ? 2 * HOUR_MS : 1_000)
    const common = {
      v: 1,
      workspace: index % 9 === 0 ? 'club' : 'shop',
      event_id: `e${index}`,
      actor_id: actor,
      occurred_at: occurredAtMs,
      received_at: receivedAtMs,
    } as const
    const channel = ['mail', 'chat'][index % 2] as string
    if (index % 4 === 0)
      records.push({ ...common, type: 'conversion', kind: 'signup', invite_id: `i${index - 6}`, referrer_id: `p${index % 5}` })
    else if (index % 4 === 1) records.push({ ...common, type: 'share', content_id: 'x', channel })
    else if (index % 4 === 2) records.push({ ...common, type: 'invite', action: 'sent', invite_id: `i${index}`, channel })
    else records.push({ ...common, type: 'conversion', kind: 'purchase', amount_minor: index, currency: 'EUR' })
  }
  return records.sort((a, b) => a.received_at - b.received_at)
}

/** Appends records to their partitions; ticks and ends of imports to all. */
export async function append(log: Log, records: readonly LogRecord[]): Promise<void> {
  await log.append(
    records.flatMap((record) => {
      const value = Buffer.from(JSON.stringify(record))
      return partitionsOfRecord(record, log.partitions).map((partition) => ({ partition, value }))
    }),
  )
}
