/** What the warehouse says about the raw events that it keeps, for imports (CONTRACT "Events", `event_id`). Driver: `warehouse`. */

export interface KeptEvent {
  readonly event_id: string
  /** Stored, but counted nowhere: an import of it clears the flag. */
  readonly late: boolean
  /** Position in the log of the row that is kept. */
  readonly partition: number
  readonly offset: number
  /** Epoch ms, as stored. */
  readonly occurred_at: number
}

export interface KeptIds {
  /**
   * Raw events of the workspace that are kept (not deleted, the current row of each): those received before
   * `receivedBeforeMs`, and all late ones whenever received. In any order; a driver may give more than asked.
   */
  loadKept(workspace: string, receivedBeforeMs: number): Promise<Iterable<KeptEvent> | AsyncIterable<KeptEvent>>
}
