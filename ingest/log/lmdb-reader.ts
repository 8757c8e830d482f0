/**
 * The embedded log as another thread of the same process reads it. The thread that writes tells how far the log reaches;
 * LMDB lets any number of threads read beside it.
 */
import { open } from 'lmdb'
import type { LogReader } from '../../schemas/ports/log.ts'
import { environmentOf, openRecords, PartitionReader } from './lmdb-partition.ts'

export interface LmdbLogReader extends LogReader {
  /** Takes note that the log reaches to these offsets now, by partition: what is behind them may not be on disk yet. */
  appended(endOffsets: readonly number[]): void
  close(): Promise<void>
}

/** Opens the log in folder `path`, which another thread has open. `endOffsets` says how far it reaches, by partition. */
export function openLmdbLogReader(path: string, endOffsets: readonly number[]): LmdbLogReader {
  const root = open<Buffer, Buffer>(environmentOf(path))
  const records = openRecords(root)
  const partitions = endOffsets.length
  const readers = Array.from({ length: partitions }, (_, partition) => new PartitionReader(records, partition))
  const listeners = new Set<() => void>()
  let ends = endOffsets

  const readerOf = (partition: number): PartitionReader => {
    const reader = readers[partition]
    if (!reader) throw new RangeError(`there is no partition ${partition}`)
    return reader
  }
  const endOf = (partition: number): number => {
    const end = ends[partition]
    if (end === undefined) throw new RangeError(`there is no partition ${partition}`)
    return end
  }

  return {
    partitions,
    read: (partition, offset, limit) => readerOf(partition).read(offset, limit, endOf(partition)),
    endOffset: endOf,
    startOffset: (partition) => readerOf(partition).start() ?? endOf(partition),
    onAppend(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    appended(endOffsets) {
      ends = endOffsets
      root.resetReadTxn() // the one that is kept does not see the new records
      for (const listener of listeners) listener()
    },
    close: () => root.close(),
  }
}
