/**
 * Messages between partitions. What belongs to another key than the event's goes there explicitly, as data: the
 * embedded form delivers in process before it commits, the scaled form over a repartition topic.
 */
import type { AdmittedEvent } from '../schemas/records.ts'
import type { Carrier, CauseName, Claim, Resolution } from './attribution/causes.ts'

/** An event as it was admitted where it stood in the log; `counts`: it is not too late for the state. */
export interface MovedEvent extends Omit<AdmittedEvent, 'actor'> {
  readonly counts: boolean
}

export type Hop =
  /** To the actor: its event stood in another partition, where somebody else's writer had put it. */
  | { readonly to: 'moved'; readonly event: MovedEvent }
  /** To the cause: an event carries it. */
  | { readonly to: 'carried'; readonly name: CauseName; readonly carrier: Carrier }
  /** To the cause: a conversion names it. */
  | { readonly to: 'claimed'; readonly name: CauseName; readonly claim: Claim }
  /** To the claiming actor: what its cause leads to. */
  | { readonly to: 'resolved'; readonly resolution: Resolution }
  /** To the inviter: a signup is credited to it (sign 1), or no longer (-1). */
  | { readonly to: 'credited'; readonly referrerId: string; readonly signupMs: number; readonly sign: 1 | -1 }

/** Most messages that one event can lead to in a row: moved, carried or claimed, resolved, credited. */
export const HOPS_MAX = 4

/** The key whose partition takes the message. */
export function hopKey(hop: Hop): string {
  switch (hop.to) {
    case 'moved':
      return subjectOf(hop.event.record)
    case 'carried':
    case 'claimed':
      return `${hop.name.kind}:${hop.name.id}`
    case 'resolved':
      return hop.resolution.actorId
    case 'credited':
      return hop.referrerId
  }
}

/** The key of an event: its actor, or, where there is none, itself. */
export function subjectOf(record: AdmittedEvent['record']): string {
  return record.actor_id ?? record.event_id
}
