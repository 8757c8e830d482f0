/**
 * A log that can't commit blobs beside its records (Kafka), where one is asked for that can. Event ids are then known
 * only to this process: its answers name most duplicates, and the processors find them all.
 */
import type { Log } from '../../schemas/ports/log.ts'
import type { CompanionLog } from './companions.ts'

/** The log, with companions that are forgotten. */
export function forgetCompanions(log: Log): CompanionLog {
  return { ...log, append: (messages) => (messages.length === 0 ? Promise.resolve([]) : log.append(messages)), companions: () => [] }
}
