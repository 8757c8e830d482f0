/**
 * Which partitions this instance processes. Embedded: all of them, always. Scaled: those that a group shares out among
 * the instances; each sharing-out is a generation. Driver: `ingest/log/kafka-membership.ts`.
 */

export interface OwnershipListener {
  /**
   * These are to go to another instance: stop taking in, commit what is processed, and keep nothing of them. They are not
   * owned any more, but nobody else gets them before this has resolved, within the driver's limit for it (then `lost`
   * follows). All others stay, and go on.
   */
  release(partitions: readonly number[]): Promise<void>
  /** All that are owned from now on, in this generation: those that stayed and those that came. Not awaited. */
  assigned(partitions: readonly number[], generation: number): void
  /** These went without `release` being heard: another instance may process them already, nothing may be written for them. */
  lost(partitions: readonly number[]): void
}

export interface PartitionOwnership {
  readonly partitions: number
  /** Partitions owned now, ascending. */
  owned(): readonly number[]
  /** Grows with each sharing-out; 0 before the first. */
  readonly generation: number
  /** Adds a listener; returns its remover. Listeners added before `join` hear everything. */
  onChange(listener: OwnershipListener): () => void
  /** Takes part, and keeps trying to; resolves with the first share (which may be none). Rejects when it is closed before that. */
  join(): Promise<readonly number[]>
  /** Asks whether this generation still owns its partitions: before a write that must not come from two instances. */
  isCurrent(generation: number): Promise<boolean>
  /** Notes how far partitions are processed, for tools that show lag; false when they are no longer owned. */
  note(offsets: ReadonlyMap<number, number>): Promise<boolean>
  /** Releases what is owned and leaves, so that others need not wait. */
  close(): Promise<void>
}

/** Ownership where there is one instance: everything, from the start. */
export function ownAll(partitions: number): PartitionOwnership {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  return {
    partitions,
    owned: () => all,
    generation: 1,
    onChange: () => () => {},
    join: async () => all,
    isCurrent: async () => true,
    note: async () => true,
    close: async () => {},
  }
}
