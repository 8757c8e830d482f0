/**
 * Which event ids of a workspace were here in the last 7 days, where anybody may write to the log. Time comes with the
 * records, so that the same log gives the same answers. Driver: `ingest/dedupe/event-id-memory.ts`.
 */
export interface EventIds {
  /** Takes the id for an event received then; false when it was taken in the 7 days before. */
  claim(workspace: string, eventId: string, receivedMs: number): boolean
  /** Everything that is remembered, to be stored; what it holds is the driver's. */
  snapshot(): unknown
  /** Goes on from what a driver of the same kind stored. */
  restore(snapshot: unknown): void
}
