/** Distinct invites sent, by window. Keyed by the invite, which need not belong to one actor. */
import { MINUTE_MS } from '../../schemas/windows.ts'
import { MEASURE } from './measures.ts'
import { PresencePanes, type PresenceSnapshot, SEEN } from './presence-panes.ts'
import type { SliceTable } from './slices.ts'

export class SentInvites {
  readonly #presence: PresencePanes

  constructor(slices: SliceTable, from?: PresenceSnapshot) {
    this.#presence = new PresencePanes([{ column: MEASURE.invites_sent, kindBits: 1 << SEEN.invite }], slices.at)
    if (from) this.#presence.restore(from)
  }

  /** The invite of this number was sent; sent again in the same window it still counts once. */
  sent(invite: number, atMs: number, slice: number): void {
    this.#presence.add(invite, Math.ceil(atMs / MINUTE_MS), slice, SEEN.invite, 1)
  }

  dropBefore(atMs: number): void {
    this.#presence.dropBefore(Math.floor(atMs / MINUTE_MS))
  }

  snapshot(): PresenceSnapshot {
    return this.#presence.snapshot()
  }
}
