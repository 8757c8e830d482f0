/** Distinct invites sent, by window. Keyed by the invite, which need not belong to one actor. */
import { MINUTE_MS } from '../../schemas/windows.ts'
import { MEASURE } from './measures.ts'
import { PresencePanes, type PresenceSnapshot, SEEN } from './presence-panes.ts'
import type { SliceTable } from './slices.ts'

export interface SentInvitesSnapshot {
  readonly presence: PresenceSnapshot
  readonly ids: Map<string, number>
}

export class SentInvites {
  readonly #presence: PresencePanes
  #ids: Map<string, number>

  constructor(slices: SliceTable, from?: SentInvitesSnapshot) {
    this.#presence = new PresencePanes([{ column: MEASURE.invites_sent, kindBits: 1 << SEEN.invite }], slices.at)
    this.#ids = from?.ids ?? new Map()
    if (from) this.#presence.restore(from.presence)
  }

  /** The invite was sent; sent again in the same window it still counts once. */
  sent(inviteId: string, atMs: number, slice: number): void {
    let id = this.#ids.get(inviteId)
    if (id === undefined) {
      id = this.#ids.size
      this.#ids.set(inviteId, id)
    }
    this.#presence.add(id, Math.ceil(atMs / MINUTE_MS), slice, SEEN.invite, 1)
  }

  dropBefore(atMs: number): void {
    this.#presence.dropBefore(Math.floor(atMs / MINUTE_MS))
  }

  snapshot(): SentInvitesSnapshot {
    return { presence: this.#presence.snapshot(), ids: this.#ids }
  }
}
