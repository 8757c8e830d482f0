/** What of a fetch is a record of the log: no markers of transactions, nothing of aborted ones, nothing before the place asked for. */
import type { StoredMessage } from '../../schemas/ports/log.ts'
import type { FetchedPartition, FetchedRecord } from './kafka-client.ts'

/** Key of the marker that ends an aborted transaction: version 0, type 0. */
const ABORT_KEY = Buffer.alloc(4)
const NOTHING = new Uint8Array()

/** Records from `offset` on, and the offset to ask for next. */
export function recordsOf(fetched: FetchedPartition, offset: number): { messages: StoredMessage[]; next: number } {
  const { partition } = fetched
  const messages: StoredMessage[] = []
  let next = offset
  for (const record of committed(fetched)) {
    const at = Number(record.offset)
    // A fetch gives whole batches, also when the place asked for is in the middle of one.
    if (at < offset) continue
    next = at + 1
    if (record.isAborted || record.isControlRecord) continue
    messages.push({ partition, offset: at, value: record.value ?? NOTHING })
  }
  return { messages, next }
}

/** Every record, with whether it belongs to a transaction that was taken back (KIP-98). */
function* committed(fetched: FetchedPartition): Generator<FetchedRecord & { isAborted?: boolean }> {
  const aborted = [...(fetched.abortedTransactions ?? [])].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  if (aborted.length === 0) {
    yield* fetched.messages
    return
  }
  const producers = new Set<string>()
  let begun = 0
  for (const record of fetched.messages) {
    for (let next = aborted[begun]; next && Number(next.firstOffset) <= Number(record.offset); next = aborted[begun]) {
      producers.add(next.producerId)
      begun += 1
    }
    const { producerId, inTransaction } = record.batchContext
    if (record.isControlRecord && record.key !== null && ABORT_KEY.equals(record.key)) producers.delete(producerId)
    yield { ...record, isAborted: inTransaction && producers.has(producerId) }
  }
}
