/** A log whose appends go as on a network: well, refused, or into the log though the answer is lost, at once or later. */
import { type Log, LogUnavailableError } from '../../schemas/ports/log.ts'

export type AppendFate = 'well' | 'refused' | 'answer lost' | 'lands later'

export interface DoubtfulLog extends Log {
  /** What becomes of the next appends, in order; those after them are well. */
  readonly fates: AppendFate[]
  /** Lets all land that has not: as a request that a broker takes after its sender gave up. */
  land(): Promise<void>
}

export function doubtfulLog(log: Log): DoubtfulLog {
  const fates: AppendFate[] = []
  let underWay: (() => Promise<unknown>)[] = []
  return {
    partitions: log.partitions,
    fates,
    async append(messages) {
      const fate = fates.shift()
      if (fate === undefined || fate === 'well') return log.append(messages)
      if (fate === 'answer lost') await log.append(messages)
      if (fate === 'lands later') underWay.push(() => log.append(messages))
      throw new LogUnavailableError(fate)
    },
    async land() {
      const landing = underWay
      underWay = []
      for (const append of landing) await append()
    },
    read: (partition, offset, limit) => log.read(partition, offset, limit),
    endOffset: (partition) => log.endOffset(partition),
    startOffset: (partition) => log.startOffset(partition),
    onAppend: (listener) => log.onAppend(listener),
    close: () => log.close(),
  }
}
