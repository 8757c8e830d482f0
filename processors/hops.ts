/**
 * Messages between partitions. What belongs to another key than the event's goes there explicitly, as data: the
 * embedded form delivers in process before it commits, the scaled form over repartition topics.
 */
import type { Carrier, CauseName, Claim, Resolution } from './attribution/causes.ts'

export type Hop =
  /** To the cause: an event carries it. */
  | { readonly to: 'carried'; readonly name: CauseName; readonly carrier: Carrier }
  /** To the cause: a conversion names it. */
  | { readonly to: 'claimed'; readonly name: CauseName; readonly claim: Claim }
  /** To the claiming actor: what its cause leads to. */
  | { readonly to: 'resolved'; readonly resolution: Resolution }
  /** To the inviter: a signup is credited to it (sign 1), or no longer (-1). */
  | { readonly to: 'credited'; readonly referrerId: string; readonly signupMs: number; readonly sign: 1 | -1 }

/** The key whose partition takes the message. */
export function hopKey(hop: Hop): string {
  switch (hop.to) {
    case 'carried':
    case 'claimed':
      return `${hop.name.kind}:${hop.name.id}`
    case 'resolved':
      return hop.resolution.actorId
    case 'credited':
      return hop.referrerId
  }
}
