/** History that goes on where it was when the warehouse was away in the middle of it. */
import type { AdmittedEvent } from '../../schemas/records.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'
import type { Patience } from './patience.ts'

/**
 * Chunks of what `read` gives, which is ordered by (occurred_at, event_id) each time it is read; begun again behind the last
 * event when it rejects with `WarehouseUnavailableError`.
 */
export async function* patientHistory(
  read: () => AsyncIterable<readonly AdmittedEvent[]>,
  patience: Patience,
): AsyncGenerator<readonly AdmittedEvent[]> {
  let chunks: AsyncIterator<readonly AdmittedEvent[]> | undefined
  let last: AdmittedEvent | undefined
  for (;;) {
    let chunk: readonly AdmittedEvent[] | undefined
    const next = async () => {
      chunks ??= read()[Symbol.asyncIterator]()
      try {
        const result = await chunks.next()
        chunk = result.done === true ? undefined : result.value
      } catch (error) {
        chunks = undefined
        throw error
      }
    }
    await patience.until('history could not be read', next, (error) => error instanceof WarehouseUnavailableError)
    if (chunk === undefined) return
    const fresh = chunk.filter((event) => last === undefined || isAfter(event, last))
    last = fresh.at(-1) ?? last
    if (fresh.length > 0) yield fresh
  }
}

function isAfter({ record: one }: AdmittedEvent, { record: other }: AdmittedEvent): boolean {
  if (one.occurred_at !== other.occurred_at) return one.occurred_at > other.occurred_at
  return Buffer.compare(Buffer.from(one.event_id), Buffer.from(other.event_id)) > 0
}
