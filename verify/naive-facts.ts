/** Plain facts: what the naive pass keeps of the log. */
import type { CauseKind } from '../schemas/records.ts'

/** A share, a sent invite or a conversion, as far as growth numbers need it; '' for an absent field. */
export interface Fact {
  readonly type: 'share' | 'invite' | 'conversion'
  readonly eventId: string
  readonly occurredAtMs: number
  readonly actorId: string
  readonly channel: string
  readonly campaign: string
  readonly variant: string
  readonly inviteId: string
  readonly shareId: string
  readonly referralCode: string
  readonly referrerId: string
  /** Of a conversion: signup, purchase, refund, ... */
  readonly kind: string
  readonly amountMinor: number
  readonly currency: string
}

export interface Credit {
  readonly via: CauseKind
  readonly referrerId: string
  /** The event that caused the signup; null for a `referrer_id`, which stands for itself. */
  readonly cause: Fact | null
}

/** The earliest signup of an actor, the only one that counts. */
export interface Signup {
  readonly fact: Fact
  readonly credit: Credit | null
}

/** Everything that counts in one workspace. */
export interface Facts {
  /** By (occurred_at, event_id bytewise). */
  readonly ordered: readonly Fact[]
  /** The counted signup of each actor, with its credit. */
  readonly signups: ReadonlyMap<string, Signup>
  /** First share, sent invite or conversion of each actor, epoch ms. */
  readonly firstActivityMs: ReadonlyMap<string, number>
  readonly tally: { readonly records: number; readonly duplicates: number; readonly late: number }
}
