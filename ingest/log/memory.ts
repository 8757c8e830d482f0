/** A log in memory with the semantics of the port, for tests and simulations: nothing survives the process. */
import type { LogMessage, StoredMessage } from '../../schemas/ports/log.ts'
import { AppendQueue } from './append-queue.ts'
import type { CompanionLog, CompanionWrite } from './companions.ts'

/** A log in memory of `partitions` partitions; appended values are copied, as a disk would. */
export function createMemoryLog({ partitions }: { readonly partitions: number }): CompanionLog {
  const stored: StoredMessage[][] = Array.from({ length: partitions }, () => [])
  const blobs = new Map<string, Uint8Array>()

  const queue = new AppendQueue(new Array<number>(partitions).fill(0), async (appends, companions) => {
    for (const { partition, firstOffset, values } of appends) {
      const messages = stored[partition] ?? []
      for (const [i, value] of values.entries()) messages.push({ partition, offset: firstOffset + i, value: Uint8Array.from(value) })
    }
    for (const { key, value } of companions) {
      const name = Buffer.from(key).toString('hex')
      if (value) blobs.set(name, Uint8Array.from(value))
      else blobs.delete(name)
    }
  })

  return {
    partitions,
    append: (messages: readonly LogMessage[], companions?: readonly CompanionWrite[]) => queue.append(messages, companions),
    read(partition, offset, limit) {
      return (stored[partition] ?? []).slice(offset, Math.min(offset + limit, queue.endOffset(partition)))
    },
    endOffset: (partition) => queue.endOffset(partition),
    startOffset: (partition) => Math.min(0, queue.endOffset(partition)),
    onAppend: (listener) => queue.onAppend(listener),
    *companions(prefix) {
      const start = Buffer.from(prefix).toString('hex')
      for (const name of [...blobs.keys()].filter((key) => key.startsWith(start)).sort()) {
        yield { key: Buffer.from(name, 'hex'), value: blobs.get(name) ?? new Uint8Array() }
      }
    },
    close: () => queue.close(),
  }
}
